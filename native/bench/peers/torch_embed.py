"""Sentence embedding with transformers on CPU: the peer of `magnet embed`. Prints a line of JSON a run.

    python torch_embed.py model.gguf sentences.tsv --columns 2,3 --precision bf16

Sentences are sorted by length and padded in batches, the usual way to embed many of them; tokenising is timed apart.
ONEDNN_MAX_CPU_ISA and ATEN_CPU_CAPABILITY in the environment hold PyTorch to an older instruction set.
"""
import argparse
import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F

from batches import tokenizer
from common import circumstances, pad, peak_mb, reset_peak
from model import CONTEXT, SPAN, load


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("texts", type=pathlib.Path, help="a sentence a line, or TSV")
    parser.add_argument("--columns", help="columns of the TSV that hold sentences, from 1, like 2,3; else whole lines")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16", help="of weights and products")
    parser.add_argument("--attention", choices=("bidirectional", "causal"), default="bidirectional")
    parser.add_argument("--pooling", choices=("last", "mean"), default="last")
    parser.add_argument("--prefix", default="", help="instruction before each sentence, left out of the mean")
    parser.add_argument("--batch", type=int, default=64, help="sentences a batch")
    parser.add_argument("--limit", type=int, help="use the first so many sentences")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", help="write the vectors, (sentences, D) float32 without a header")
    parser.add_argument("--serve", action="store_true", help="a run for every line on standard input")
    return parser.parse_args()


def sentences(args):
    lines = args.texts.read_text(encoding="utf-8").splitlines()
    if args.columns:
        wanted = [int(column) - 1 for column in args.columns.split(",")]
        lines = [line.split("\t")[i] for line in lines for i in wanted]
    return lines[: args.limit]


def embed(model, rows, pooling, n_prefix):
    """Unit vectors (B,D) of rows that end in EOS."""
    ids, positions, mask = pad(rows)
    out = model.base_model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False)
    states, last = out.last_hidden_state.float(), torch.tensor([len(row["tokens"]) - 1 for row in rows])
    if pooling == "last":
        return F.normalize(states[torch.arange(len(rows)), last], dim=-1)
    place = torch.arange(ids.shape[1])
    own = ((place >= n_prefix) & (place < last[:, None])).float()[..., None]
    return F.normalize((states * own).sum(1), dim=-1)


def result(args, rows, seconds, cpu, tokenising):
    n_tokens = sum(len(row["tokens"]) for row in rows)
    return {
        "peer": "transformers",
        **{name: getattr(args, name) for name in ("precision", "attention", "pooling", "prefix", "batch")},
        "sentences": len(rows),
        "tokens": n_tokens,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "tokenising_s": round(tokenising, 3),
        "sentences_per_s": round(len(rows) / seconds, 1),
        "sentences_per_cpu_s": round(len(rows) / cpu, 1),
        "tokens_per_s": round(n_tokens / seconds, 1),
        "peak_rss_mb": round(peak_mb()),
        **circumstances(),
    }


@torch.inference_mode()
def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    model = load(args.model, "sdpa", torch.bfloat16 if args.precision == "bf16" else torch.float32)
    encode, texts = tokenizer(args.model), sentences(args)
    start = time.perf_counter()
    prefix, role = encode(args.prefix) if args.prefix else [], CONTEXT if args.attention == "bidirectional" else SPAN
    rows = []
    for text in texts:
        tokens = prefix + encode(text) + [model.config.eos_token_id]
        rows.append({"tokens": tokens, "roles": [role] * len(tokens), "positions": list(range(len(tokens)))})
    tokenising = time.perf_counter() - start
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]["tokens"]))
    groups = [order[i : i + args.batch] for i in range(0, len(order), args.batch)]
    vectors = torch.empty(len(rows), model.config.hidden_size)
    embed(model, [rows[i] for i in groups[len(groups) // 2]], args.pooling, len(prefix))  # warm-up
    for _ in sys.stdin if args.serve else [None]:
        reset_peak()
        start, cpu = time.perf_counter(), time.process_time()
        for group in groups:
            vectors[group] = embed(model, [rows[i] for i in group], args.pooling, len(prefix))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        if args.out:
            vectors.numpy().tofile(args.out)
        print(json.dumps(result(args, rows, seconds, cpu, tokenising)), flush=True)


if __name__ == "__main__":
    main()
