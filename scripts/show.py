#!/usr/bin/env python3
"""Runs the commands that the documents show, and tells where the output is no longer what stands there.

    scripts/show.py                     compare; exit status 1 if a block differs
    scripts/show.py --write docs/cli.md  put what came out into the document

A block is run if a comment stands before it, which says how closely its output must agree: with `exact` in every
character; with `numbers` but for the numbers, which differ with the kernels of a CPU; with `runs` not at all, as sampled or
greedy text differs too, but the command must succeed.

    <!-- run numbers -->
    ```
    $ magnet embed --similarity "A cat sleeps." "A dog barks."
    (output)
    ```

A block whose comment ends with `of data` (`<!-- run numbers of data -->`) runs in the folder that --data names, and is left
out without one: data sets are not part of the repository.

Where a document says `<!-- with server -->`, magnet-server, which `mvn package -DskipTests` has built, serves the default model
with its adapter at port 8080 meanwhile.

Commands run in the root of the repository, with build/bin (or what MAGNET_BIN names) on PATH and MAGNET_MODEL naming the default model.
"""

import argparse
import contextlib
import difflib
import os
import pathlib
import re
import subprocess
import sys

from jdk import OLDEST, find_java

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- run (exact|numbers|runs)( of data)? -->\n```\w*\n)(.*?)(```)", re.DOTALL)


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split()]


def environment():
    model = os.environ.get("MAGNET_MODEL")
    if not model:
        model = subprocess.run([ROOT / "scripts/fetch-model.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    binaries = os.environ.get("MAGNET_BIN", str(ROOT / "build/bin"))
    return {**os.environ, "MAGNET_MODEL": model, "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
            "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


SERVER = ROOT / "java/server/target/magnet-server.jar"


@contextlib.contextmanager
def server(env):
    """Runs magnet-server until the block ends."""
    jar = SERVER
    java = find_java()
    if not java:
        sys.exit(f"{jar} needs a JDK of version {OLDEST} or newer; JAVA_HOME names one")
    adapter = ROOT / "adapters/SmolLM2-135M-Instruct.magnet.gguf"
    process = subprocess.Popen([java, "-jar", jar, env["MAGNET_MODEL"], "--adapter", adapter, "--port", "8080"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if " serves " not in process.stdout.readline():
            sys.exit(f"{jar} does not serve at port 8080: is the port free?")
        yield
    finally:
        process.terminate()
        process.wait()


def commands_of(block):
    """A command begins with "$ " and goes on in the next line after a backslash."""
    commands = []
    for line in block.splitlines():
        if commands and commands[-1].endswith("\\"):
            commands[-1] += "\n" + line
        elif line.startswith("$ "):
            commands.append(line[2:])
    return commands


def run_block(block, where, env, folder):
    shown = ""
    for command in commands_of(block):
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{where}: $ {command}\nended with status {done.returncode}")
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        shown += "\n".join([f"$ {command}", *lines]).rstrip("\n") + "\n"
    return shown


def comparable(text, how):
    # a number may also have taken another width
    return re.sub(r" *-?\d[\d,.]*", " #", text) if how == "numbers" else text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put what came out into the documents")
    parser.add_argument("--data", type=pathlib.Path, metavar="DIR", help="folder of the data sets, for the blocks that need them")
    parser.add_argument("documents", nargs="*", type=pathlib.Path, help="default: every *.md of the repository")
    options = parser.parse_args()
    env = environment()
    differing = blocks = 0
    for document in options.documents or documents():
        text = document.read_text()
        served = "<!-- with server -->" in text
        if served and not options.documents and not SERVER.exists():
            print(f"{document} left out: {SERVER} is not built")
            continue

        def renew(match):
            nonlocal differing, blocks
            head, how, of_data, before, tail = match.groups()
            if of_data and not options.data:
                return match[0]
            where = f"{document}:{text.count(chr(10), 0, match.start()) + 1}"
            after = run_block(before, where, env, options.data if of_data else ROOT)
            blocks += 1
            if how != "runs" and comparable(before, how) != comparable(after, how):
                differing += 1
                sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), where, "now"))
            return head + after + tail

        with server(env) if served else contextlib.nullcontext():
            renewed = BLOCK.sub(renew, text)
        if options.write:
            document.write_text(renewed)
    print(f"{blocks} blocks run, {differing} differ" + (", documents rewritten" if options.write else ""))
    return 0 if options.write or differing == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
