"""Training batches: text rows for MNTP and MSG, contrastive pairs for SSCL, as plain data.

A batch is {"rows": [...], "pairs": {...}} in the form of the golden files (native/tests/reference/README.md): masked,
labelled and ready to run, so that two trainers can be given exactly the same work. Written out, one batch a line:

    python batches.py model.gguf --steps 12 > batches.jsonl

Of the model only the vocabulary is read.
"""
import argparse
import json
import pathlib
import sys
import typing

import numpy as np

import common  # noqa: F401  (makes the reference importable)
from model import CONTEXT, metadata
from template import fill

MASK_SHARE = 0.2  # of context tokens, for MNTP
SPAN_LENGTHS = (8, 32)


class Vocabulary(typing.NamedTuple):
    """What batches need of one: its size, and the ids of the end-of-sequence and the mask token."""

    size: int
    eos: int
    mask: int


def mask_token(meta, tokens):
    """"_", a piece or a byte, stands in for a mask token that the vocabulary lacks, as it does in `magnet train`."""
    if "tokenizer.ggml.mask_token_id" in meta:
        return meta["tokenizer.ggml.mask_token_id"]
    for text in ("_", "<0x5F>"):
        if text in tokens:
            return tokens.index(text)
    sys.exit('the vocabulary has neither a mask token nor "_"')


def vocabulary(path):
    """That of a GGUF file."""
    meta = metadata(path)
    tokens = meta["tokenizer.ggml.tokens"]
    return Vocabulary(len(tokens), meta["tokenizer.ggml.eos_token_id"], mask_token(meta, tokens))


def add_arguments(parser):
    """What makes a step; the defaults are the project's own benchmark."""
    add = parser.add_argument
    add("--rows", type=int, default=10, help="text rows a step; every fifth is all span")
    add("--ordered", type=float, default=0.0, help="share of the rows with gaps whose mask is ordered, not hybrid")
    add("--length", type=int, default=128, help="tokens of a text row, at most")
    add("--pairs", type=int, default=32, help="sentence pairs a step; 0: no SSCL")
    add("--sentence", type=int, default=16, help="tokens of a sentence, at most where they come from a file")
    add("--lm", type=float, metavar="SHARE", help="plain language modelling instead: rows all span, no pairs, and this "
        "share of positions predicted")
    add("--text", type=pathlib.Path, help="rows from this file, a paragraph a line; else random tokens")
    add("--pairs-file", type=pathlib.Path, help="pairs from the first two columns of this TSV; else random tokens")
    add("--seed", type=int, default=1)


class Batches:
    """An endless sequence of batches, the same for the same arguments and seed."""

    def __init__(self, args, vocab, encode):
        """encode: text -> token ids, used with files only."""
        self.args, self.vocab = args, vocab
        self.random = np.random.default_rng(args.seed)
        self.prefix = self.noise(9)
        self.encode, self.text, self.sentences = encode, None, None
        if args.text:
            lines = args.text.read_text(encoding="utf-8").splitlines()
            self.text = [line for line in lines if len(line) > 2 * args.length]
        if args.pairs_file:
            lines = args.pairs_file.read_text(encoding="utf-8").splitlines()
            self.sentences = [columns[:2] for line in lines if len(columns := line.split("\t")) >= 2]

    def __iter__(self):
        while True:
            rows = [self.row(i) for i in range(self.args.rows)]
            yield {"rows": rows, "pairs": self.pairs() if self.args.pairs and self.args.lm is None else None}

    def noise(self, n):
        return self.random.integers(20, self.vocab.size, n).tolist()

    def tokens(self):
        """Tokens of a text row: at least 40 where they come from a file."""
        if not self.text:
            return self.noise(self.args.length)
        while len(tokens := self.encode(self.text[self.random.integers(len(self.text))])) < min(40, self.args.length):
            pass
        start = self.random.integers(max(1, len(tokens) - self.args.length + 1))
        return tokens[start : start + self.args.length]

    def row(self, number):
        tokens = self.tokens()
        if self.args.lm is not None or number % 5 == 4:
            row, mode = fill([tokens], "causal"), "causal"
        else:
            mode = "ordered" if self.random.random() < self.args.ordered else "hybrid"
            row = fill(self.cut(tokens), mode)
        mntp, msg = [-1] * len(tokens), [-1] * len(tokens)
        share = 1.0 if self.args.lm is None else self.args.lm
        for l in row.predicted if mode != "causal" else range(1, len(tokens)):
            if share == 1.0 or self.random.random() < share:
                msg[l - 1] = tokens[l]
        for l in range(1, len(tokens)):
            if row.roles[l - 1] == row.roles[l] == CONTEXT and self.random.random() < MASK_SHARE:
                mntp[l - 1] = tokens[l]
                dice = self.random.random()
                row.tokens[l] = self.vocab.mask if dice < 0.8 else self.noise(1)[0] if dice < 0.9 else tokens[l]
        return {"tokens": row.tokens, "roles": row.roles, "positions": row.positions, "mntp": mntp, "msg": msg}

    def cut(self, tokens):
        """One to three gaps, each somewhere in its own part of the text: text, gap, text, ..."""
        parts, at = [], 0
        edges = np.linspace(0, len(tokens), self.random.integers(1, 4) + 1).astype(int)
        for begin, end in zip(edges, edges[1:]):
            length = min(self.random.integers(SPAN_LENGTHS[0], SPAN_LENGTHS[1] + 1), end - begin - 2)
            start = self.random.integers(begin + 1, end - length)
            parts += [tokens[at:start], tokens[start : start + length]]
            at = start + length
        return parts + [tokens[at:]]

    def pairs(self):
        if self.sentences:
            chosen = self.random.choice(len(self.sentences), self.args.pairs, replace=False)
            columns = [[self.encode(self.sentences[i][k])[: self.args.sentence] for i in chosen] for k in (0, 1)]
        else:
            columns = [[self.noise(self.args.sentence) for _ in range(self.args.pairs)] for _ in (0, 1)]
        anchors, positives = ([self.sentence(own) for own in column] for column in columns)
        compared = {"pooling": "last", "symmetric": True, "temperature": 0.05}
        return {"anchors": anchors, "positives": positives, "negatives": [], **compared}

    def sentence(self, own):
        tokens = self.prefix + own + [self.vocab.eos]
        return {
            "tokens": tokens,
            "roles": [CONTEXT] * len(tokens),
            "positions": list(range(len(tokens))),
            "sentence": [len(self.prefix), len(self.prefix) + len(own)],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--steps", type=int, default=12)
    add_arguments(parser)
    args = parser.parse_args()
    encode = tokenizer(args.model) if args.text or args.pairs_file else None
    for _, batch in zip(range(args.steps), Batches(args, vocabulary(args.model), encode)):
        json.dump(batch, sys.stdout)
        print()


def tokenizer(path):
    """encode: text -> token ids without special ones, by the tokeniser of a GGUF file."""
    from transformers import AutoTokenizer

    path = pathlib.Path(path)
    loaded = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    return lambda text: loaded(text, add_special_tokens=False).input_ids


if __name__ == "__main__":
    main()
