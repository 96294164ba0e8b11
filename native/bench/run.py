#!/usr/bin/env python3
"""Every benchmark in one go: MAGNET and its peers on the same model, texts and threads, the sides in turn.

    cmake --preset release -DMAGNET_BUILD_BENCH=ON && cmake --build --preset release -j
    mvn -q -pl java/bench -am package -DskipTests
    python3 -m venv venv && venv/bin/pip install -r native/bench/requirements.txt
    venv/bin/python native/bench/run.py model.gguf --json results.json

About 40 minutes on two cores, a fifth of that with --quick. Writes docs/benchmarks.md with its plots if every part
was measured, without --quick, and none failed; --from FILE writes it again without measuring. A peer that is not
installed is named in the table. The exit status is 1 if a side failed, or if two sides disagree in what they compute.
"""
import argparse
import fnmatch
import functools
import json
import os
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import machine
import parts
import report
import serving
from commands import Failed, run
from jdk import find_java

PARTS = {**parts.PARTS, **serving.PARTS}
ADAPTED = "SmolLM2-135M-Instruct"  # the model that the repository has an adapter for


class Bench:
    """What all parts share."""

    def __init__(self, args, work):
        self.model = args.model.resolve()
        self.sts, self.adapter = (path.resolve() if path else None for path in (args.sts, args.adapter))
        self.threads, self.quick, self.python, self.work = args.threads, args.quick, args.python, work
        self.bin, self.lib = args.build.resolve() / "bin", args.build.resolve() / "lib" / "libmagnet.so"
        self.build, self.stock = args.build.resolve(), args.build.resolve() / "release" / "stock" / "bin"
        self.portable, self.prose, self.ik = (
            path.resolve() if path else None for path in (args.portable, args.prose, args.ik))
        self.wrap, self.seconds, self.ik_flags = shlex.split(args.wrap), args.seconds, shlex.split(args.ik_flags)
        self.machine = machine.describe(args.build, args.threads)
        self.texts = work / "texts.txt"
        if args.sts:
            pairs = [line.split("\t")[1:3] for line in args.sts.read_text(encoding="utf-8").splitlines() if line]
            texts = [text for pair in pairs for text in pair]
            random.Random(0).shuffle(texts)  # the first ones of a file are often all of one kind
            self.texts.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        else:
            run([self.bin / "bench-embed", self.model, self.texts, "--make", 1000])

    def circumstances(self):
        """What parts must share that stand in one table."""
        names = {name: path.name if path else None for name, path in
                 (("model", self.model), ("sts", self.sts), ("adapter", self.adapter))}
        return {"quick": self.quick, **names, "machine": self.machine}

    def pick(self, full, quick):
        return quick if self.quick else full

    @functools.cache
    def without_torch(self):
        """Why the PyTorch peers cannot be run, or None."""
        imports = [self.python, "-c", "import torch, transformers, peft, gguf"]
        done = subprocess.run(imports, stderr=subprocess.PIPE, text=True)
        return (f"{done.stderr.strip().splitlines()[-1]}: pip install -r native/bench/requirements.txt"
                if done.returncode != 0 else None)

    @functools.cached_property
    def java(self):
        return find_java()

    def without_java(self):
        """Why the JVM cannot be measured, or None."""
        if not self.java:
            return "no JDK of version 22 or newer; JAVA_HOME names one"
        if not (ROOT / "java" / "bench" / "target" / "classpath").exists():
            return "not built: mvn -q -pl java/bench -am package -DskipTests"
        return None

    def classpath(self):
        target = ROOT / "java" / "bench" / "target"
        return f"{target / 'classes'}{os.pathsep}{(target / 'classpath').read_text(encoding='utf-8').strip()}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("model", type=pathlib.Path, nargs="?", help="GGUF file")
    add("--json", type=pathlib.Path, help="write all results to this file")
    add("--from", dest="given", type=pathlib.Path, help="measure nothing: write the page from these results")
    add("--page", type=pathlib.Path, help="where the page goes, plots beside it (docs/benchmarks.md if it is whole)")
    add("--only", default="*", help=f"parts to run, with * and ? as in names of files: {','.join(PARTS)}")
    add("--update", action="store_true", help="keep the other parts of what --json holds")
    add("--quick", action="store_true", help="few and short runs: does it work?")
    add("--threads", type=int, default=os.cpu_count(), help="of every side")
    add("--build", type=pathlib.Path, default=ROOT / "build", help="where the project was built")
    add("--python", default=sys.executable, help="interpreter that has the PyTorch peers")
    add("--sts", type=pathlib.Path, help="TSV of score and two sentences: texts to embed, and to judge encoders by")
    add("--adapter", type=pathlib.Path, help="of MAGNET, where it is judged by --sts (the repository's, of its model)")
    add("--portable", type=pathlib.Path, help="libmagnet of the portable build: build/portable/lib")
    add("--prose", type=pathlib.Path, help="text to compare next-token distributions on")
    add("--ik", type=pathlib.Path, help="folder with ik_llama.cpp's sources in src and its programs in build/bin")
    add("--ik-flags", default="", help="more options for its llama-batched-bench")
    add("--seconds", type=float, default=20.0, help="of a point of what serves, about")
    add("--wrap", default="", help="command to run the programs that serve with, such as one that stills the machine")
    add("--beside", type=pathlib.Path, nargs="*", default=[], help="results of larger models, for the page")
    args = parser.parse_args()
    if not args.given and not args.model:
        parser.error("name a model, or results with --from")
    if args.model and not (args.build / "bin" / "bench-embed").exists():
        parser.error(f"{args.build / 'bin'} holds no benchmarks; see the first line of --help for building them")
    if args.update and not (args.json and args.json.exists()):
        parser.error("--update needs results in --json")
    patterns = args.only.split(",")
    if unknown := [p for p in patterns if not fnmatch.filter(PARTS, p)]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    args.only = [name for name in PARTS if any(fnmatch.fnmatch(name, p) for p in patterns)]
    shipped = ROOT / "adapters" / f"{ADAPTED}.magnet.gguf"
    if args.model and args.model.name.startswith(ADAPTED) and shipped.exists():
        args.adapter = args.adapter or shipped
    return args


