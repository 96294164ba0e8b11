"""What is wrong with a command line is said in the words of the command line: every number out of range, every output."""

import itertools
import json
import os
import re
import subprocess
import threading
import unittest

from magnet_cli import COMMAND, MODEL, CliTest, environment

GOLDEN = MODEL.parent
STORIES = GOLDEN.parent / "data" / "stories.txt"
SMALL = ["--length", "48", "--open-room", "8", "--max-spans", "1", "--pair-batch", "4", "--pair-length", "16", "--instruction", ""]
C_WORDS = r"[a-z]+_[a-z]|sampling\.|session|json\.exception|MAGNET_[A-Z]+_|e\+0[0-9]"

# Each verb with what it needs to get as far as its options.
VERBS = {
    "embed": ["a text"], "infill": ["a {{gap}} b"], "generate": ["a"], "score": ["a"], "tokens": ["a"], "mask": ["a {{gap}}"],
    "train": ["--text", STORIES, "-o", "never.gguf"], "merge": ["--adapter", "none.gguf", "-o", "never.gguf"],
    "eval sts": ["none"], "eval infill": ["none"], "eval perplexity": ["none"], "eval repetition": ["none"],
    "eval probe": ["none", "--train", "none"], "eval choice": ["none"],
    "eval retrieval": ["none", "--documents", "none", "--relevance", "none"],
}


