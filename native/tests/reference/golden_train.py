"""Golden losses, LoRA gradients and twenty optimizer steps of the tiny models.

    python golden_train.py ../golden        # reads tiny-*.gguf there, writes tiny-train-*.json beside them

The conventions are those of model.py, the losses those of objectives.py, the fields those of README.md.
"""
import sys

import numpy as np
import torch

from make_tiny import VOCAB
from model import CONTEXT, load, pack, write
from objectives import Lora, contrastive_loss, token_losses
from template import fill

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3", "olmo2")
LORA = {"rank": 4, "alpha": 8}
END, MASK = 1, 2  # tokens that close an open gap and stand for a masked token
WEIGHTS = {"mntp": 1.0, "sscl": 0.5, "msg": 2.0}
OPTIMIZER = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01, "clip": 1.0}
STEPS, BATCHES = 20, 4


class Maker:
    """Draws rows from a fixed seed. end: closes an open gap and a sentence; mask: stands for a masked token."""

    def __init__(self, seed, end=END, mask=MASK):
        self.random = np.random.default_rng(seed)
        self.end, self.masked = end, mask

    def tokens(self, n):
        return self.random.integers(4, VOCAB, n).tolist()

    def text(self, mode, lengths, slack=None, end=False, mntp=False, msg=True):
        """A row for MNTP and MSG; see template.fill. With end, the output at a gap's last token has to predict END."""
        row = fill([self.tokens(n) for n in lengths], mode, slack)
        labels = {"mntp": [-1] * len(row.tokens), "msg": [-1] * len(row.tokens)}
        predicted = range(1, len(row.tokens)) if mode == "causal" else row.predicted
        for l in predicted if msg else []:
            labels["msg"][l - 1] = row.tokens[l]
        if end:
            for _, stop in row.gaps:
                labels["msg"][stop - 1] = self.end
        if mntp:
            self.mask(row, labels["mntp"])
        return {"tokens": row.tokens, "roles": row.roles, "positions": row.positions, **labels}

    def mask(self, row, labels):
        """Picks context tokens that stand behind a context token: of ten, eight become MASK, one random, one stays."""
        for l in range(1, len(row.tokens)):
            if row.roles[l] == row.roles[l - 1] == CONTEXT and self.random.random() < 0.4:
                labels[l - 1] = row.tokens[l]
                dice = self.random.random()
                row.tokens[l] = self.masked if dice < 0.8 else self.tokens(1)[0] if dice < 0.9 else row.tokens[l]

    def sentence(self, prefix, own):
        """A row for SSCL: prefix, the sentence's own tokens, END in the place of EOS."""
        tokens = prefix + own + [self.end]
        return {
            "tokens": tokens,
            "roles": [CONTEXT] * len(tokens),
            "positions": list(range(len(tokens))),
            "sentence": [len(prefix), len(prefix) + len(own)],
        }

    def pairs(self, n, negatives=False, pooling="last", symmetric=True, temperature=0.05):
        """n anchors; positives repeat half of their anchor's tokens, negatives a quarter."""
        prefix = self.tokens(3)
        anchors = [self.tokens(self.random.integers(6, 11)) for _ in range(n)]

        def side(kept):
            views = [own[: int(kept * len(own))] for own in anchors]
            return [self.sentence(prefix, own + self.tokens(self.random.integers(3, 6))) for own in views]

        return {
            "anchors": [self.sentence(prefix, own) for own in anchors],
            "positives": side(0.5),
            "negatives": side(0.25) if negatives else [],
            "pooling": pooling,
            "symmetric": symmetric,
            "temperature": temperature,
        }

    def batch(self):
        """All objectives: hybrid rows with MNTP and MSG, an ordered one, one that is all span, and pairs."""
        rows = [
            self.text("hybrid", [7, 5, 8], mntp=True),
            self.text("hybrid", [5, 4, 6, 3, 4], slack=[3, 0], end=True, mntp=True),
            self.text("ordered", [6, 6, 7], slack=[2], end=True),
            self.text("causal", [12]),
        ]
        return {"rows": rows, "pairs": self.pairs(8, temperature=0.1)}


