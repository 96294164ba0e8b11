"""infill, generate, score, tokens and info."""

import itertools
import json
import math
import pathlib
import unittest

from magnet_cli import MODEL, CliTest
from tiny_gguf import changed

LEFT, RIGHT = "Tom lost his keys.", " At last he slept."
TEMPLATE = LEFT + " {{gap:6}}" + RIGHT


def parts(*all_parts):
    return json.dumps({"parts": list(all_parts)})


class InfillTest(CliTest):
    def infill(self, *arguments, **options):
        return self.ok("infill", "--json", *arguments, **options).json()

    def test_json_adds_up(self):
        [one] = self.infill(TEMPLATE)
        [gap] = one["gaps"]
        self.assertEqual(one["full"], LEFT + " " + gap["text"] + RIGHT)
        self.assertEqual(len(gap["tokens"]), 6)
        self.assertEqual(gap["stop"], "length")
        self.assertAlmostEqual(gap["logprob"], sum(token["logprob"] for token in gap["tokens"]), places=4)
        self.assertEqual(one["usage"]["generated_tokens"], 6)

    def test_plain_output_is_the_fill_alone(self):
        [one] = self.infill(TEMPLATE)
        self.assertEqual(self.ok("infill", TEMPLATE).out, one["gaps"][0]["text"].strip(" \t\r\n") + "\n")
        self.assertEqual(self.ok("infill", "--full", TEMPLATE).out, one["full"] + "\n")

    def test_two_gaps(self):
        template = "One {{gap:3}} two {{gap:2}} three."
        [one] = self.infill(template)
        fills = [gap["text"] for gap in one["gaps"]]
        self.assertEqual([len(gap["tokens"]) for gap in one["gaps"]], [3, 2])
        self.assertEqual(one["full"], f"One {fills[0]} two {fills[1]} three.")
        self.assertEqual(self.ok("infill", "--full", template).out, one["full"] + "\n")

    def test_every_way_to_say_a_gap(self):
        def fill(stdin):
            return self.infill("--input-format", "jsonl", "--length", "6", stdin=stdin)[0]["gaps"]
        expected = self.infill(TEMPLATE)[0]["gaps"]
        self.assertEqual(self.infill("--length", "6", LEFT + " {{ gap }}" + RIGHT)[0]["gaps"], expected)
        self.assertEqual(fill(f'{{"text": "{TEMPLATE}"}}'), expected)
        self.assertEqual(fill(f'{{"left": "{LEFT} ", "right": "{RIGHT}"}}'), expected)
        self.assertEqual(fill(f'{{"left": "{LEFT} ", "gap": 6, "right": "{RIGHT}"}}'), expected)
        self.assertEqual(fill(parts({"text": LEFT + " "}, {"gap": 6}, {"text": RIGHT})), expected)
        self.assertEqual(fill(parts({"text": LEFT + " "}, {"gap": {"length": 6}}, {"text": RIGHT})), expected)
        self.file("template.txt", TEMPLATE + "\n")
        self.assertEqual(self.infill("template.txt")[0]["gaps"], expected)

    def test_the_space_before_a_gap(self):
        grammar = ("--grammar", 'root ::= " " [a-z]*')
        [spaced] = self.infill(*grammar, LEFT + " {{gap:6}}" + RIGHT)
        [joined] = self.infill(*grammar, LEFT + "{{gap:6}}" + RIGHT)
        [fill] = spaced["gaps"]
        self.assertEqual(" " + fill["text"], joined["gaps"][0]["text"])
        self.assertEqual(spaced["full"], joined["full"])
        self.assertEqual([t["id"] for t in fill["tokens"]], [t["id"] for t in joined["gaps"][0]["tokens"]])
        self.assertEqual(self.ok("infill", *grammar, "--full", LEFT + " {{gap:6}}" + RIGHT).out, spaced["full"] + "\n")
        # asked for, it stays; so it does for score and mask
        def prompt_tokens(*options):
            return self.infill(*options, LEFT + " {{gap:6}}" + RIGHT)[0]["usage"]["prompt_tokens"]
        self.assertEqual(prompt_tokens("--keep-spaces"), prompt_tokens() + 1)
        score = ("score", "--json", "--given", "abc ", "def")
        [moved], [kept], [by_hand] = (self.ok(*line).json() for line in (
            score, score + ("--keep-spaces",), ("score", "--json", "--given", "abc", " def")))
        self.assertAlmostEqual(moved["logprob"], by_hand["logprob"], places=5)
        self.assertEqual(moved["gaps"][0]["text"], "def")
        self.assertEqual(kept["n_tokens"] + 1, moved["n_tokens"])
        slots = [len(self.ok("mask", "--json", *options, "ab {{gap:2}}cd").json()[0]["slots"])
                 for options in ((), ("--keep-spaces",))]
        self.assertEqual(slots[0] + 1, slots[1])

    def test_open_gap_keeps_its_limit(self):
        for options, template, most in [((), "a {{gap:..5}} b", 5), (("--max-tokens", "7"), "a {{gap}} b", 7)]:
            [gap] = self.infill(*options, template)[0]["gaps"]
            self.assertLessEqual(len(gap["tokens"]), most)
            self.assertEqual(gap["stop"], "length" if len(gap["tokens"]) == most else "end")

    def test_text_that_looks_like_a_gap(self):
        [one] = self.infill("{{name}} and \\{{gap}} {{gap:2}}.")
        self.assertEqual(one["full"], "{{name}} and {{gap}} " + one["gaps"][0]["text"] + ".")

    def test_candidates_differ_and_come_again(self):
        first = self.infill("--n", "3", "--seed", "7", TEMPLATE)
        again = self.infill("--n", "3", "--seed", "7", TEMPLATE)
        self.assertEqual(sorted(one["seed"] for one in first), [7, 8, 9])
        self.assertEqual([one["full"] for one in first], [one["full"] for one in again])
        self.assertEqual(len({one["full"] for one in first}), 3)
        scores = [one["score"] for one in first]
        self.assertEqual(scores, sorted(scores, reverse=True))
        for one in first:
            joint = (one["gap_logprob"] + one["right_logprob"]) / (one["n_gap_tokens"] + one["n_right_tokens"])
            self.assertAlmostEqual(one["score"], joint, places=5)
        [best] = self.infill("--n", "3", "--seed", "7", "--best", TEMPLATE)
        self.assertEqual(best["full"], first[0]["full"])
        text = self.ok("infill", "--n", "3", "--seed", "7", "--full", TEMPLATE)
        self.assertEqual(text.out, "".join(one["full"] + "\n" for one in first))
        self.fails(2, "infill", "--n", "3", "--temperature", "0", TEMPLATE, says=["--temperature"])
        self.fails(2, "infill", "--best", TEMPLATE, says=["--best", "without --n"])

    def test_ends(self):
        [one] = self.infill("--max-tokens", "20", "a{{gap}}b")
        text = one["gaps"][0]["text"]
        stop = text[2:4]
        [cut] = self.infill("--max-tokens", "20", "--stop", stop, "a{{gap}}b")
        self.assertEqual(cut["gaps"][0]["stop"], "string")
        self.assertEqual(cut["gaps"][0]["text"], text[:text.index(stop)])
        lines = ("--grammar", 'root ::= "x" "\\n" "y" "\\n" "z"')
        for options, expected in [((), "x\ny\nz"), (("--until", "line"), "x"), (("--until", "paragraph"), "x\ny\nz")]:
            [one] = self.infill(*lines, *options, "a{{gap}}b")
            self.assertEqual(one["gaps"][0]["text"], expected)
        repeats = ("--grammar", 'root ::= "one. And so it ended."', "a {{gap}} And so it ended.")
        self.assertEqual(self.infill(*repeats)[0]["gaps"][0]["text"], "one.")
        self.assertEqual(self.infill("--keep-repeat", *repeats)[0]["gaps"][0]["text"], "one. And so it ended.")

    def test_fim_needs_a_model_with_its_tokens(self):
        self.fails(1, "infill", "--context", "fim", "a{{gap}}b", says=["--context fim", "ordered, hybrid and left"])
        (self.folder / "x.py").write_text("A = 1\n")
        self.fails(2, "infill", "--extra", "x.py", "a{{gap}}b", says=["--extra", "--context fim"])
        self.fails(1, "infill", "--extra", "none.py", "a{{gap}}b", says=["none.py"])

    def test_fim_is_not_for_adapters_that_read_both_ways(self):
        model = self.file("fim.gguf", changed(MODEL.with_name("tiny-qwen2.gguf"), ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]))
        stories = MODEL.parent.parent / "data" / "stories.txt"
        train = self.run_magnet("train", "-m", model, "--text", stories, "-o", "trained.gguf", "--steps", "1", "--length", "48",
                                "--open-room", "8", "--max-spans", "1", "--sscl", "0")
        self.assertEqual(train.status, 0, train.err)
        self.file("a.gguf", changed(self.folder / "trained.gguf", magnet__infill__context="hybrid"))

        def card(*adapter):
            return self.ok("info", "-m", model, *adapter, "--json").json()[0]
        self.assertEqual(card()["context_default"], "fim")
        self.assertEqual(card("--adapter", "a.gguf")["adapters"][0]["context_attention"], "hybrid")
        fill = ["infill", "-m", model, "--max-tokens", "2"]
        self.fails(1, *fill, "--adapter", "a.gguf", "--context", "fim", "a{{gap}}b", says=["adapter", "--context hybrid", "--context fim"])
        self.ok(*fill, "--adapter", "a.gguf", "a{{gap}}b")
        self.ok(*fill, "--context", "fim", "a{{gap}}b")

    def test_greedy_takes_the_likeliest(self):
        [one] = self.infill("--top", "3", TEMPLATE)
        for token in one["gaps"][0]["tokens"]:
            self.assertEqual(token["top"][0]["id"], token["id"])
            self.assertAlmostEqual(token["top"][0]["logprob"], token["logprob"], places=5)
            values = [other["logprob"] for other in token["top"]]
            self.assertEqual(values, sorted(values, reverse=True))

    def test_texts_of_several_lines_are_told_apart(self):
        for verb in (["generate", "a"], ["infill", "--full", "a {{gap}}\nb"], ["infill", "a {{gap:2}} b {{gap:3}}"]):
            same = [*verb, "--seed", "5", "--max-tokens", "6", "--n", "3", "--temperature", "2"]
            if verb[0] == "generate":
                texts = [one["text"] for one in self.ok(*same, "--json").json()]
            elif "--full" in verb:
                texts = [one["full"] for one in self.ok(*same, "--json").json()]
            else:
                texts = [gap["text"].strip(" \t\r\n") for one in self.ok(*same, "--json").json() for gap in one["gaps"]]
            self.assertGreater(len(texts), 1)
            self.assertEqual(self.ok(*same, "--null").out, "".join(text + "\0" for text in texts))
            self.assertEqual(self.ok(*same).out, "".join(text + "\n" for text in texts))
        self.assertEqual(self.ok("generate", "-0", "--max-tokens", "0", "a").out, "\0")
        self.fails(2, "generate", "--null", "--json", "a", says=["--null", "--json"])
        for verb in ("generate", "infill"):
            self.fails(2, verb, "--null", "--top", "2", "a{{gap}}", says=["--null", "--top"])

    def test_bad_templates(self):
        self.fails(1, "infill", "no gap here", says=["no gap here", "{{gap}}"])
        self.fails(1, "infill", "a {{gap:no}} b", says=["{{gap:no}}", "{{gap:4}}"])
        self.fails(1, "infill", "a {{gap:0}} b", says=["{{gap:0}}"])
        self.fails(1, "infill", "a {{gap=text}} b", says=["filled", "score"])
        self.fails(1, "infill", "--file", self.file("empty.txt", ""), says=["empty.txt", "no gap"])
        self.file("bad.jsonl", '{"text": "{{gap:1}}"}\n{"parts": [{"gap": -1}]}\n')
        self.fails(1, "infill", "--file", "bad.jsonl", says=["bad.jsonl:2", "1 or more"])