class UsageTest(CliTest):
    def numbers(self, verb, kinds=r"(?:[NXPWK]|K,\.\.\.|X,\.\.\.)"):
        """The options of a verb that take a number, by its help."""
        text = self.ok(*verb.split(), "--help").out
        return re.findall(r"(?m)^  (?:-\w, |    )(--[a-z0-9-]+) " + kinds + r"(?:\s|$)", text)

    def wrong(self, verb, option, value):
        run = self.fails(2, *verb.split(), *VERBS[verb], f"{option}={value}", says=[option])
        self.assertTrue(run.err.startswith("magnet: " + option), run.err)
        self.assertNotRegex(run.err, C_WORDS)

    def test_numbers_that_are_none(self):
        for verb in VERBS:
            options = self.numbers(verb)
            self.assertIn("--threads" if verb != "merge" else "--scale", options)
            for option in options:
                for value in ("1e39", "nan", "many"):
                    with self.subTest(verb=verb, option=option, value=value):
                        self.wrong(verb, option, value)

    def test_what_means_nothing_beside_or_without_another(self):
        for verb, options in {
                "score": ["--total", "--top=3"], "tokens": ["--decode", "--ends"], "infill": ["--full", "--top=3"],
                "train": ["--mine-margin=0.1"], "eval infill": ["--until=line"]}.items():
            run = self.fails(2, *verb.split(), *VERBS[verb], *options, says=[options[-1].split("=")[0]])
            self.assertRegex(run.err, "exclude each other|means nothing without")
        self.fails(2, "score", "--total", "--tokens", "a", says=["--tokens", "--total"])
        self.fails(2, "info", "--system", MODEL, says=["--system"])
        self.fails(2, "info", "--system", "--meta", says=["--system", "--meta"])

    def test_what_separates_digits(self):
        """0,5 must not be 5."""
        for verb in VERBS:
            for option in self.numbers(verb, kinds="[NXPWK]"):
                for value in ("0,5", "1_0", "1'0", "0x1", "0b1", "true", " 1"):
                    with self.subTest(verb=verb, option=option, value=value):
                        self.wrong(verb, option, value)

    def test_numbers_out_of_range(self):
        """None of these may be -7, but for what is subtracted from logits and what an adapter counts."""
        anything = {"--frequency-penalty", "--presence-penalty", "--scale"}
        for verb in VERBS:
            for option in sorted(set(self.numbers(verb)) - anything):
                with self.subTest(verb=verb, option=option):
                    self.wrong(verb, option, "-7")

    def test_values_that_depend_on_each_other(self):
        train = ["train", "--text", STORIES, "-o", "never.gguf"]
        for options, says in ((["--span-min", "9", "--span-max", "8"], ["--span-max is 8", "--span-min"]),
                              (["--share-hybrid", "0", "--share-ordered", "0", "--share-causal", "0"], ["--share-causal"]),
                              (["--mntp", "0", "--sscl", "0", "--msg", "0"], ["--mntp", "nothing to learn"]),
                              (["--mask-token", "two words"], ["--mask-token", "two words"])):
            with self.subTest(options=options):
                run = self.fails(2, *train, *options, says=says)
                self.assertNotRegex(run.err, C_WORDS)
        self.fails(2, *train, *SMALL, "--targets", "q,x", says=['--targets names "x"', "gate", "blk.0.attn_q.weight"])
        for stage in ("0:1,1,1", "9:0,0,0", "9:1,1", "9:1,1,1,1", "9:-1,1,1", "9:1e39,1,1", "99999999999:1,1,1", "9.5:1,1,1", "1_0:1,1,1", "0x9:1,1,1", "true:1,1,1",
                      "x:1,1,1", "9:1,1,nan", "9:,1,1", ""):
            with self.subTest(stage=stage):
                self.fails(2, *train, "--stage", stage, says=["--stage", "STEPS:MNTP,SSCL,MSG"])
        for option in ("--steps", "--mntp", "--sscl", "--msg"):
            self.fails(2, *train, "--stage", "2:1,1,1", option, "1", says=["--stage", option])
        self.fails(2, "train", "-o", "never.gguf", says=["--text", "--pairs"])
        self.fails(2, "eval", "infill", STORIES, "--room", "4", "--n-gaps", "2", says=["--n-gaps is 2", "--room"])
        self.fails(2, "generate", "--logit-bias", "264:1", "a", says=["--logit-bias", "264", "263"])

    def test_values_that_are_empty_or_missing(self):
        self.fails(2, "embed", "-m", says=["--model needs a value"])
        self.fails(2, "embed", "a", "--threads", says=["--threads needs a value"])
        self.fails(2, "embed", "--threads=", "a", says=['--threads: "" is not a whole number'])
        self.fails(2, "embed", "--pooling=", "a", says=['--pooling: "" is not one of'])
        self.fails(2, "embed", "a", "-o", "x", "-o", "y", says=["--output is given more than once"])
        self.fails(2, "--nonsense", says=['no option "--nonsense"', "verb"])
        self.fails(2, "embed", "--nonsense", "a", says=["magnet embed has no option --nonsense"])
        self.fails(2, "info", "a", "b", says=['magnet info has no use for "b"'])
        vectors = [self.ok("embed", *option, "--json", "a").out for option in (["--instruction="], ["--instruction", ""])]
        self.assertEqual(vectors[0], vectors[1])
        self.assertEqual(self.ok("tokens", "--ids", "--", "--text=").out, self.ok("tokens", "--ids", "--text", "--text=").out)
        pairs = self.file("pairs.tsv", "1\ta\tb\n2\tc\td\n")
        self.ok("eval", "sts", pairs, "--instruction=", "--pooling", "last")

    def test_lists_with_an_empty_item(self):
        for verb, option, values in (("train", "--dimensions", ["16,", ",16", "8,,16", ","]), ("train", "--targets", ["q,"]),
                                     ("eval retrieval", "--cutoff", ["10,"]), ("eval probe", "--l2", [",0.1"]),
                                     ("eval infill", "--context", ["left,", "left,,fim"]), ("eval sts", "--pooling", ["last,"])):
            for value in values:
                with self.subTest(option=option, value=value):
                    for words in ([option, value], [f"{option}={value}"]):
                        self.fails(2, *verb.split(), *VERBS[verb], *words, says=[f'{option}: "{value}" has an empty item'])
        self.ok("infill", "--length=1", "--stop", ",", "a{{gap}}b")  # no list: a text

    def test_content_is_no_usage(self):
        """What a file or a text holds is not wrong with the command line."""
        run = self.fails(1, "train", "--text", STORIES, "-o", "never.gguf", says=["--length", "--max-spans", "--open-room"])
        self.assertNotRegex(run.err, C_WORDS)
        run = self.fails(1, "score", "word " * 100, says=["the text needs more tokens", "at most 256"])
        self.assertNotRegex(run.err, C_WORDS + "|the text: the text|--ctx")
        self.fails(1, "score", "--ctx", "16", "word " * 100, says=["at most 16", "--ctx"])
        self.fails(1, "embed", "--ctx", "16", "--instruction", "word " * 100, "a", says=["Raise --ctx"])
        self.fails(1, "embed", "--max-tokens", "16", "--instruction", "word " * 100, "a", says=["Raise --max-tokens"])
        self.fails(1, "generate", "--grammar", 'root ::= "a"\nx ::= (', "a", says=["the grammar, line 2, column 8", "expected"])
        self.fails(1, "generate", "--grammar", 'root ::= root "a"', "a", says=['"root" can begin with itself'])
        self.fails(1, "tokens", "--decode", "1 999", says=["999", "263"])

    def test_texts_that_are_no_utf8(self):
        for verb, option in (("generate", "--stop"), ("generate", "--system"), ("generate", "--grammar"), ("embed", "--instruction"),
                             ("score", "--given"), ("embed", "--text"), ("train", "--mask-token")):
            with self.subTest(option=option):
                self.fails(2, verb, *VERBS[verb], option, b"\xff".decode("utf-8", "surrogateescape"),
                           says=[option, r"\xFF", "UTF-8"])

    def test_scales_of_an_adapter(self):
        self.file("a.gguf", "no adapter")
        for scale in ("1e39", "-1e39", "nan", "inf", "", "-", "+", "0x", "0x10", "1.5x", "1e", "+-1", " 1"):
            with self.subTest(scale=scale):
                self.fails(2, "embed", "--adapter", "a.gguf:" + scale, "a", says=["--adapter a.gguf:" + scale, "FILE:SCALE"])
        for scale in ("0.5", "+0.5", "-2", "1e-3", ".5", "0"):
            with self.subTest(scale=scale):
                self.fails(1, "embed", "--adapter", "a.gguf:" + scale, "a", says=["a.gguf is not a GGUF file"])
        self.file("b.gguf:x", "no adapter")  # a file of that very name
        self.fails(1, "embed", "--adapter", "b.gguf:x", "a", says=["b.gguf:x is not a GGUF file"])
        (self.folder / "c:d").mkdir()
        self.fails(1, "embed", "--adapter", "c:d/none.gguf", "a", says=["c:d/none.gguf", "No such file"])


