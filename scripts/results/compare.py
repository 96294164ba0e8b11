#!/usr/bin/env python3
"""Do two models differ on the same items, or is it chance? Means of each series, and the 95 % interval of their difference.

    magnet eval retrieval ... --json --items > a.json   (the same with the other model > b.json)
    scripts/results/compare.py a.json b.json

Paired bootstrap: items are drawn with replacement, 10,000 times, and both models are judged on the same draw. An interval
that holds 0 shows no difference. Series whose items are no terms of a mean (cosine, gold) are left out, but for Spearman's
correlation of each cosine with the gold scores.
"""
import argparse
import json
import pathlib
import random

RESAMPLES = 10_000


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    out = [0.0] * len(values)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for i in order[begin:end]:
            out[i] = (begin + end + 1) / 2
        begin = end
    return out


def spearman(a, b):
    x, y = ranks(a), ranks(b)
    mean = (len(x) + 1) / 2
    xy = sum((p - mean) * (q - mean) for p, q in zip(x, y))
    xx, yy = sum((p - mean) ** 2 for p in x), sum((q - mean) ** 2 for q in y)
    return 100 * xy / (xx * yy) ** 0.5 if xx and yy else float("nan")


def interval(n, difference, resamples):
    draw = random.Random(1)
    found = sorted(difference(draw.choices(range(n), k=n)) for _ in range(resamples))
    return found[round(0.025 * (resamples - 1))], found[round(0.975 * (resamples - 1))]


def mean(values, items):
    return sum(values[i] for i in items) / len(items)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=pathlib.Path)
    parser.add_argument("b", type=pathlib.Path)
    args = parser.parse_args()
    a, b = (json.loads(path.read_text(encoding="utf-8"))["items"] for path in (args.a, args.b))
    for name in (name for name in a if name in b and name not in ("gold", "tokens")):
        if len(a[name]) != len(b[name]):
            parser.error(f"{name} has {len(a[name])} items in {args.a} and {len(b[name])} in {args.b}: not the same evaluation")
        kept = [i for i in range(len(a[name])) if a[name][i] is not None and b[name][i] is not None]
        x, y = [a[name][i] for i in kept], [b[name][i] for i in kept]
        of, resamples = mean, RESAMPLES
        if name.startswith("cosine."):
            gold = [a["gold"][i] for i in kept]
            of = lambda values, items: spearman([values[i] for i in items], [gold[i] for i in items])  # noqa: E731
            resamples = RESAMPLES // 10
        everything = range(len(kept))
        low, high = interval(len(kept), lambda items: of(y, items) - of(x, items), resamples)
        verdict = "" if low > 0 or high < 0 else "  no difference shown"
        print(f"{name:32} {of(x, everything):10.4f} {of(y, everything):10.4f}  {of(y, everything) - of(x, everything):+.4f}"
              f" [{low:+.4f}, {high:+.4f}]{verdict}")


if __name__ == "__main__":
    main()
