"""Golden numbers of the evaluation's statistics, by SciPy, scikit-learn and Python's own generator.

    python golden_eval.py ../golden        # writes eval.json there

The fields are those of README.md.
"""
import json
import math
import pathlib
import random
import sys

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, ndcg_score
from sklearn.preprocessing import StandardScaler


def correlations():
    rng = np.random.default_rng(1)
    cases = [([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]), ([3, 1, 2], [1, 2, 3]), ([1, 1, 2, 2, 2, 3], [1, 2, 2, 1, 3, 3])]
    for n, levels in [(20, 5), (50, 3), (40, 1000)]:  # many ties, and hardly any
        a = rng.integers(0, levels, n) / 4
        cases.append((a.tolist(), (a + rng.integers(0, levels, n) / 2).tolist()))
    return [{"a": a, "b": b, "rho": float(spearmanr(a, b).statistic)} for a, b in cases]


def draws():
    bounds = [(1, 3), (0, 0), (8, 32), (1, 1000), (0, 2**31 - 1), (5, 6), (1, 255)]
    out = []
    for seed in (0, 1, 42, 2**32 - 1):
        source = random.Random(seed)
        turns = [[source.randint(lo, hi) for lo, hi in bounds] for _ in range(130)]  # past the generator's 624 words
        out.append({"seed": seed, "bounds": bounds, "first": turns[:3], "last": turns[-1], "turns": len(turns)})
    return out


def rankings():
    rng = np.random.default_rng(2)
    out = []
    for n in (4, 12, 30):
        grades = rng.choice([0, 0, 0, 1, 2, 3], n)
        grades[rng.integers(n)] = 2  # one that is relevant at least
        scores = -np.arange(n)  # the order given is the ranking
        for k in (1, 10):
            out.append({"grades": grades.tolist(), "k": k, "ndcg": float(ndcg_score([grades], [scores], k=k))})
    return out


def regressions():
    """Softmax regression on standardised features: mean log loss + l2 / 2 |W|^2, biases free."""
    rng = np.random.default_rng(3)
    out = []
    for n, d, c, l2 in [(80, 5, 4, 1e-2), (60, 17, 3, 1e-1), (120, 20, 19, 1e-3)]:
        x = rng.normal(size=(n, d)) * rng.uniform(0.1, 30, d) + rng.normal(size=d)
        y = np.concatenate([np.arange(c), np.argmax(x @ rng.normal(size=(d, c)) / 10 + rng.gumbel(size=(n, c)), 1)[c:]])
        x = x.round(2)
        z = StandardScaler().fit_transform(x.astype(np.float32).astype(np.float64))
        fit = LogisticRegression(C=1 / (l2 * n), tol=1e-12, max_iter=100000, solver="newton-cg").fit(z, y)
        loss = log_loss(y, fit.predict_proba(z)) + l2 / 2 * (fit.coef_**2).sum()
        out.append({
            "l2": l2, "x": x.tolist(), "y": y.tolist(), "loss": float(loss), "weights": fit.coef_.round(8).tolist(),
            "biases": (fit.intercept_ - fit.intercept_.mean()).round(8).tolist(), "predicted": fit.predict(z).tolist(),
        })
    return out


if __name__ == "__main__":
    golden = {"correlations": correlations(), "draws": draws(), "rankings": rankings(), "regressions": regressions()}
    assert not any(math.isnan(c["rho"]) for c in golden["correlations"])
    path = pathlib.Path(sys.argv[1]) / "eval.json"
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("},", "},\n") + "\n")
    print(path, path.stat().st_size)
