#!/usr/bin/env python3
"""Measures what docs/results.md shows: `magnet eval` and `magnet score` of a model, bare and with adapters.

    scripts/results/measure.py --model model.gguf --data DATA --into figures --adapter shipped=adapter.gguf
    scripts/results/measure.py --model model.gguf --data DATA --into figures --train ablations

A file a figure, figures/ADAPTER/FIGURE.json; one that is there is not measured again, and one that was interrupted goes
on. write.py makes the tables of them.
"""
import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path, help="GGUF file")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of the data sets")
    parser.add_argument("--into", required=True, type=pathlib.Path, help="folder of the figures")
    parser.add_argument("--magnet", default=ROOT / "build" / "bin" / "magnet", type=pathlib.Path, help="the program")
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME=FILE", help="measured beside the bare model")
    parser.add_argument("--only", help="figures, separated by commas (default: all)")
    parser.add_argument("--train", metavar="NAMES", help="of experiments.toml, trained first; \"ablations\" = all of those")
    return parser.parse_args()


def with_files(args, command):
    """Words of a command, with files named by where they are: in the folder of the data, made from it, or beside this.
    A file of pairs may have a share behind it (FILE:SHARE)."""
    folders = [args.data, args.into, HERE]

    def found(word):
        name, colon, share = word.partition(":")
        there = (folder / name for folder in folders if "/" in name or "." in name)
        return next((f"{path}{colon}{share}" for path in there if path.exists()), word)

    return [found(word) for word in shlex.split(command)]


def prepare(args, experiments):
    args.into.mkdir(parents=True, exist_ok=True)
    for name, sources in experiments["texts"].items():
        if not (args.into / name).exists():
            script, *words = with_files(args, sources)
            text = subprocess.run([ROOT / "scripts" / script, *words], check=True, stdout=subprocess.PIPE).stdout
            (args.into / name).write_bytes(text)


def measure(args, experiments, name, adapter, figures):
    folder = args.into / name
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        result = folder / f"{figure}.json"
        if result.exists():
            continue
        print(f"{name}: {figure}", file=sys.stderr, flush=True)
        verb, *words = with_files(args, experiments["figures"][figure])
        state = folder / f"{figure}.state"
        command = [args.magnet, verb, *words, "-m", args.model, "--json"]
        if verb == "eval":
            command += ["--state", state]
        if adapter:
            command += ["--adapter", adapter]
        output = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        if verb == "score":
            output = {"figures": {"perplexity": {"value": output["perplexity"], "count": output["n_tokens"]}}}
        partial = result.with_suffix(".part")
        partial.write_text(json.dumps(output), encoding="utf-8")
        os.replace(partial, result)
        state.unlink(missing_ok=True)


def recipe_of(experiments, name):
    """Options of magnet train; a variant's stages stand instead of the common ones."""
    if name in experiments["adapters"]:
        return experiments["adapters"][name]
    common, variant = experiments["ablations"]["common"], experiments["ablations"]["variants"][name]
    if "--stage" in variant:
        common = common[:common.index("--stage")]
    return f"{common} {variant}"


def train(args, experiments, name):
    adapter = args.into / f"{name}.gguf"
    if not adapter.exists():
        recipe = recipe_of(experiments, name)
        for first in re.findall(r"--init-adapter (\S+)\.gguf", recipe):
            train(args, experiments, first)
        print(f"{name}: training", file=sys.stderr, flush=True)
        checkpoint = adapter.with_suffix(".ckpt")
        if checkpoint.exists():
            command = [args.magnet, "train", "--resume", checkpoint]
        else:
            command = [args.magnet, "train", "-m", args.model, *with_files(args, recipe),
                       "-o", adapter, "--metrics", adapter.with_suffix(".jsonl")]
        subprocess.run(command, check=True)
        checkpoint.unlink(missing_ok=True)
    return adapter


def main():
    args = arguments()
    experiments = tomllib.loads((HERE / "experiments.toml").read_text(encoding="utf-8"))
    suites = experiments["suites"]
    adapters = dict(pair.split("=", 1) for pair in args.adapter)
    ablations = list(experiments["ablations"]["variants"])
    names = ablations if args.train == "ablations" else args.train.split(",") if args.train else []
    prepare(args, experiments)
    for name in ["base", *adapters, *names]:
        if name in names:
            adapters[name] = train(args, experiments, name)
        only_short = name in ablations or (name == "base" and names and not set(names) & set(experiments["adapters"]))
        figures = args.only.split(",") if args.only else suites["short" if only_short else "all"]
        measure(args, experiments, name, adapters.get(name), figures)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(f"{' '.join(map(str, e.cmd))}: exit status {e.returncode}")
