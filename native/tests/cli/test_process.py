"""How the program behaves as a process: exit codes, error lines, full disks, closed pipes, signals."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import time
import unittest

from magnet_cli import IS_WINDOWS, MODEL, CliTest, environment

VERBS = ["embed", "infill", "generate", "score", "tokens", "info", "mask"]
PROTOCOLS = ["sts", "infill", "perplexity", "repetition", "probe", "choice", "retrieval"]


class UsageTest(CliTest):
    def test_without_arguments(self):
        run = self.run_magnet()
        self.assertEqual((run.status, run.out), (2, ""))
        for verb in VERBS:
            self.assertIn(verb, run.err)

    def test_help_and_version(self):
        self.assertEqual(self.ok("--help").out, self.run_magnet().err)
        for verb in VERBS:
            text = self.ok(verb, "--help").out
            self.assertIn(f"Usage: magnet {verb} ", text)
            self.assertIn(f"  magnet {verb} ", text, "an example")
            self.assertLessEqual(max(map(len, text.splitlines())), 110)
        for verb in (["train"], ["merge"], ["eval"], *(["eval", protocol] for protocol in PROTOCOLS)):
            self.assertLessEqual(max(map(len, self.ok(*verb, "--help").out.splitlines())), 110, verb)
        self.assertRegex(self.ok("--version").out, r"^magnet \d+\.\d+\.\d+ .*\n$")

    def test_wrong_usage(self):
        self.fails(2, "nonsense", says=["nonsense"])
        self.fails(2, "embed", "--nonsense", "a", says=["--nonsense"])
        self.fails(2, "embed", "--pooling", "first", "a", says=["--pooling", "first", "last|mean"])
        self.fails(2, "embed", "--threads", "0", "a", says=["--threads"])
        self.fails(2, "embed", "--threads", "many", "a", says=["--threads", "many"])
        self.fails(2, "embed", "--tokens", "--similarity", "a", says=["--tokens", "--similarity"])
        self.fails(2, "embed", "--similarity", "-o", "v.npy", "a", says=["--similarity"])
        self.fails(2, "generate", "--temperature", "-1", "a", says=["--temperature"])
        self.fails(2, "generate", "--temperature", "nan", "a", says=["temperature", "nan"])
        self.fails(2, "generate", "--stop", "", "a", says=["--stop"])

    def test_a_file_without_a_name(self):
        """What a shell makes of a variable that is not set."""
        for verb, options in (("embed", ["-o", "-f", "-m", "--adapter"]), ("mask", ["--svg"]), ("generate", ["--grammar-file"]),
                              ("train", ["-o", "--text", "--pairs", "--checkpoint", "--resume", "--metrics", "--report",
                                         "--init-adapter", "--mine"])):
            for option in options:
                self.fails(2, verb, option, "", says=[option.strip("-"), '"" is not the name of a file'])
        self.fails(2, "eval", "sts", "--state", "", "pairs.tsv", says=["--state", '"" is not the name of a file'])

    def test_no_model(self):
        without = environment(MAGNET_MODEL="")
        self.fails(2, "embed", "a", says=["--model", "MAGNET_MODEL"], env=without)
        def info(*arguments, **options):  # but for the memory that is free just now
            return [line for line in self.ok("info", *arguments, **options).out.splitlines() if "available" not in line]
        self.assertEqual(info(MODEL, env=without), info())
        self.assertEqual(info(MODEL, env=environment(MAGNET_MODEL="other.gguf")), info())

    def test_log_lines_only_on_request(self):
        self.assertEqual(self.ok("tokens", "a").err, "")
        lines = self.run_magnet("tokens", "--log-level", "debug", "a").err.splitlines()
        self.assertNotEqual(lines, [])
        self.assertEqual([line for line in lines if not line.startswith("magnet: ")], [])


class ThreadsTest(CliTest):
    def test_more_threads_than_processors(self):
        stories = str(MODEL.parent.parent / "data" / "stories.txt")
        train = ["train", "--text", stories, "-o", "a.gguf", "--overwrite", "--steps", "2", "--length", "48",
                 "--max-spans", "1", "--open-room", "8", "--pair-batch", "4", "--pair-length", "16", "--instruction", "", "--heldout", "2"]
        n = "16" if IS_WINDOWS else "200"  # Wine takes minutes for 200 that take turns on two processors
        for verb in (["generate", "--temperature", "0", "--max-tokens", "20", "a"], ["infill", "a {{gap:5}} b"],
                     ["embed", "a text"], ["score", "a text"], ["embed", "--engine", "graph", "a text"],
                     ["score", "--engine", "graph", "a text"], [*train, "--engine", "fused"],
                     [*train, "--engine", "graph"]):
            with self.subTest(verb=verb[0]):
                many = self.run_magnet(*verb, "-t", n, "--log-level", "warn")
                self.assertEqual(many.status, 0, many.err)
                self.assertEqual(many.err.count(n + " threads are asked for"), 1, many.err)
                self.assertEqual(many.out, self.run_magnet(*verb).out)


def with_context_length(n):
    """The tiny model, as one that was trained for texts of n tokens."""
    key = b"llama.context_length"
    model = MODEL.read_bytes()
    value = model.index(key) + len(key) + 4  # behind the type of the value
    return model[:value] + n.to_bytes(4, "little") + model[value + 4:]


@unittest.skipIf("MAGNET_SANITIZED" in os.environ, "a shadow of all memory fits under no limit")
class MemoryTest(CliTest):
    def test_no_memory_for_what_is_asked(self):
        gib = 1 << 30
        self.file("long.gguf", with_context_length(1 << 30))
        self.file("prompt.jsonl", json.dumps({"text": "a " * 4_000_000}))
        self.file("left.jsonl", json.dumps({"left": "a " * 4_000_000, "right": "b"}))
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (gib, gib))
        says = ["the keys and values of ", " bytes a token)", " MiB are to be had, which is enough for ", "ask for fewer tokens"]
        for asked in (["generate", "--engine", "graph", "--max-tokens", str(1 << 29), "a"],
                      ["generate", "--engine", "fused", "--max-tokens", "1", "--file", "prompt.jsonl"],
                      ["infill", "--engine", "fused", "--max-tokens", "1", "--file", "left.jsonl"]):
            with self.subTest(asked=asked):
                self.fails(1, *asked, "-m", "long.gguf", "-t", "1", preexec_fn=limit, says=says)


class BadInputTest(CliTest):
    def test_model_files(self):
        self.fails(1, "embed", "-m", "missing.gguf", "a", says=["missing.gguf"])
        self.file("text.gguf", "this is no model")
        self.fails(1, "embed", "-m", "text.gguf", "a", says=["text.gguf"])
        self.file("cut.gguf", MODEL.read_bytes()[:50000])
        self.fails(1, "embed", "-m", "cut.gguf", "a", says=["cut.gguf"])
        self.fails(1, "embed", "--adapter", "missing.gguf:0.5", "a", says=["missing.gguf"])
        self.fails(1, "embed", "--adapter", str(MODEL), "a", says=[MODEL.name])

    def test_no_utf8(self):
        self.file("latin.txt", b"fine\nGr\xfc\xdfe\n")
        for verb in ("embed", "score", "tokens"):
            self.fails(1, verb, "--file", "latin.txt", says=["latin.txt:2", "UTF-8", "0xFC", "offset 2"])
        self.fails(1, "embed", stdin=b"\xff", says=["standard input:1", "UTF-8"])
        self.fails(1, "embed", stdin=b"surrogate \xed\xa0\x80", says=["UTF-8", "0xED", "offset 10"])
        self.fails(1, "infill", stdin=b"a {{gap}} \xc0\xaf", says=["standard input", "UTF-8", "offset 10"])

    def test_no_json(self):
        self.file("a.jsonl", '{"text": "a"}\n{"text": \n')
        self.fails(1, "embed", "--file", "a.jsonl", says=["a.jsonl:2", "JSON"])
        self.file("a.jsonl", '{"text": "a"}\n\n["a"]\n')
        self.fails(1, "embed", "--file", "a.jsonl", says=["a.jsonl:3", "object"])
        self.file("a.jsonl", '{"text": 1}\n')
        self.fails(1, "embed", "--file", "a.jsonl", says=["a.jsonl:1", "text", "string"])

    def test_json_without_what_is_read(self):
        template = ["text", "left", "gap", "right", "parts"]
        for verb, fields in [("embed", ["text"]), ("tokens", ["text"]), ("generate", ["prompt", "text", "messages"]),
                             ("infill", template), ("mask", template), ("score", template)]:
            self.file("a.jsonl", '{"text": "a {{gap=b}}"}\n{"txt": "a"}\n')
            self.fails(1, verb, "--file", "a.jsonl", says=["a.jsonl:2", "expected a field", *fields])
            self.file("a.jsonl", "{}\n")
            self.fails(1, verb, "--file", "a.jsonl", says=["a.jsonl:1", "expected a field", *fields])
            for field in set(fields) & {"text", "prompt", "left", "right"}:
                self.file("a.jsonl", f'{{"{field}": null}}\n')  # as if it were not there
                self.fails(1, verb, "--file", "a.jsonl", says=["a.jsonl:1", "expected a field", field])
                for value in ("1", "true", '["a"]', '{"a": "b"}'):
                    self.file("a.jsonl", f'{{"{field}": {value}}}\n')
                    self.fails(1, verb, "--file", "a.jsonl", says=["a.jsonl:1", field, "string"])
        for name in ("messages", "parts", "gap"):
            self.file("a.jsonl", f'{{"{name}": null}}\n')
            self.fails(1, "generate" if name == "messages" else "infill", "--file", "a.jsonl", says=["a.jsonl:1", name])

    def test_unreadable_files(self):
        self.fails(1, "embed", "--file", "missing.txt", says=["missing.txt", "No such file"])
        self.fails(1, "embed", "--file", ".", says=[".", "directory"])


class OutputTest(CliTest):
    def limited(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    def test_full_disk(self):
        for arguments in (["embed", "a"], ["embed", "--format", "npy", "a"], ["generate", "a"], ["tokens", "a"], ["info"],
                          ["infill", "a {{gap:2}} b"], ["score", "a"], ["mask", "a"], ["--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                run = self.run_magnet(*arguments, stdout=full)
            self.assertEqual(run.status, 1, arguments)
            if not arguments[0].startswith("--"):
                self.assertRegex(run.err, r"^magnet: standard output: .*No space left on device\.\n$")
        self.fails(1, "embed", "a", "-o", "/dev/full", says=["/dev/full", "No space left"])

    def test_nothing_half_written_is_left(self):
        # A limit on the size of files stands for a full disk; the signal that goes with it ends nothing.
        options = {"preexec_fn": self.limited, "stdin": "text\n" * 100}
        self.fails(1, "embed", "-o", "v.npy", says=["v.npy", "File too large"], **options)
        self.assertEqual(list(self.folder.iterdir()), [])
        old = self.file("v.npy", "old")
        self.fails(1, "embed", "-o", "v.npy", says=["v.npy", "kept"], **options)
        self.assertEqual(old.read_text(), "old")
        self.assertEqual(list(self.folder.iterdir()), [old])

    def test_places_that_cannot_be_written(self):
        self.fails(1, "embed", "a", "-o", "no/such/folder.npy", says=["no/such/folder.npy", "No such file"])
        self.fails(1, "embed", "a", "-o", ".", says=[".", "directory"])

    def test_file_keeps_mode_and_link(self):
        target = self.file("target.txt", "old")
        target.chmod(0o640)
        (self.folder / "link.txt").symlink_to("target.txt")
        self.ok("tokens", "--ids", "a", "-o", "link.txt")
        self.assertTrue((self.folder / "link.txt").is_symlink())
        self.assertEqual(target.read_text(), self.ok("tokens", "--ids", "a").out)
        self.assertEqual(target.stat().st_mode & 0o777, 0o640)

    def test_reader_that_goes_away(self):
        # Far more output than a pipe holds.
        self.file("texts.txt", "text\n" * 5000)
        for arguments in (["embed", "--file", "texts.txt"], ["score", "--json", "--file", "texts.txt"]):
            process = self.start(*arguments)
            self.assertNotEqual(process.stdout.readline(), b"")
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.wait(), 0)
        for arguments in (["--help"], ["embed", "--help"], ["--version"], ["tokens", "a"]):
            reader, writer = os.pipe()
            os.close(reader)
            run = self.run_magnet(*arguments, stdout=writer)
            os.close(writer)
            self.assertEqual((run.status, run.err), (0, ""), arguments)

    def test_standard_output_by_its_name(self):
        for name in ("/dev/stdout", "/proc/self/fd/1"):
            self.assertEqual(self.ok("tokens", "--ids", "a", "-o", name).out, self.ok("tokens", "--ids", "a").out)


@unittest.skipIf(IS_WINDOWS, "a program for Windows gets no signals")
class SignalTest(CliTest):
    def test_while_waiting_for_input(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("embed", stdin=subprocess.PIPE)
            stdin = pathlib.Path(f"/proc/{process.pid}/fdinfo/0")
            while not stdin.exists():
                time.sleep(0.01)
            time.sleep(0.3)  # it now waits, or will: the outcome is the same
            process.send_signal(number)
            self.assertEqual(process.wait(60), -number)
            self.assertEqual((process.stdout.read(), process.stderr.read()), (b"", b""))

    def test_generate_keeps_what_it_has(self):
        process = self.start("generate", "--n", "10000", "--json", "--ignore-eos", "--max-tokens", "200", "a")
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        self.assertEqual(process.wait(), -signal.SIGINT)
        self.assertEqual(process.stderr.read(), b"")
        made = [json.loads(line) for line in (first + rest).splitlines()]
        self.assertLess(len(made), 10000)
        self.assertEqual({one["stop"] for one in made[:-1]} - {"length"}, set())
        self.assertIn(made[-1]["stop"], ("length", "cancelled"))

    def test_an_output_file_keeps_the_texts_that_are_done(self):
        """Most of the time goes into reading: the signal comes before the first token of a text."""
        text = "a text that takes its time " * 8
        for verb in (["generate", "--max-tokens", "1"], ["infill", "--max-tokens", "1"]):
            with self.subTest(verb=verb[0]):
                self.file("t.jsonl", (json.dumps({"text": text + ("{{gap}}" if verb[0] == "infill" else "")}) + "\n") * 5000)
                process = self.start(*verb, "--no-reuse", "--json", "--file", "t.jsonl", "-o", "out.jsonl")
                while process.poll() is None and not any(path.stat().st_size for path in self.folder.glob("out.jsonl.*")):
                    time.sleep(0.01)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(60), -signal.SIGINT)
                self.assertEqual(process.stderr.read(), b"")
                self.assertGreater((self.folder / "out.jsonl").read_text().count("\n"), 0)
                self.assertLess((self.folder / "out.jsonl").read_text().count("\n"), 5000)
                (self.folder / "out.jsonl").unlink()

    def test_embed_leaves_no_file(self):
        self.file("texts.txt", "a text of some length, so that this takes a while\n" * 200000)
        process = self.start("embed", "--file", "texts.txt", "-o", "v.npy")
        while not list(self.folder.glob("v.npy.*")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), -signal.SIGINT)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["texts.txt"])

    @unittest.skipUnless("MAGNET_SLOW_MKSTEMP" in os.environ, "the sanitizers' library must come first")
    def test_signal_while_the_output_is_begun(self):
        env = environment(LD_PRELOAD=os.environ.get("MAGNET_SLOW_MKSTEMP", ""))
        for arguments in (["embed", "a"], ["tokens", "a"], ["info"], ["mask", "a"], ["score", "a"], ["generate", "a"],
                          ["infill", "a {{gap:2}}"], ["mask", "a", "--svg", "x"]):
            with self.subTest(verb=arguments):
                process = self.start(*arguments, "-o", "out", env=env)
                while not list(self.folder.iterdir()) and process.poll() is None:
                    time.sleep(0.001)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(60), -signal.SIGINT)
                self.assertEqual(process.stderr.read(), b"")
                self.assertEqual(list(self.folder.iterdir()), [])

    def test_sigterm_ends_every_verb(self):
        stories = "Tom lost his keys on the way home. " * 20000
        self.file("stories.txt", stories)
        self.file("texts.txt", "a text of some length, so that this takes a while\n" * 200000)
        self.file("gaps.txt", "a {{gap}} b\n" * 20000)
        small = ["--text", "stories.txt", "--steps", "1000000", "--length", "48", "--open-room", "8", "--max-spans", "1",
                 "--pair-batch", "4", "--pair-length", "16", "--instruction", ""]
        for arguments in (["train", *small, "--dry-run", "--accumulate", "65536"], ["train", *small, "-o", "a.gguf"],
                          ["embed", "--file", "texts.txt", "-o", "v.npy"], ["score", "--file", "texts.txt"],
                          ["eval", "perplexity", "texts.txt", "--window", "32"],
                          ["generate", "--n", "10000", "--ignore-eos", "--max-tokens", "200", "a"],
                          ["infill", "--file", "gaps.txt", "--input-format", "lines", "--n", "64", "--max-tokens", "64"]):
            with self.subTest(verb=arguments[:1]):
                process = self.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(1)
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(30), -signal.SIGTERM)
                self.assertEqual([path.name for path in self.folder.iterdir() if path.suffix == ".tmp"], [])

    def test_ignored_signal_stays_ignored(self):
        process = self.start("embed", "--json", stdin=subprocess.PIPE, restore_signals=False,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(b"a\n")
        self.assertEqual((process.returncode, err, out.count(b"\n")), (0, b"", 1))


if __name__ == "__main__":
    unittest.main()
