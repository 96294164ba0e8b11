#!/usr/bin/env python3
"""What ranking candidates buys: of N fillings of each gap, the first sampled one beside the one that is ranked first.

    scripts/results/candidates.py FILE [--n 8] [--limit 60] [--seed 0] [magnet infill options ...]

FILE: stories (.tsv, sentences in columns) or prose (.txt, a paragraph a line). The gap is an inner sentence, drawn. Shown for
each choice: the share of fillings that are just one sentence, the perplexity of the text behind the gap after them (causal, its
first 64 tokens), and different fillings among the N.
"""

import argparse
import json
import math
import pathlib
import random
import re
import subprocess
import sys
import tempfile

SENTENCE = re.compile(r".+?[.!?…][\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9]|\s*$)", re.S)


def sentences(text):
    return [s.strip() for s in SENTENCE.findall(text)]


def rows(path, draw):
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = line.split("\t") if path.suffix == ".tsv" else sentences(line)
        if len(parts) >= 3 and all(len(p) < 400 for p in parts):
            gap = draw.randint(1, len(parts) - 2)
            yield {"left": " ".join(parts[:gap][-6:]) + " ", "gap": True, "right": " " + " ".join(parts[gap + 1 :][:4])}


def is_sentence(text):
    return sentences(text.strip()) == [text.strip()]


def perplexity(fillings):
    return math.exp(-sum(f["right_logprob"] for f in fillings) / sum(f["n_right_tokens"] for f in fillings))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--n", type=int, default=8)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options, more = parser.parse_known_args()
    draw = random.Random(options.seed)
    chosen = list(rows(options.file, draw))
    draw.shuffle(chosen)
    chosen = chosen[: options.limit]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write("".join(json.dumps({**row, "row": i}) + "\n" for i, row in enumerate(chosen)))
        file.flush()
        command = ["magnet", "infill", "--n", str(options.n), "--seed", str(options.seed), "--json", "--file", file.name, *more]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    by_row = {}
    for line in out.splitlines():
        filling = json.loads(line)
        by_row.setdefault(filling["row"], []).append(filling)
    groups = [group for group in by_row.values() if len(group) > 1]  # one alone is not scored
    first = [next(f for f in group if f["seed"] == options.seed) for group in groups]
    best = [group[0] for group in groups]
    middle = [group[len(group) // 2] for group in groups]
    print(f"{len(groups)} gaps, different fillings {sum(map(len, by_row.values())) / len(by_row):.2f} of {options.n}")
    for name, some in [("first sampled", first), ("ranked first", best), ("ranked in the middle", middle)]:
        share = sum(is_sentence(f["gaps"][0]["text"]) for f in some) / len(some)
        print(f"{name:22}  one sentence {share:6.1%}  perplexity of the right side {perplexity(some):7.2f}")


if __name__ == "__main__":
    sys.exit(main())
