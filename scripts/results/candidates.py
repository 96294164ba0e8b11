#!/usr/bin/env python3
"""What ranking candidates buys: of N fillings of each gap, the first sampled one beside the one that is ranked first.

    scripts/results/candidates.py FILE [--n 8] [--limit 60] [--seed 0] [magnet infill options ...]

FILE: stories (.tsv, sentences in columns) or prose (.txt, a paragraph a line): the gap is an inner sentence, drawn. Or gaps of
code_gaps.py (.jsonl). Shown for each choice: the perplexity of the text behind the gap after it (causal, its first 64 tokens), and
different fillings among the N. Of sentences, the share of fillings that are just one; of code, the share that are what stood there,
their edit similarity to it (white space at the ends aside, as `magnet eval infill` has them), and the share with which the file
parses, by Python's ast or javac.
"""

import argparse
import ast
import json
import math
import pathlib
import random
import re
import subprocess
import sys
import tempfile

from rapidfuzz.distance import Levenshtein

SENTENCE = re.compile(r".+?[.!?…][\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9]|\s*$)", re.S)


def sentences(text):
    return [s.strip() for s in SENTENCE.findall(text)]


def rows(path, draw):
    if path.suffix == ".jsonl":
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = line.split("\t") if path.suffix == ".tsv" else sentences(line)
        if len(parts) >= 3 and all(len(p) < 400 for p in parts):
            gap = draw.randint(1, len(parts) - 2)
            yield {"left": " ".join(parts[:gap][-6:]) + " ", "gap": True, "right": " " + " ".join(parts[gap + 1 :][:4])}


def is_sentence(text):
    return sentences(text.strip()) == [text.strip()]


def parses_as_python(source):
    try:
        ast.parse(source)
        return True
    except (SyntaxError, ValueError):
        return False


def parse(places, fillings):
    """Whether each file parses with its filling."""
    sources = []
    for place, filling in zip(places, fillings):
        lines = pathlib.Path(place["path"]).read_text(encoding="utf-8").splitlines()
        lines[place["begin"] : place["end"]] = filling["gaps"][0]["text"].split("\n")
        sources.append("\n".join(lines) + "\n")
    java = [source for place, source in zip(places, sources) if place["path"].endswith(".java")]
    command = ["java", str(pathlib.Path(__file__).with_name("Parses.java"))]
    said = subprocess.run(command, check=True, input="\0".join(java), stdout=subprocess.PIPE, encoding="utf-8").stdout.split()
    answers = iter(said if java else [])
    return [next(answers) == "true" if place["path"].endswith(".java") else parses_as_python(source)
            for place, source in zip(places, sources)]


def say_of_code(places, fillings):
    texts = [(place["gap"].strip(), filling["gaps"][0]["text"].strip()) for place, filling in zip(places, fillings)]
    exact = sum(gap == text for gap, text in texts) / len(texts)
    similarity = sum(Levenshtein.normalized_similarity(gap, text) for gap, text in texts) / len(texts)
    parsed = sum(parse(places, fillings)) / len(fillings)
    return f"exact {exact:6.1%}  edit similarity {similarity:.3f}  parses {parsed:6.1%}"


def say_of_sentences(fillings):
    return f"one sentence {sum(is_sentence(f['gaps'][0]['text']) for f in fillings) / len(fillings):6.1%}"


def perplexity(fillings):
    """Of those that were scored: one that has no others beside it is not."""
    fillings = [f for f in fillings if "right_logprob" in f]
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
        for i, row in enumerate(chosen):
            file.write(json.dumps({"left": row["left"], "gap": True, "right": row["right"], "row": i}) + "\n")
        file.flush()
        command = ["magnet", "infill", "--n", str(options.n), "--seed", str(options.seed), "--json", "--file", file.name, *more]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    by_row = {}
    for line in out.splitlines():
        filling = json.loads(line)
        by_row.setdefault(filling["row"], []).append(filling)
    groups = list(by_row.values())
    first = [next(f for f in group if f["seed"] == options.seed) for group in groups]
    best = [group[0] for group in groups]
    middle = [group[len(group) // 2] for group in groups]
    print(f"{len(groups)} gaps, different fillings {sum(map(len, by_row.values())) / len(by_row):.2f} of {options.n}")
    places = [chosen[group[0]["row"]] for group in groups]
    for name, some in [("first sampled", first), ("ranked first", best), ("ranked in the middle", middle)]:
        of_text = say_of_code(places, some) if options.file.suffix == ".jsonl" else say_of_sentences(some)
        print(f"{name:22}  {of_text}  perplexity of the right side {perplexity(some):7.2f}")


if __name__ == "__main__":
    sys.exit(main())