class GenerateTest(CliTest):
    def test_plain_and_json_agree(self):
        options = ("generate", "--seed", "3", "--max-tokens", "12")
        [one] = self.ok(*options, "--json", "Once upon").json()
        self.assertEqual(one["prompt"], "Once upon")
        self.assertEqual(self.ok(*options, "Once upon").out, one["text"] + "\n")
        self.assertEqual(self.ok(*options, "--full", "Once upon").out, "Once upon" + one["text"] + "\n")
        self.assertAlmostEqual(one["logprob"], sum(token["logprob"] for token in one["tokens"]), places=4)

    def test_limits(self):
        [one] = self.ok("generate", "--json", "--max-tokens", "5", "--ignore-eos", "a").json()
        self.assertEqual((len(one["tokens"]), one["stop"]), (5, "length"))
        [one] = self.ok("generate", "--json", "--max-tokens", "0", "a").json()
        self.assertEqual(one["text"], "")
        [one] = self.ok("generate", "--json", "--max-tokens", "1000", "--ctx", "32", "--ignore-eos", "a").json()
        self.assertEqual(one["stop"], "context")

    def test_grammar_is_obeyed(self):
        grammar = self.file("yes.gbnf", 'root ::= "yes" | "no"\n')
        for seed in range(4):
            [one] = self.ok("generate", "--json", "--grammar-file", grammar, "--seed", seed, "a").json()
            self.assertIn(one["text"], ("yes", "no"))
        self.assertEqual(self.ok("generate", "--grammar", 'root ::= "maybe"', "a").out, "maybe\n")

    def test_schema_is_obeyed(self):
        schema = self.file("answer.json", '{"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}')
        for given in (schema, pathlib.Path(schema).read_text()):
            [one] = self.ok("generate", "--json", "--schema", given, "--seed", "1", "a").json()
            self.assertIn(json.loads(one["text"])["a"], (1, 2))
        cut = self.run_magnet("generate", "--schema", schema, "--max-tokens", "1", "--seed", "1", "a")
        self.assertEqual(cut.status, 0)
        self.assertIn("before its JSON is complete", cut.err)
        self.ok("generate", "--schema", schema, "--seed", "1", "a") # nothing to say of a whole one
        [one] = self.ok("infill", "--json", "--schema", schema, LEFT + " {{gap:..60}}" + RIGHT).json()
        self.assertIn(json.loads(one["full"][len(LEFT):-len(RIGHT)])["a"], (1, 2))
        self.fails(1, "generate", "--schema", '{"type":\n x}', "a", says=["the schema", "line 2"])
        self.fails(1, "generate", "--schema", '{"not": {}}', "a", says=["the schema", '"not" is not supported'])
        self.fails(2, "generate", "--schema", "{}", "--grammar", "root ::= [a]", "a", says=["--schema", "--grammar"])
        self.fails(1, "generate", "--schema", "none.json", "a", says=["none.json"])
        wrong = self.file("wrong.json", '{"type": "object",\n "properties": {"a": {"multipleOf": 2, "type": "integer"}}}')
        self.fails(1, "generate", "--schema", wrong, "a", says=["at /properties/a", '"multipleOf" is not supported'])
        self.fails(1, "generate", "--schema", self.file("cut.json", '{"type": "object",\n "required": ['), "a", says=["line 2"])
        self.fails(1, "generate", "--schema", self.file("empty.json", ""), "a", says=["empty.json", "cannot be empty"])
        self.fails(1, "generate", "--schema", self.file("nul.json", "{}\0"), "a", says=["nul.json", "NUL"])
        self.fails(2, "generate", "--schema", "", "a", says=["--schema"])

    def test_tools_need_a_template(self):
        tools = self.file("tools.json", '[{"type": "function", "function": {"name": "f"}}]')
        self.fails(1, "generate", "--tools", tools, "a", says=["template"])
        self.fails(2, "generate", "--tool-choice", "required", "a", says=["--tools"])
        for other in (["--grammar", 'root ::= "a"'], ["--schema", self.file("schema.json", "{}")]):
            self.fails(2, "generate", "--tools", tools, "--tool-choice", "required", *other, "a", says=["--tool-choice", other[0]])

    def test_calls_of_tools(self):
        """Read where they can be; the others' text is kept."""
        tools = self.file("tools.json", '[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"], '
                                        '"properties": {"a": {"enum": ["1", "2"]}}}}}]')
        for template, broken in (("<tool_call>", '{"name": "f", "argu'), ("<tool_call><function=<parameter=", "<function=f>\n<parameter=a>")):
            with self.subTest(template=template):
                model = self.file("chat.gguf", changed(MODEL, tokenizer__chat_template="{{ tools }}{{ messages[0].content }}" + template))
                ask = ["generate", "-m", model, "--tools", tools, "--json"]
                [one] = self.ok(*ask, "--tool-choice", "required", "--max-tokens", "120", "a").json()
                [call] = one["tool_calls"]
                self.assertEqual((one["stop"], call["name"], list(call["arguments"])), ("grammar", "f", ["a"]))
                self.assertIn(call["arguments"]["a"], ("1", "2"))  # a text, though it looks like a number
                self.assertIn(call["text"], one["text"])
                self.assertEqual(one["content"], "")
                cut = "I call. <tool_call>\n" + broken
                [one] = self.ok(*ask, "--grammar", "root ::= " + json.dumps(cut), "a").json()
                self.assertEqual((one["text"], one["content"], one["tool_calls"]), (cut, "I call.", [{"text": broken}]))
                self.fails(1, *ask, "--tool-choice", "g", "a", says=['no tool called "g"'])
        self.fails(1, "generate", "-m", model, "--tools", self.file("none.json", ""), "a", says=["none.json", "empty"])
        self.fails(1, "generate", "-m", model, "--tools", self.file("none.json", "[{},\n]"), "a", says=["the list of tools", "line 2"])

    def test_a_message_that_only_calls_needs_no_content(self):
        """As OpenAI's API writes it: content null, or none."""
        tools = self.file("tools.json", '[{"type": "function", "function": {"name": "f"}}]')
        model = self.file("calls.gguf", changed(MODEL, tokenizer__chat_template="{{ tools }}{% for m in messages %}({{ m.content }})"
                                                                                "{% for c in m.tool_calls %}{{ c.function.name }}{% endfor %}{% endfor %}"))
        ask = ["generate", "-m", model, "--tools", tools, "--json", "--max-tokens", "1", "--input-format", "jsonl"]
        call = '"tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {}}}]'
        prompts = []
        for message in ('"content": "", ' + call, '"content": null, ' + call, call):
            line = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", ' + message + "}]}"
            prompts.append(self.ok(*ask, stdin=line).json()[0]["prompt"])
        self.assertEqual(prompts, [prompts[0]] * 3)
        self.assertTrue(prompts[0].endswith("(a)()f"), prompts[0])
        for message in ('"content": null', '"content": 5, ' + call):
            self.fails(1, *ask, stdin='{"messages": [{"role": "user", ' + message + "}]}", says=["a message must be"])

    def test_what_a_grammar_lets_through_is_text(self):
        """Bytes that begin no character are none, whatever a character class would take."""
        for arch in ("llama", "qwen2", "gpt2", "gemma3"):
            model = MODEL.parent / f"tiny-{arch}.gguf"
            ask = ["generate", "-m", model, "--json", "-n", "20", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--temperature", "1", "a"]
            schema = self.file("schema.json", '{"type": "string", "minLength": 4, "maxLength": 4}')
            whole = [one for one in self.ok(*ask, "--max-tokens", "60", "--schema", schema).json() if one["stop"] == "grammar"]
            self.assertGreater(len(whole), 5)
            for one in whole:
                self.assertNotIn("\ufffd", one["text"])
                self.assertEqual(len(json.loads(one["text"])), 4)
            for one in self.ok(*ask, "--max-tokens", "30", "--grammar", r"root ::= [^\U00000000-\U0000007F]").json():
                self.assertEqual(len(one["text"]), 1, one)
                self.assertNotIn("\ufffd", one["text"])

    def test_stop_string(self):
        grammar = 'root ::= "one two three"'
        [one] = self.ok("generate", "--json", "--grammar", grammar, "--stop", " three", "a").json()
        self.assertEqual((one["text"], one["stop"]), ("one two", "string"))

    def test_logit_bias(self):
        [one] = self.ok("generate", "--json", "--max-tokens", "3", "--logit-bias", "68:1000", "a").json()
        self.assertEqual([token["id"] for token in one["tokens"]], [68, 68, 68])
        [one] = self.ok("generate", "--json", "--max-tokens", "1", "--logit-bias", "68:+1e3", "a").json()
        self.assertEqual([token["id"] for token in one["tokens"]], [68])
        for bias in ("x:1", "68:", "68:+", "68:+-1", "68:nan", "68:inf", "68"):
            self.fails(2, "generate", "--logit-bias", bias, "a", says=["--logit-bias", bias])
        self.fails(2, "generate", "--logit-bias", "49152:1", "a", says=["is 49152;"])

    def test_sampling_out_of_range_is_wrong_usage(self):
        for verb, text in (("generate", "a"), ("infill", "a {{gap}} b")):
            for option, value, says in (("--top-p", "0", "(0, 1]"), ("--top-p", "1.5", "(0, 1]"), ("--top-p", "nan", "(0, 1]"),
                                        ("--min-p", "1", "[0, 1)"), ("--min-p", "-0.1", "[0, 1)"),
                                        ("--temperature", "-1", "[0, 100]"), ("--temperature", "nan", "[0, 100]"),
                                        ("--repeat-penalty", "0", "above 0"), ("--repeat-penalty", "inf", "above 0"),
                                        ("--frequency-penalty", "nan", "a number"), ("--presence-penalty", "inf", "a number"),
                                        ("--top-k", "-1", "--top-k"), ("--seed", "-1", "--seed")):
                self.fails(2, verb, option + "=" + value, text, says=[option, says])

    def test_grammars_that_are_none(self):
        for verb, text in (("generate", "a"), ("infill", "a {{gap}} b")):
            self.fails(2, verb, "--grammar", "", text, says=["--grammar", "empty"])
            self.fails(1, verb, "--grammar-file", self.file("empty.gbnf", ""), text, says=["empty.gbnf", "empty"])
            self.fails(1, verb, "--grammar-file", self.file("nul.gbnf", 'root ::= "a\0b"'), text, says=["nul.gbnf", "NUL"])
            deep = "root ::= " + "( \")\" " * 300 + ")" * 300
            self.fails(1, verb, "--grammar", deep, text, says=["groups"])

    def test_control_tokens_are_read_when_asked(self):
        def n_prompt(*options):
            return self.ok("generate", "--json", "--max-tokens", "1", *options, "a</s>b").json()[0]["usage"]["prompt_tokens"]
        self.assertEqual(n_prompt() - n_prompt("--special"), len("</s>") - 1 - 1) # a space before b, after a control token

    def test_two_beginnings_are_noticed(self):
        run = self.run_magnet("generate", "--special", "--max-tokens", "1", "<s>a")
        self.assertEqual((run.status, run.err.count("\n")), (0, 1))
        self.assertIn("--no-begin", run.err)
        self.ok("generate", "--special", "--no-begin", "--max-tokens", "1", "<s>a")
        self.ok("generate", "--max-tokens", "1", "<s>a")

    def test_a_nul_in_a_prompt_is_kept(self):
        plain, nul = (self.ok("generate", "--json", "--max-tokens", "1", "--input-format", "jsonl", stdin=line).json()[0]
                      for line in ('{"prompt": "ab"}', '{"prompt": "a\\u0000b"}'))
        self.assertEqual(nul["usage"]["prompt_tokens"], plain["usage"]["prompt_tokens"] + 1)
        self.assertEqual(nul["prompt"], "a\0b")

    def test_a_nul_in_a_role_is_refused(self):
        line = '{"messages": [{"role": "us\\u0000er", "content": "a"}]}'
        self.fails(1, "generate", "--input-format", "jsonl", stdin=line, says=["role", "NUL"])

    def test_jsonl_prompts(self):
        stdin = '{"prompt": "a", "id": 1}\n{"text": "b", "id": 2}\n'
        found = self.ok("generate", "--json", "--max-tokens", "2", "--input-format", "jsonl", stdin=stdin).json()
        self.assertEqual([(one["id"], one["prompt"]) for one in found], [(1, "a"), (2, "b")])

    def test_many_prompts_in_their_order_as_each_alone(self):
        prompts = [f"{'a dog and ' * (i % 5)}cat {i}" for i in range(30)]
        how = ["--no-reuse", "--temperature", "0", "--ignore-eos", "--json"]
        self.file("prompts.txt", "".join(f"{prompt}\n" for prompt in prompts))
        self.file("prompts.jsonl", "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
        together = self.ok("generate", *how, "--max-tokens", 9, "--file", "prompts.jsonl").json()
        self.assertEqual([one["prompt"] for one in together], prompts)
        for prompt, one in zip(prompts[::5], together[::5]):
            alone, = self.ok("generate", *how, "--max-tokens", 9, "--text", prompt).json()
            self.assertEqual([token["id"] for token in alone["tokens"]], [token["id"] for token in one["tokens"]])
        plain = self.ok("generate", *how[:-1], "--max-tokens", 9, "--file", "prompts.txt",
                        "--input-format", "lines")
        self.assertEqual(plain.out, "".join(one["text"] + "\n" for one in together))

    def test_a_failure_keeps_what_comes_before_it(self):
        prompts = ["a cat"] * 11 + ["a cat " * 400] + ["a cat"] * 11
        self.file("p.jsonl", "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
        run = self.run_magnet("generate", "--ctx", 64, "--max-tokens", 8, "--json", "--file", "p.jsonl")
        self.assertEqual(run.status, 1)
        self.assertIn("p.jsonl:12", run.err)
        self.assertEqual(len(run.json()), 11)

    def test_no_chat_template(self):
        self.fails(1, "generate", "--chat", "hello", says=["chat template"])


class ScoreTest(CliTest):
    def test_nothing_to_score_is_no_winner(self):
        self.fails(1, "score", "--given", "One", "two", "--text", "", says=["empty text"])
        self.file("a.jsonl", '{"given": "One", "text": ""}\n')
        self.fails(1, "score", "--file", "a.jsonl", says=["a.jsonl:1", "empty text"])
        self.file("a.jsonl", '{"given": "One"}\n')
        self.fails(1, "score", "--file", "a.jsonl", says=["a.jsonl:1", "expected a field", "text"])
        self.file("a.jsonl", '{"given": "One", "left": "a"}\n')
        self.fails(1, "score", "--file", "a.jsonl", says=["a.jsonl:1", '"given" and "left"'])
        [row] = self.ok("score", "--json", "--text", "").json() # a blank line of a file
        self.assertEqual(row["n_tokens"], 0)

    def test_equals_what_infill_reported(self):
        for engine, context in itertools.product(("graph", "auto"), ("hybrid", "ordered", "left")):
            # Digits, as random weights like bytes that are no text, and letters may be joined when they are read again.
            [made] = self.ok("infill", "--json", "--engine", engine, "--context", context, "--grammar", "root ::= [0-9]+",
                             "One {{gap:3}} two {{gap:4}} three.").json()
            fills = [gap["text"] for gap in made["gaps"]]
            line = parts({"text": "One"}, {"gap": fills[0]}, {"text": " two"}, {"gap": fills[1]}, {"text": " three."})
            [scored] = self.ok("score", "--json", "--engine", engine, "--context", context, "--input-format", "jsonl",
                               stdin=line).json()
            for gap, again in zip(made["gaps"], scored["gaps"]):
                self.assertEqual([t["id"] for t in gap["tokens"]], [t["id"] for t in again["tokens"]])
                for token, other in zip(gap["tokens"], again["tokens"]):
                    # The KV cache is F16, and the fused engine computes in bfloat16 where the CPU can.
                    self.assertAlmostEqual(token["logprob"], other["logprob"], delta=0.02 if engine == "graph" else 0.1)

    def test_continuations_are_ranked(self):
        rivals = [" Paris", " Rome", " Oslo"]
        found = self.ok("score", "--json", "--given", "The capital is", *rivals).json()
        self.assertEqual([one["text"] for one in found], rivals)
        order = sorted(found, key=lambda one: -one["logprob"])
        lines = self.ok("score", "--given", "The capital is", *rivals).lines[1:]
        self.assertEqual([line.split('"')[1] for line in lines], [one["text"] for one in order])
        for line, one in zip(lines, order):
            logprob, each, n = line.split()[:3]
            self.assertAlmostEqual(float(logprob), one["logprob"], delta=0.00051)
            self.assertAlmostEqual(float(each), one["logprob"] / one["n_tokens"], delta=0.00051)
            self.assertEqual(int(n), one["n_tokens"])

    def test_chain_rule(self):
        whole, first = (self.ok("score", "--json", text).json()[0] for text in ("abc def", "abc"))
        [rest] = self.ok("score", "--json", "--given", "abc", " def").json()
        self.assertAlmostEqual(whole["logprob"], first["logprob"] + rest["logprob"], places=3)

    def test_total(self):
        self.file("texts.txt", "one\ntwo three\n\n")
        each = self.ok("score", "--json", "--file", "texts.txt").json()
        [total] = self.ok("score", "--json", "--total", "--file", "texts.txt").json()
        self.assertEqual(total["n_tokens"], sum(one["n_tokens"] for one in each))
        self.assertAlmostEqual(total["logprob"], sum(one["logprob"] for one in each), places=3)
        perplexity = math.exp(-total["logprob"] / total["n_tokens"])
        self.assertAlmostEqual(total["perplexity"], perplexity, places=3)
        self.assertIn(f"{perplexity:.3f}"[:5], self.ok("score", "--total", "--file", "texts.txt").out)

    def test_a_gap_needs_its_text(self):
        self.fails(1, "score", "a {{gap}} b", says=["{{gap=text}}"])


class TokensTest(CliTest):
    def test_there_and_back(self):
        text = "Grüße, 世界 <b>"
        ids = self.ok("tokens", "--ids", text).out
        self.assertEqual(self.ok("tokens", "--decode", stdin=ids).out.strip(), text)
        self.assertEqual(int(self.ok("tokens", "--count", text).out), len(ids.split()))
        [one] = self.ok("tokens", "--json", text).json()
        self.assertEqual([token["id"] for token in one["tokens"]], list(map(int, ids.split())))

    def test_special_tokens(self):
        plain, special = (self.ok("tokens", "--ids", *extra, "a").out.split() for extra in ((), ("--ends",)))
        bos = self.ok("info", "--json").json()[0]["bos"]["id"]
        self.assertEqual(special, [str(bos)] + plain)
        self.assertEqual(len(self.ok("tokens", "--ids", "--special", "</s>").out.split()), 1)
        self.assertGreater(len(self.ok("tokens", "--ids", "</s>").out.split()), 4)

    def test_bad_ids(self):
        self.fails(1, "tokens", "--decode", "12 x", says=["token id", '"x"'])
        self.fails(1, "tokens", "--decode", "99999999", says=["99999999"])


class InfoTest(CliTest):
    def test_card(self):
        [card] = self.ok("info", "--json", "--meta").json()
        self.assertEqual((card["architecture"], card["width"], card["layers"], card["heads"], card["kv_heads"]),
                         ("llama", 32, 2, 4, 2))
        self.assertEqual(card["metadata"]["general.architecture"], "llama")
        self.assertEqual(card["vocabulary"], 264)
        self.assertRegex(self.ok("info").out, r"(?m)^layers +2$")


if __name__ == "__main__":
    unittest.main()
