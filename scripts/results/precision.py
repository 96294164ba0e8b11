#!/usr/bin/env python3
"""What shorter and coarser vectors cost: Spearman on pairs of sentences, and recall at 10 of a retrieval set.

    scripts/results/precision.py --model model.gguf --adapter adapter.gguf --sts stsb-dev.tsv --retrieval squad-dev

`magnet embed` makes the vectors once, in float32; what --dimensions and --precision would make of them is made of them
here, by their definition (native/tests/cli/test_embed.py holds the program to it). Prints a table.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def embed(args, texts, *options):
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder) / "texts.txt"
        lines.write_text("".join(" ".join(text.split()) + "\n" for text in texts), encoding="utf-8")
        out = pathlib.Path(folder) / "vectors.npy"
        subprocess.run([args.magnet, "embed", "-m", args.model, "--adapter", args.adapter, "--truncate", "head",
                        *options, "--file", lines, "-o", out], check=True, stdout=subprocess.DEVNULL)
        return np.load(out)


def shortened(vectors, dimensions):
    vectors = vectors[:, :dimensions]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def packed(vectors, precision):
    """Vectors whose products order as cosines, or as minus the Hamming distance."""
    if precision == "int8":
        scaled = np.rint(127 * vectors / np.abs(vectors).max(axis=1, keepdims=True)).astype(np.float32)
        return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.where(vectors > 0, 1.0, -1.0).astype(np.float32) if precision == "binary" else vectors


def ranks(values):
    order, rank = np.argsort(values, kind="stable"), np.empty(len(values))
    rank[order] = np.arange(len(values))
    for value in np.unique(values):  # equal ones share the mean of their ranks
        same = values == value
        rank[same] = rank[same].mean()
    return rank


def spearman(a, b):
    return 100 * np.corrcoef(ranks(a), ranks(b))[0, 1]


def rows(path):
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--sts", required=True, type=pathlib.Path)
    parser.add_argument("--retrieval", required=True, type=pathlib.Path)
    parser.add_argument("--magnet", default=ROOT / "build" / "bin" / "magnet")
    args = parser.parse_args()

    pairs = rows(args.sts)
    gold = np.array([float(pair[0]) for pair in pairs])
    left, right = embed(args, [pair[1] for pair in pairs]), embed(args, [pair[2] for pair in pairs])
    corpus, queries = rows(args.retrieval / "corpus.tsv"), rows(args.retrieval / "queries.tsv")
    documents, questions = embed(args, [row[1] for row in corpus], "--document"), embed(args, [row[1] for row in queries])
    relevant = {}
    for query, document, *_ in rows(args.retrieval / "qrels.tsv"):
        relevant.setdefault(query, set()).add(document)

    print("| dimensions | precision | bytes | STS-B dev, Spearman x100 | recall at 10, % |")
    print("|--:|---|--:|--:|--:|")
    width = left.shape[1]
    for dimensions in (width, 384, 256, 128, 64):
        for precision in ("float32", "int8", "binary"):
            def made(vectors):
                return packed(shortened(vectors, dimensions), precision)
            similarity = spearman(gold, np.sum(made(left) * made(right), axis=1))
            best = np.argsort(-(made(questions) @ made(documents).T), axis=1, kind="stable")[:, :10]
            found = [len(relevant[query[0]] & {corpus[i][0] for i in row}) / len(relevant[query[0]])
                     for query, row in zip(queries, best) if query[0] in relevant]
            size = {"float32": 4 * dimensions, "int8": dimensions, "binary": (dimensions + 7) // 8}[precision]
            print(f"| {dimensions} | {precision} | {size} | {similarity:.1f} | {100 * np.mean(found):.1f} |", flush=True)


if __name__ == "__main__":
    main()
