#!/usr/bin/env python3
"""LoRA training beside PyTorch + PEFT: the same weights, batches and steps, the sides in turn (A B A B ...).

    python3 -m venv venv && venv/bin/pip install -r peers/requirements.txt
    venv/bin/python train.py model.gguf --bench ../../build/bin/bench-train --json training.json

Each kernel of ours is compared with PyTorch held to the same instruction set, as far as it lets itself be held, in each
of the precisions named. A Markdown table to standard output, every run to --json. Tokens are counted once for each pass
of a row through the step, padding not counted.
"""
import argparse
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"

# PyTorch's own switches; nothing = whatever the machine has.
HELD_TO = {
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "ATEN_CPU_CAPABILITY": "avx512"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="GGUF file")
    parser.add_argument("--bench", default=str(HERE.parents[1] / "build" / "bin" / "bench-train"), help="bench-train")
    parser.add_argument("--kernels", default="best", help="of ours: best,avx512bf16,avx512,avx2")
    parser.add_argument("--engine", default="fused", choices=("fused", "graph"), help="of ours; the fused has kernels")
    parser.add_argument("--precisions", default="autocast", help="of PyTorch: autocast,bf16,fp32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--steps", type=int, default=5, help="measured steps of a run")
    parser.add_argument("--rank", default="16", help="of the adapter; several: 4,16,64")
    parser.add_argument("--rows", default="10", help="text rows a step; several: 5,10,20")
    parser.add_argument("--length", default="128", help="tokens of a text row; several: 64,128,512")
    parser.add_argument("--pairs", type=int, default=32, help="sentence pairs a step, 0 = none")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def run(command, environment=None):
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout)


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def spread(ratios):
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def compare(args, batches, kernel, precision, rank):
    """Runs of both sides, in turn."""
    ours, theirs = [], []
    for _ in range(args.repeat):
        mine = [args.bench, args.model, batches, "--rank", rank, "--threads", str(args.threads), "--engine",
                args.engine]
        ours.append(run(mine + (["--kernel", kernel] if kernel != "best" else [])))
        theirs.append(run([sys.executable, PEERS / "torch_train.py", args.model, "--batches", batches, "--precision",
                           precision, "--rank", rank, "--steps", str(args.steps), "--threads", str(args.threads)],
                          HELD_TO.get(kernel)))
    return ours, theirs


def write_batches(args, rows, length, path):
    with open(path, "w", encoding="utf-8") as out:
        subprocess.run([sys.executable, PEERS / "batches.py", args.model, "--steps", str(args.steps + 2),
                        "--rows", rows, "--length", length, "--pairs", str(args.pairs)], stdout=out, check=True)


def ratios(ours, theirs):
    """By the clock, by processor time, and of memory."""
    keys = {"ratio": "tokens_per_s", "ratio_cpu": "tokens_per_cpu_s", "ratio_rss": "peak_rss_mb"}
    return {name: [a[key] / b[key] for a, b in zip(ours, theirs)] for name, key in keys.items()}


def print_row(row):
    ours, theirs = row["ours"], row["pytorch"]
    print(f"| {row['kernel']} | {row['precision']} | {row['rank']} | {row['rows']} x {row['length']} "
          f"| {ours[0]['tokens_per_step']} | {median(ours, 'tokens_per_s'):.0f} "
          f"| {median(theirs, 'tokens_per_s'):.0f} | {spread(row['ratio'])} | {spread(row['ratio_cpu'])} "
          f"| {median(ours, 'peak_rss_mb'):.0f} | {median(theirs, 'peak_rss_mb'):.0f} "
          f"| {statistics.median(row['ratio_rss']):.2f} |", flush=True)


def main():
    args = arguments()
    report = {"engine": args.engine, "threads": args.threads, "load": os.getloadavg(), "rows": []}
    print("| kernel | PyTorch | rank | rows x length | tokens a step | ours, tokens/s | PyTorch | ratio | by CPU time "
          "| ours, MB | PyTorch | ratio |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    kinds = list(itertools.product(args.rank.split(","), args.kernels.split(","), args.precisions.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        for rows, length in itertools.product(args.rows.split(","), args.length.split(",")):
            batches = os.path.join(folder, f"{rows}x{length}.jsonl")
            write_batches(args, rows, length, batches)
            for rank, kernel, precision in kinds:
                ours, theirs = compare(args, batches, kernel, precision, rank)
                row = {"kernel": kernel, "precision": precision, "rank": int(rank), "rows": int(rows),
                       "length": int(length), "ours": ours, "pytorch": theirs, **ratios(ours, theirs)}
                print_row(row)
                report["rows"].append(row)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