class JsonTest(CliTest):
    READERS = {"embed": {"text": "a"}, "infill": {"text": "a {{gap}}"}, "generate": {"prompt": "a"}, "score": {"text": "a"},
               "tokens": {"text": "a"}, "mask": {"text": "a {{gap}}"}}

    def refuses(self, run, line, says):
        self.file("bad.jsonl", line + "\n")
        run = self.fails(1, *run, says=["bad.jsonl:1", says])
        self.assertNotIn("exception", run.err)

    def test_numbers_that_no_double_holds(self):
        for verb, fields in self.READERS.items():
            for value in ("1e999", "-1e999", "[1, {\"a\": 1e999}]"):
                with self.subTest(verb=verb, value=value):
                    line = json.dumps(fields)[:-1] + f', "x": {value}}}'
                    self.refuses([verb, "--file", "bad.jsonl"], line, "number is too large")
        self.refuses(["infill", "--file", "bad.jsonl"], '{"left": "a", "gap": 1e999}', "number is too large")
        for value in ("99999999999999999999", "18446744073709551615", "2147483648", "-1", "0", "1.5", "1e3"):
            self.refuses(["infill", "--file", "bad.jsonl"], f'{{"left": "a", "gap": {value}}}', "whole number")
        train = ["train", "-o", "never.gguf"]
        self.refuses([*train, "--text", "bad.jsonl"], '{"text": "a", "x": 1e999}', "number is too large")
        self.refuses([*train, "--pairs", "bad.jsonl"], '{"anchor": "a", "positive": 1e999}', "number is too large")
        self.refuses(["eval", "choice", "bad.jsonl"], '{"query": "a", "choices": ["b", "c"], "gold": 1e999}', "number is too large")
        self.refuses(["eval", "choice", "bad.jsonl"], '{"query": "a", "choices": ["b", "c"], "gold": 1.0}', "0 to 1")
        self.file("pairs.tsv", "1\ta\tb\n2\tc\td\n")
        self.refuses(["eval", "sts", "pairs.tsv", "--state", "bad.jsonl"], '{"state": "magnet eval", "what": 1e999}', "number is too large")

    def test_fields_that_each_could_be_the_input(self):
        """One of the two would be dropped without a word."""
        template = {"text": '"a {{gap=b}}"', "left": '"a"', "right": '"b"', "gap": '"c"', "parts": '[{"text": "a"}, {"gap": "b"}]'}
        together = [{"left", "right"}, {"left", "gap"}, {"gap", "right"}]
        clashes = {verb: [pair for pair in itertools.combinations(template, 2) if set(pair) not in together]
                   for verb in ("infill", "score", "mask")}
        clashes["generate"] = list(itertools.combinations(("prompt", "text", "messages"), 2))
        clashes["score"] += [("given", "left"), ("given", "parts")]
        values = {**template, "prompt": '"a"', "messages": '[{"role": "user", "content": "a"}]', "given": '"a"'}
        for verb, pairs in clashes.items():
            for pair in pairs:
                with self.subTest(verb=verb, fields=pair):
                    self.file("bad.jsonl", '{"text": "a {{gap=b}}"}\n{' + ", ".join(f'"{name}": {values[name]}' for name in pair) + "}\n")
                    self.fails(1, verb, "--file", "bad.jsonl", says=["bad.jsonl:2", *(f'"{name}"' for name in pair), "leave one of them out"])
        # null says nothing
        line = '{"prompt": null, "text": "b", "messages": null}'
        [one] = self.ok("generate", "--json", "--max-tokens", "1", "--input-format", "jsonl", stdin=line).json()
        self.assertEqual(one["prompt"], "b")
        self.refuses(["embed", "--file", "bad.jsonl"], '{"text": null}', 'expected a field "text"')
        # what a verb does not read is the caller's, and kept
        [one] = self.ok("embed", "--json", "--input-format", "jsonl", stdin='{"text": "a", "prompt": "b", "left": 1}').json()
        self.assertEqual((one["prompt"], one["left"]), ("b", 1))

    def test_a_field_that_is_there_twice(self):
        for verb, fields in self.READERS.items():
            with self.subTest(verb=verb):
                line = json.dumps(fields)
                self.refuses([verb, "--file", "bad.jsonl"], line[:-1] + ", " + line[1:], "is there twice")
                self.refuses([verb, "--file", "bad.jsonl"], line[:-1] + ', "x": [{"y": 1, "z": {"y": 2}, "y": 3}]}', '"y" is there twice')
        self.refuses(["train", "-o", "never.gguf", "--text", "bad.jsonl"], '{"text": "a", "text": "b"}', '"text" is there twice')
        self.refuses(["train", "-o", "never.gguf", "--pairs", "bad.jsonl"], '{"anchor": "a", "positive": "b", "anchor": "c"}', '"anchor"')
        self.refuses(["eval", "choice", "bad.jsonl"], '{"query": "a", "choices": ["b", "c"], "gold": 0, "gold": 1}', '"gold"')
        self.refuses(["eval", "infill", "--gaps", "given", "bad.jsonl"], '{"left": "a", "gap": "b", "right": "c", "gap": "d"}', '"gap"')

    def test_a_gap_with_nothing_around_it(self):
        for verb in ("infill", "score", "mask"):
            self.refuses([verb, "--file", "bad.jsonl"], '{"gap": "x"}', '"left"')

    def test_score_shows_what_it_scored(self):
        self.file("rows.jsonl", '{"left": "a ", "gap": "x", "right": " b"}\n{"parts": [{"text": "a "}, {"gap": "y"}]}\n'
                                '{"text": "c {{gap=z}}"}\n{"text": "d", "given": "e"}\n')
        lines = self.ok("score", "--file", "rows.jsonl").lines[1:]
        self.assertEqual([line.split("  ")[-1] for line in lines], ['"a {{gap=x}} b"', '"a {{gap=y}}"', '"c {{gap=z}}"', '"d"'])
        found = self.ok("score", "--json", "--given", "f", "--input-format", "jsonl", stdin='{"text": "d", "given": "e"}\n{"text": "d"}').json()
        self.assertEqual([one["given"] for one in found], ["e", "f"])  # the row's own is what was scored

    def test_values_that_nest_too_deep(self):
        """The process would end where such a value is copied or printed."""
        deep = "[" * 200000 + "]" * 200000
        for verb, fields in self.READERS.items():
            with self.subTest(verb=verb):
                self.refuses([verb, "--json", "--file", "bad.jsonl"], json.dumps(fields)[:-1] + f', "x": {deep}}}', "nest")
        self.refuses(["train", "-o", "never.gguf", "--text", "bad.jsonl"], f'{{"text": "a", "x": {deep}}}', "nest")
        self.file("pairs.tsv", "1\ta\tb\n2\tc\td\n")
        self.refuses(["eval", "sts", "pairs.tsv", "--state", "bad.jsonl"], f'{{"state": "magnet eval", "what": {deep}}}', "nest")
        line = '{"text": "a", "x": ' + "[" * 90 + '"[[{' + '\\"' + '"' + "]" * 90 + "}"
        self.file("fine.jsonl", line)
        self.assertEqual(self.ok("tokens", "--json", "--file", "fine.jsonl").json()[0]["x"], json.loads(line)["x"])


