"""Golden hidden states and logits of the tiny models under every pattern of the role table.

    python golden_tiny.py ../golden        # reads tiny-*.gguf there, writes tiny-inference-*.json beside them

The conventions are those of model.py, the fields those of README.md.
"""
import sys

import numpy as np
import torch

import make_tiny
from model import CONTEXT, hidden, load, logits, pack, write
from template import fill

# Lengths of text and gap in turn, and the positions left free behind each gap.
LAYOUTS = {
    "one-gap": ([7, 6, 9], None),
    "two-gaps": ([4, 5, 6, 3, 5], None),
    "slack": ([7, 4, 9], [5]),
    "two-gaps-slack": ([4, 5, 6, 3, 5], [2, 7]),
}
CASES = [("causal", "one-gap"), ("bidirectional", "one-gap")] + [
    (mode, layout) for mode in ("hybrid", "ordered") for layout in LAYOUTS
]


def case(model, arch, mode, layout):
    lengths, slack = LAYOUTS[layout]
    random = np.random.default_rng([make_tiny.ARCHITECTURES.index(arch), list(LAYOUTS).index(layout)])
    row = fill([random.integers(4, make_tiny.VOCAB, n).tolist() for n in lengths], mode, slack)
    states = hidden(model, row.tokens, row.roles, row.positions)
    if mode == "hybrid":
        check_context_is_blind(model, row, states)
    heads = [row.gaps[0][0] - 1, len(row.tokens) - 1]
    return {
        "name": f"{mode}, {layout}",
        "tokens": row.tokens,
        "roles": row.roles,
        "positions": row.positions,
        "hidden": pack(states),
        "logit_rows": heads,
        "logits": pack(logits(model, states[heads])),
    }


def check_context_is_blind(model, row, states):
    """No golden number is worth keeping if context sees a span, or nothing depends on the mask."""
    changed = [t if role == CONTEXT else (t + 1) % make_tiny.VOCAB for t, role in zip(row.tokens, row.roles)]
    context = torch.tensor(row.roles) == CONTEXT
    difference = (hidden(model, changed, row.roles, row.positions) - states).abs()
    assert difference[context].max() == 0 and difference[~context].mean() > 0.1


def main(folder):
    torch.set_num_threads(1)
    for arch in make_tiny.ARCHITECTURES:
        model = load(f"{folder}/tiny-{arch}.gguf")
        with torch.no_grad():
            cases = [case(model, arch, *names) for names in CASES]
        write(f"{folder}/tiny-inference-{arch}.json", {"model": f"tiny-{arch}.gguf", "cases": cases})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
