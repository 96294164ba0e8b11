#!/usr/bin/env python3
"""The same vectors as Python's: `magnet embed` beside Hugging Face transformers, on the weights of one GGUF file.

    pip install -r native/tests/reference/requirements.txt
    scripts/same-vectors.py model.gguf

Tokens are those of the tokenizer that transformers makes of the file, vectors its hidden states after the final norm, in
float32 with the file's weights dequantised. Prints, for both attentions and all poolings, the smallest and the mean cosine
over the texts of native/tests/reference/texts.py, for each engine; --text FILE takes other texts, one a line.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "native" / "tests" / "reference"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

import model as reference  # noqa: E402
import texts  # noqa: E402


def pooled(hidden, pooling):
    n = len(hidden)
    weights = {"last": np.eye(n)[-1], "mean": np.full(n, 1 / n), "weighted-mean": np.arange(1, n + 1) / (n * (n + 1) / 2)}
    vector = weights[pooling] @ hidden
    return vector / np.linalg.norm(vector)


def python_vectors(network, tokenizer, sentences, attention):
    role = reference.CONTEXT if attention == "bidirectional" else reference.SPAN
    for sentence in sentences:
        tokens = tokenizer(sentence)["input_ids"]
        with torch.no_grad():
            hidden = reference.hidden(network, tokens, [role] * len(tokens), list(range(len(tokens))))
        yield np.asarray(hidden, dtype=np.float64)


def magnet_vectors(args, sentences, attention, pooling, engine):
    lines = "".join(json.dumps({"text": sentence}) + "\n" for sentence in sentences)
    command = [args.magnet, "embed", "-m", args.model, "--json", "--input-format", "jsonl", "--instruction", "", "--no-eos",
               "--attention", attention, "--pooling", pooling, "--engine", engine]
    out = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    return [np.array(json.loads(line)["embedding"]) for line in out.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--magnet", default=ROOT / "build" / "bin" / "magnet", help="the program")
    parser.add_argument("--text", type=pathlib.Path, help="texts, one a line")
    args = parser.parse_args()
    sentences = args.text.read_text(encoding="utf-8").splitlines() if args.text else texts.SENTENCES
    network = reference.load(args.model)
    folder, name = os.path.split(os.path.abspath(args.model))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)

    print("| attention | pooling | engine | smallest cosine | mean cosine |")
    print("|---|---|---|--:|--:|")
    for attention in "bidirectional", "causal":
        states = list(python_vectors(network, tokenizer, sentences, attention))
        for pooling in "last", "mean", "weighted-mean":
            expected = [pooled(hidden, pooling) for hidden in states]
            for engine in "fused", "graph":
                found = magnet_vectors(args, sentences, attention, pooling, engine)
                cosines = [float(a @ b) for a, b in zip(expected, found, strict=True)]
                print(f"| {attention} | {pooling} | {engine} | {min(cosines):.5f} | {np.mean(cosines):.5f} |", flush=True)


if __name__ == "__main__":
    main()