class EndlessTest(CliTest):
    """Files without an end: what is read of them has one."""

    SMALL = (("--grammar-file", "1 MiB", "a grammar"), ("--schema", "1 MiB", "a schema"))
    OPTIONS = {"generate": (*SMALL, ("--tools", "1 MiB", "a list of tools")),
               "infill": (*SMALL, ("--extra", "16 MiB", "a file beside the text"))}

    def test_options(self):
        for verb, options in self.OPTIONS.items():
            for option, size, what in options:
                with self.subTest(verb=verb, option=option):
                    self.fails(1, verb, option, "/dev/zero", "a {{gap}}", says=["/dev/zero", "more than " + size, what])
                    with open("/dev/zero", "rb") as zeros:
                        command = [*COMMAND, verb, option, "-", "--text", "a {{gap}}"]
                        done = subprocess.run(command, stdin=zeros, stderr=subprocess.PIPE, env=environment(), timeout=60)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(b"standard input: has more than " + size.encode(), done.stderr)
        self.file("large.gbnf", b"#" * (1 << 20) + b"\n")
        self.fails(1, "generate", "--grammar-file", "large.gbnf", "a", says=["large.gbnf", "more than 1 MiB"])

    @unittest.skipIf(os.environ.get("MAGNET_SANITIZED"), "reads 2 GiB")
    def test_texts(self):
        for arguments in (["tokens", "--file", "/dev/zero"], ["train", "--text", "/dev/zero", "-o", "never.gguf"],
                          ["eval", "perplexity", "/dev/zero"]):
            with self.subTest(arguments=arguments):
                self.fails(1, *arguments, says=["/dev/zero", "more than 2 GiB", "split it"])

    def test_other_files(self):
        self.file("a.gguf", MODEL.read_bytes())
        for arguments in (["tokens", "-m", "/dev/zero", "a"], ["embed", "--adapter", "/dev/zero", "a"], ["train", "--resume", "/dev/zero"],
                          ["merge", "-m", "/dev/zero", "--adapter", "a.gguf", "-o", "never.gguf"],
                          ["merge", "--adapter", "/dev/zero", "-o", "never.gguf"],
                          ["eval", "sts", self.file("pairs.tsv", "1\ta\tb\n2\tc\td\n"), "--state", "/dev/zero"],
                          ["eval", "sts", "/dev/zero", "--state", "state"]):
            with self.subTest(arguments=arguments):
                self.fails(1, *arguments, says=["/dev/zero"])

    def test_pipes_are_read(self):
        for path in ("/dev/stdin", "-"):
            self.assertEqual(self.ok("generate", "--grammar-file", path, "--text", "a", stdin='root ::= "yes"').out, "yes\n")
        os.mkfifo(self.folder / "pipe")
        writer = threading.Thread(target=lambda: (self.folder / "pipe").write_text('root ::= "no"'))
        writer.start()
        self.assertEqual(self.ok("generate", "--grammar-file", "pipe", "a").out, "no\n")
        writer.join()


