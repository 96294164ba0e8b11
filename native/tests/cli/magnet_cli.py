"""Runs the magnet program on a tiny model with random weights. Plain Python, no packages."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["MAGNET_BIN"])
# What starts the program: where it was built for another platform, an emulator and its arguments go before it.
IS_WINDOWS = (BIN / "magnet.exe").exists()
COMMAND = [*os.environ.get("MAGNET_EMULATOR", "").split(), BIN / ("magnet.exe" if IS_WINDOWS else "magnet")]
MODEL = pathlib.Path(os.environ["MAGNET_TEST_DATA"]) / "golden" / "tiny-llama.gguf"
SECONDS = 120  # far more than any run takes; only a hang gets here


class Run:
    def __init__(self, done):
        self.status = done.returncode
        self.bytes = done.stdout
        self.err = done.stderr.decode("utf-8")

    @property
    def out(self):
        return self.bytes.decode("utf-8")

    @property
    def lines(self):
        return self.out.splitlines()

    def json(self):
        return [json.loads(line, parse_constant=reject) for line in self.out.split("\n") if line]


def reject(word):
    raise ValueError(f"{word} is no JSON")


def environment(**changes):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MAGNET_", "NO_COLOR"))}
    return {**kept, "MAGNET_MODEL": str(MODEL), **changes}


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="magnet-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_magnet(self, *arguments, stdin=b"", env=None, **options):
        """Runs it in an empty folder of its own."""
        if isinstance(stdin, str):
            stdin = stdin.encode()
        options.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, stderr=subprocess.PIPE, cwd=self.folder,
                              env=env or environment(), timeout=SECONDS, **options)
        done.stdout = done.stdout or b""
        return Run(done)

    def ok(self, *arguments, **options):
        run = self.run_magnet(*arguments, **options)
        self.assertEqual((run.status, run.err), (0, ""))
        return run

    def fails(self, status, *arguments, says, **options):
        """One line on stderr that holds every word of says; nothing on stdout."""
        run = self.run_magnet(*arguments, **options)
        self.assertEqual(run.status, status, run.err)
        first, *rest = run.err.splitlines()
        self.assertTrue(first.startswith("magnet: "), run.err)
        for word in says:
            self.assertIn(word, first)
        self.assertEqual(len(rest), 1 if status == 2 else 0, run.err)
        if status == 2:
            self.assertRegex(rest[0], "^See: magnet .*--help$")
        self.assertEqual(run.out, "")
        return run

    def start(self, *arguments, **options):
        """Starts it and returns the process, which is ended with the test at the latest."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(),
                   **options}
        process = subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=self.folder, **options)

        def end():
            process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