def batches():
    """Objectives alone, then together: name -> rows and / or pairs."""
    make = Maker(11)
    gaps = [
        ([7, 5, 8], None, False),
        ([6, 3, 9], None, True),
        ([8, 6, 10], [4], True),
        ([5, 4, 6, 3, 4], [3, 0], True),
        ([4, 7, 5, 5, 7], None, False),
        ([6, 8], None, True),
    ]

    def msg(mode):
        return {"rows": [make.text(mode, lengths, slack, end) for lengths, slack, end in gaps]}

    return {
        "mntp": {
            "rows": [
                make.text("hybrid", [7, 5, 8], mntp=True, msg=False),
                make.text("hybrid", [8, 6, 9], mntp=True, msg=False),
                make.text("bidirectional", [20], mntp=True),
            ]
        },
        "msg, hybrid": msg("hybrid"),
        "msg, ordered": msg("ordered"),
        "msg, all span": {"rows": [make.text("causal", [20]), make.text("causal", [9])]},
        "sscl, last": {"pairs": make.pairs(16)},
        "sscl, last, one way": {"pairs": make.pairs(16, symmetric=False)},
        "sscl, mean": {"pairs": make.pairs(16, pooling="mean")},
        "sscl, last, hard negatives": {"pairs": make.pairs(16, negatives=True)},
        "all": make.batch(),
    }


def losses(model, batch):
    """Objective -> loss, for the objectives that the batch has."""
    found = dict(zip(("mntp", "msg"), token_losses(model, batch["rows"]))) if batch.get("rows") else {}
    if batch.get("pairs"):
        found["sscl"] = contrastive_loss(model, batch["pairs"])
    return {objective: loss for objective, loss in found.items() if loss is not None}


def matrices(a, b):
    """Both halves of each adapted matrix, by the GGUF name of the base."""
    return {name: {"a": pack(a[name]), "b": pack(b[name])} for name in a}


def gradient_case(model, lora, name, batch):
    for parameter in lora.parameters:
        parameter.grad = None
    found = losses(model, batch)
    weights = WEIGHTS if name == "all" else dict.fromkeys(WEIGHTS, 1.0)
    total = sum(weights[objective] * loss for objective, loss in found.items())
    total.backward()
    return {
        "name": name,
        "rows": batch.get("rows", []),
        "pairs": batch.get("pairs"),
        "weights": {objective: weights[objective] for objective in found},
        "losses": {objective: loss.item() for objective, loss in found.items()},
        "total": total.item(),
        "gradients": matrices(*({k: v.grad for k, v in half.items()} for half in (lora.a, lora.b))),
    }


def train(model, lora):
    """Twenty steps of AdamW on a cycle of batches; the adapter moves."""
    make = Maker(12)
    cycle = [make.batch() for _ in range(BATCHES)]
    o = OPTIMIZER
    optimizer = torch.optim.AdamW(
        lora.parameters, lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"], weight_decay=o["weight_decay"]
    )
    steps = []
    for step in range(STEPS):
        optimizer.zero_grad()
        found = losses(model, cycle[step % BATCHES])
        sum(WEIGHTS[objective] * loss for objective, loss in found.items()).backward()
        norm = torch.nn.utils.clip_grad_norm_(lora.parameters, o["clip"])
        optimizer.step()
        steps.append({**{objective: loss.item() for objective, loss in found.items()}, "gradient_norm": norm.item()})
    return {"batches": cycle, "steps": steps, "lora": matrices(lora.a, lora.b)}


def main(folder):
    torch.set_num_threads(1)
    for number, arch in enumerate(ARCHITECTURES):
        model = load(f"{folder}/tiny-{arch}.gguf").requires_grad_(False)
        lora = Lora(model, **LORA, seed=number + 1)
        golden = {
            "model": f"tiny-{arch}.gguf",
            "rank": LORA["rank"],
            "alpha": LORA["alpha"],
            "lora": matrices(lora.a, lora.b),
            "cases": [gradient_case(model, lora, name, batch) for name, batch in batches().items()],
            "optimizer": OPTIMIZER,
            "weights": WEIGHTS,
            "training": train(model, lora),
        }
        first, last = golden["training"]["steps"][0], golden["training"]["steps"][-1]
        print(f"{arch}: first step {first}, last step {last}")
        write(f"{folder}/tiny-train-{arch}.json", golden)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