class OutputTest(CliTest):
    def test_two_outputs_are_two_files(self):
        self.fails(1, "mask", "--svg", "F", "-o", "F", "a {{gap}}", says=["F", "twice"])
        self.fails(1, "mask", "--svg", "F", "-o", "./F", "a {{gap}}", says=["./F", "twice"])
        self.file("old.svg", "old")
        (self.folder / "link").symlink_to("old.svg")
        (self.folder / "new").symlink_to("F")
        self.fails(1, "mask", "--svg", "link", "-o", "old.svg", "a {{gap}}", says=["old.svg", "twice"])
        self.fails(1, "mask", "--svg", "new", "-o", "F", "a {{gap}}", says=["F", "twice"])
        self.fails(2, "mask", "--svg", "-", "--json", "a {{gap}}", says=["--svg", "standard output"])
        self.assertEqual((self.folder / "old.svg").read_text(), "old")
        self.assertFalse((self.folder / "F").exists())
        self.ok("mask", "--svg", "/dev/null", "-o", "/dev/null", "a {{gap}}")
        self.ok("mask", "--svg", "new", "-o", "text", "a {{gap}}")  # a link to nothing yet: its target is written
        self.assertTrue((self.folder / "new").is_symlink())
        self.assertIn("<svg", (self.folder / "F").read_text())

    def test_no_output_is_an_input(self):
        pairs = self.file("pairs.tsv", "1\ta\tb\n2\tc\td\n")
        model = self.folder / "m.gguf"
        model.write_bytes(MODEL.read_bytes())
        grammar = self.file("g.gbnf", 'root ::= "a"')
        template = self.file("t.txt", "a {{gap}}")
        for arguments in (["embed", "-m", model, "a", "-o", model], ["tokens", "--file", template, "-o", template],
                          ["mask", template, "--svg", template], ["infill", template, "-o", template],
                          ["generate", "--grammar-file", grammar, "a", "-o", grammar], ["score", template, "-o", template],
                          ["info", "-m", model, "-o", model], ["eval", "sts", pairs, "-o", pairs],
                          ["eval", "sts", pairs, "--state", "s", "-o", "s"], ["eval", "sts", "-m", model, pairs, "-o", model],
                          ["eval", "sts", pairs, "--state", pairs], ["eval", "sts", "-m", model, pairs, "--state", model],
                          ["merge", "-m", model, "--adapter", pairs, "-o", model, "--overwrite"],
                          ["merge", "-m", model, "--adapter", pairs, "-o", pairs, "--overwrite"]):
            with self.subTest(arguments=arguments):
                before = {path: path.read_bytes() for path in self.folder.iterdir()}
                self.fails(1, *arguments, says=[str(arguments[-1] if arguments[-1] != "--overwrite" else arguments[-2])])
                self.assertEqual({path: path.read_bytes() for path in self.folder.iterdir()}, before)
        with open(template, "rb") as stdin:
            done = subprocess.run([*COMMAND, "tokens", "-o", template], stdin=stdin, stderr=subprocess.PIPE, env=environment(),
                                  timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"t.txt is read by this command and would be replaced", done.stderr)
        self.assertEqual(template.read_text(), "a {{gap}}")


