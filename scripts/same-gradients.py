#!/usr/bin/env python3
"""The same numbers as Python's, in training's own terms: tokens, hidden states, logits, losses and LoRA gradients of MAGNET's
engines beside Hugging Face transformers and PyTorch, on the weights of one GGUF file.

    pip install -r native/tests/reference/requirements.txt
    cmake --build --preset release --target magnet_cli same-numbers
    scripts/same-gradients.py model.gguf

Python computes in float32 with the file's weights dequantised; F32 of an engine means the same, bf16 is how it trains by
default. Rows are the texts of native/tests/reference/texts.py under every pattern of roles, one of them longer than the
sliding window of a model that has one; the adapter is random. Errors are the largest difference by the largest number
(hidden states, logits), the relative difference (loss), or |a - b| / |b| of the worst of all adapter matrices (gradients).
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "native" / "tests" / "reference"))

import torch  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

import golden_train  # noqa: E402
import model as reference  # noqa: E402
import texts  # noqa: E402
from objectives import Lora  # noqa: E402
from template import fill  # noqa: E402

MARGIN = 40  # tokens by which the longest row is longer than the window


class TextRows(golden_train.Maker):
    """Rows of a running text in the place of random tokens."""

    def __init__(self, ids, end, mask):
        super().__init__(1, end, mask)
        self.ids, self.at = ids, 0

    def tokens(self, n):
        taken = [self.ids[(self.at + i) % len(self.ids)] for i in range(n)]
        self.at += n
        return taken


def all_texts():
    return [*texts.SENTENCES, *("".join(parts) for parts in texts.STORIES)]


def compare_tokens(magnet, path, tokenizer):
    """How many of the texts magnet cuts as transformers does."""
    same = 0
    for text in all_texts():
        out = subprocess.run([magnet, "tokens", "-m", path, "--ids", "--text", text], capture_output=True, text=True, check=True)
        same += [int(word) for word in out.stdout.split()] == tokenizer(text, add_special_tokens=False)["input_ids"]
    print(f"tokens: {same} of {len(all_texts())} texts are cut alike")


def inference(network, make, long):
    shapes = [("causal", [48], None), ("bidirectional", [48], None), ("hybrid", [20, 9, 19], None), ("ordered", [20, 9, 19], [5]),
              ("ordered", [long - 40, 12, 28], None)]
    cases = []
    for mode, lengths, slack in shapes:
        row = fill([make.tokens(n) for n in lengths], mode, slack)
        at = [(row.gaps[0][0] if row.gaps else len(row.tokens) // 2) - 1, len(row.tokens) - 1]
        with torch.no_grad():
            states = reference.hidden(network, row.tokens, row.roles, row.positions)
            logits = reference.logits(network, states[at])
        cases.append({"name": f"{mode}, {sum(lengths)} tokens", "tokens": row.tokens, "roles": row.roles,
                      "positions": row.positions, "hidden": reference.pack(states), "logit_rows": at,
                      "logits": reference.pack(logits)})
    return {"cases": cases}


def batches(make, long):
    return {
        "MNTP": {"rows": [make.text("hybrid", [20, 8, 20], mntp=True, msg=False), make.text("bidirectional", [40], mntp=True)]},
        "MSG, hybrid": {"rows": [make.text("hybrid", [20, 8, 12, 6, 10], [3, 0], True)]},
        "MSG, ordered": {"rows": [make.text("ordered", [20, 8, 20], None, True)]},
        f"MSG, ordered, {long} tokens": {"rows": [make.text("ordered", [long - 40, 12, 28], None, True)]},
        "next token": {"rows": [make.text("causal", [48])]},
        "SSCL, last": {"pairs": make.pairs(8)},
        "SSCL, mean": {"pairs": make.pairs(8, pooling="mean")},
        "all": make.batch(),
    }


def train(network, lora, make, long):
    return {
        **golden_train.LORA,
        "lora": golden_train.matrices(lora.a, lora.b),
        "cases": [golden_train.gradient_case(network, lora, name, batch) for name, batch in batches(make, long).items()],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--magnet", default=ROOT / "build" / "bin" / "magnet", help="the program")
    parser.add_argument("--numbers", default=ROOT / "build" / "release" / "tests" / "same-numbers", help="what runs the engines")
    args = parser.parse_args()
    folder, name = os.path.split(os.path.abspath(args.model))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    compare_tokens(args.magnet, args.model, tokenizer)

    meta = reference.metadata(args.model)
    end = meta["tokenizer.ggml.eos_token_id"]
    mask = meta.get("tokenizer.ggml.mask_token_id", tokenizer("_", add_special_tokens=False)["input_ids"][0])
    ids = [i for text in all_texts() for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    long = MARGIN + (meta.get(f"{meta['general.architecture']}.attention.sliding_window") or 128)
    network = reference.load(args.model).requires_grad_(False)
    make = TextRows(ids, end, mask)
    with tempfile.TemporaryDirectory() as into:
        reference.write(f"{into}/inference.json", inference(network, make, long))
        lora = Lora(network, **golden_train.LORA, seed=1)
        reference.write(f"{into}/train.json", train(network, lora, make, long))
        del network, lora
        subprocess.run([args.numbers, args.model, into], check=True)


if __name__ == "__main__":
    main()