def kept(args, now):
    """The parts in --json that this run leaves alone; it ends here if they were measured under other circumstances."""
    parts = json.loads(args.json.read_text(encoding="utf-8"))["parts"]
    parts = {name: part for name, part in parts.items() if name not in args.only}
    for name, part in parts.items():
        before = now if "printed" in part else part.get("circumstances", {})
        for key in now:
            if before.get(key) != now[key]:
                sys.exit(f"--update: {args.json} cannot be added to, since its part {name} was measured with another "
                         f"{key}:\n  {before.get(key)}\nnow it is\n  {now[key]}")
    return parts


def measure_part(name, bench):
    print(f"{time.strftime('%H:%M:%S')} {name}: {PARTS[name].__doc__}", file=sys.stderr, flush=True)
    part = {"circumstances": bench.circumstances(), "revision": machine.revision(), "load_before": machine.load()}
    begin = time.monotonic()
    try:
        part["rows"], part["points"] = PARTS[name](bench)
    except (Failed, OSError) as failure:
        part["failed"] = str(failure)
        print(f"{name} failed: {failure}", file=sys.stderr)
    part["seconds"] = round(time.monotonic() - begin, 1)
    return part


def measure(args):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, pathlib.Path(folder))
        results = {"parts": kept(args, bench.circumstances()) if args.update else {}}
        for name in args.only:
            results["parts"][name] = measure_part(name, bench)
            results["parts"] = {name: results["parts"][name] for name in PARTS if name in results["parts"]}
            if args.json:
                args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return results


def whole(results):
    """Whether the page is fit for docs: every part is there, and none failed or was measured in a hurry."""
    parts = results["parts"]
    return set(parts) == set(PARTS) and not any(
        "failed" in part or part["circumstances"].get("quick") for part in parts.values())


def main():
    args = arguments()
    results = json.loads(args.given.read_text(encoding="utf-8")) if args.given else measure(args)
    if page := args.page or (ROOT / "docs" / "benchmarks.md" if whole(results) else None):
        report.write(results, [json.loads(path.read_text(encoding="utf-8")) for path in args.beside], page,
                     partial=not whole(results))
    print(report.table_of(results["parts"]))
    wrong = [f"{name} failed" for name, part in results["parts"].items() if "failed" in part]
    wrong += [f"{name}: {row['what']}, {row['peer']}: {row['note']}" for name, part in results["parts"].items()
              for row in part.get("rows", []) if row.get("agrees") is False]
    for problem in wrong:
        print(f"WRONG  {problem}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