class MergeTest(CliTest):
    def test_a_model_of_infinities_is_not_written(self):
        self.ok_but_talks("train", "--text", STORIES, "-o", "a.gguf", "--steps", "2", "--no-checkpoint", *SMALL)
        self.fails(1, "merge", "--adapter", "a.gguf", "-o", "m.gguf", "--scale", "3e38", says=["weight", "3e+38", "too large"])
        self.fails(1, "merge", "--adapter", "a.gguf", "-o", "m.gguf", "--scale", "1e30", says=["weight", "f16", "bf16"])
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["a.gguf"])
        self.ok_but_talks("merge", "--adapter", "a.gguf", "-o", "m.gguf")

    def ok_but_talks(self, *arguments):
        run = self.run_magnet(*arguments)
        self.assertEqual(run.status, 0, run.err)


class DamageTest(CliTest):
    def test_weights_that_are_no_numbers(self):
        """What the error advises is an option, and names a tensor."""
        data = bytearray(MODEL.read_bytes())
        data[-100000:] = b"\xff\xff\xff\x7f" * 25000
        self.file("nan.gguf", bytes(data))
        for arguments in (["embed", "a"], ["generate", "a"], ["infill", "a {{gap:2}}"], ["score", "abc"]):
            with self.subTest(verb=arguments[0]):
                run = self.fails(1, arguments[0], "-m", "nan.gguf", *arguments[1:], says=["not a number", "Give --check-tensors"])
                self.assertNotRegex(run.err, C_WORDS)
                self.fails(1, arguments[0], "-m", "nan.gguf", "--check-tensors", *arguments[1:], says=["nan.gguf", "tensor", "invalid data"])
        self.ok("embed", "--check-tensors", "a")


if __name__ == "__main__":
    unittest.main()
