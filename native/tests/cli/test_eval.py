"""eval: protocols from files, tables and JSON out, stopping and going on."""

import json
import math
import re
import signal
import time
import unittest

from magnet_cli import CliTest

PAIRS = "5\tA man plays.\tA man plays.\n1\tA dog.\tThe market fell today.\n2.5\tRain.\tIt is wet.\n"
STORIES = "\n".join(f"Tom {n} ran.\tHe fell {n} times.\tHe got up.\tHe ran on.\tHe won." for n in range(6)) + "\n"
COLUMNS = "\n\n".join(f"dog{n} NN I-NP O\nruns VB I-VP O\nhome RB O O" for n in range(30)) + "\n"
QUESTIONS = "".join(json.dumps({"query": f"{n} is", "choices": ["one", "two", "three"], "gold": n % 3}) + "\n"
                    for n in range(5))


def fnv1a(text):
    """FNV-1a in 64 bits, as its authors give it."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8"):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


class EvalTest(CliTest):
    def figures(self, *arguments):
        [result] = self.ok("eval", *arguments, "--json").json()
        self.assertEqual(result["protocol"], arguments[0])
        return result["figures"]

    def test_figures_as_a_table_and_as_json(self):
        pairs = self.file("pairs.tsv", PAIRS)
        figures = self.figures("sts", pairs, "--pooling", "last,mean", "--attention", "causal")
        self.assertEqual(list(figures), ["spearman.causal.last", "spearman.causal.mean"])
        lines = self.ok("eval", "sts", "--pooling", "last,mean", "--attention", "causal", pairs).lines
        for (name, figure), line in zip(figures.items(), lines, strict=True):
            self.assertEqual(line.split()[:3], [name, f"{figure['value']:.4f}", "3"])
            self.assertTrue(line.endswith(f"  [{figure['low']:.4f}, {figure['high']:.4f}]"), line)
        plain = self.figures("sts", pairs, "--pooling", "last", "--attention", "causal", "--resamples", "0")
        self.assertEqual(set(plain["spearman.causal.last"]), {"value", "count"})

    def test_what_stands_twice_is_left_out_when_asked(self):
        pairs = self.file("pairs.tsv", PAIRS + PAIRS.splitlines()[0] + "\n")
        self.assertEqual(self.figures("sts", pairs)["spearman.bidirectional.mean"]["count"], 4)
        self.assertEqual(self.figures("sts", pairs, "--unique")["spearman.bidirectional.mean"]["count"], 3)

    def test_items(self):
        pairs = self.file("pairs.tsv", PAIRS)
        [result] = self.ok("eval", "sts", pairs, "--json", "--items").json()
        self.assertEqual(result["items"]["gold"], [5, 1, 2.5])
        cosines = result["items"]["cosine.bidirectional.mean"]
        self.assertAlmostEqual(cosines[0], 1, places=5)  # one text twice
        self.assertLess(max(cosines[1:]), 1)

    def test_infill_is_what_score_says(self):
        """One story whose gap can only be its middle sentence."""
        story = self.file("story.tsv", "Tom ran.\tHe fell.\tHe got up.\n")
        figures = self.figures("infill", story)
        for context in ("left", "hybrid", "ordered"):
            [scored] = self.ok("score", "--json", "--context", context, "--input-format", "jsonl", stdin=json.dumps(
                {"parts": [{"text": "Tom ran."}, {"gap": {"text": " He fell."}}, {"text": " He got up."}]})).json()
            self.assertAlmostEqual(figures["perplexity." + context]["value"] / scored["perplexity"], 1, places=3)
            self.assertEqual(figures["perplexity." + context]["count"], scored["n_tokens"])

    def test_spans_of_prose(self):
        prose = self.file("prose.txt", "".join(f"{n} the quick brown fox jumps over it and runs away\n" for n in range(4)))
        figures = self.figures("infill", prose, "--gaps", "spans", "--span-min", "3", "--span-max", "3", "--n-gaps", "2",
                               "--context", "ordered")
        self.assertEqual(list(figures), ["perplexity.ordered", "accuracy.ordered"])
        self.assertEqual(figures["perplexity.ordered"]["count"], 4 * 2 * 3)

    def test_perplexity(self):
        text = self.file("text.txt", "the dog ran home and the cat sat in the tree\n" * 5)
        one, all_of_it = (self.figures("perplexity", text, "--window", "16", *limit)["perplexity"]
                          for limit in (("--limit", "1"), ()))
        self.assertEqual(one["count"], 15)
        self.assertEqual(all_of_it["count"] % 15, 0)
        self.assertGreater(all_of_it["count"], 45)
        self.assertGreater(one["value"], 1)

    def test_repetition(self):
        text = self.file("text.txt", "one two three four\nfive six seven eight\n")
        options = ("--prefix-words", "2", "--max-tokens", "100", "--top-k", "2")
        greedy = self.figures("repetition", text, *options, "--temperature", "0")
        self.assertEqual(list(greedy), ["rep-sen", "rep-4", "tokens"])
        self.assertTrue(0 <= greedy["rep-4"]["value"] <= 1)
        seeded = [self.figures("repetition", text, *options, "--seed", seed) for seed in ("1", "1", "2")]
        self.assertEqual(seeded[0], seeded[1])
        self.assertNotEqual(seeded[0], seeded[2])

    def test_probe(self):
        columns = self.file("train", COLUMNS)
        figures = self.figures("probe", "--train", columns, columns, "--task", "chunk,pos", "--attention", "causal",
                               "--l2", "1e-3,1e-2")
        self.assertEqual(figures["accuracy.chunk.causal"], {"value": 1, "count": 90, "low": 1, "high": 1})
        self.assertIn(figures["l2.pos.causal"]["value"], [1e-3, 1e-2, 0.0010000000474974513, 0.009999999776482582])
        self.assertEqual(len(figures), 4)

    def test_choice(self):
        questions = self.file("questions.jsonl", QUESTIONS)
        figures = self.figures("choice", questions, "--prompt", "\nAnswer:")
        self.assertEqual(list(figures), ["accuracy.characters", "accuracy.tokens", "accuracy.sum"])
        for figure in figures.values():
            self.assertTrue(math.isclose(figure["value"] * 5, round(figure["value"] * 5)))
            self.assertEqual(figure["count"], 5)

    def test_retrieval_finds_the_query_itself(self):
        texts = ["a dog runs", "it rains", "the market fell", "she sings"]
        queries = self.file("queries.tsv", "".join(f"q{n}\t{text}\n" for n, text in enumerate(texts)))
        documents = self.file("documents.tsv", "".join(f"d{n}\t{text}\n" for n, text in enumerate(texts)))
        relevance = self.file("qrels", "".join(f"q{n} 0 d{n} 1\n" for n in range(4)))
        figures = self.figures("retrieval", "--documents", documents, "--relevance", relevance, queries, "--cutoff", "1,3")
        for name in ("ndcg@10", "mrr", "recall@1", "recall@3"):
            self.assertEqual(figures[name + ".bidirectional.mean"], {"value": 1, "count": 4, "low": 1, "high": 1})
        both = self.figures("retrieval", "--documents", documents, "--relevance", relevance, queries, "--bm25", "--fusion", "0.3")
        self.assertEqual(both["mrr.bm25"]["value"], 1)
        self.assertEqual(both["ndcg@10.fused.bidirectional.mean"]["value"], 1)

    def test_state_goes_on_after_a_stop(self):
        stories = self.file("stories.tsv", STORIES)
        whole = self.figures("infill", stories)
        self.figures("infill", stories, "--state", "run.state", "--limit", "2")
        state = self.folder / "run.state"
        lines = state.read_text().splitlines()
        self.assertEqual(len(lines), 1 + 3 * 2)
        head = json.loads(lines[0])
        self.assertEqual(head["what"]["protocol"], "infill")
        state.write_text("\n".join(lines[:4]) + "\n" + lines[4][:10])  # as a kill leaves it
        self.assertEqual(self.figures("infill", stories, "--state", "run.state"), whole)
        self.assertEqual(len(state.read_text().splitlines()), 1 + 3 * 6)

        line = state.read_text().splitlines()[1]
        forged = re.sub(r'("values":\[-?)', r"\g<1>1", line)
        state.write_text(lines[0] + "\n" + forged + "\n")
        self.fails(1, "eval", "infill", stories, "--state", "run.state", says=["run.state:2: ", "remove this line"])
        sum_of_it = fnv1a(re.sub('"sum":"[0-9a-f]*",', "", forged))  # what is in the state is not computed again
        state.write_text(lines[0] + "\n" + re.sub('"sum":"[0-9a-f]*"', f'"sum":"{sum_of_it:016x}"', forged) + "\n")
        self.assertNotEqual(self.figures("infill", stories, "--state", "run.state"), whole)
        self.fails(1, "eval", "infill", stories, "--state", "run.state", "--seed", "1", says=["run.state", "seed"])

    def test_a_file_that_is_no_state_is_left_alone(self):
        pairs = self.file("pairs.tsv", PAIRS)
        for content in ("a note without an end of its line", "a note\n", "{", "{}\n", '{"state": 5}\n', "[1]\n", '{"text": "a"}\n{"te',
                        '{"state": "magnet eval"}\n', '{"state": "magnet eval", "what": 3}\n'):
            with self.subTest(content=content):
                note = self.file("note", content)
                self.fails(1, "eval", "sts", pairs, "--state", note, says=["note:1: not the state of an evaluation"])
                self.assertEqual(note.read_text(), content)
        state = self.file("cut", '{"state":"magnet e')  # a run that was killed when it began
        self.ok("eval", "sts", pairs, "--state", state)
        self.assertEqual(len(state.read_text().splitlines()), 4)

    def test_interrupt_keeps_what_is_done(self):
        text = self.file("text.txt", "one two three four five\n" * 300)
        arguments = ("eval", "repetition", text, "--prefix-words", "2", "--max-tokens", "200", "--state", "s")
        process = self.start(*arguments)
        state = self.folder / "s"
        deadline = time.monotonic() + 60
        while (not state.exists() or state.read_text().count("\n") < 3) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (-signal.SIGINT, b""))
        self.assertIn(b"the same command goes on", err)
        self.assertGreaterEqual(state.read_text().count("\n"), 3)

    def test_wrong_usage(self):
        pairs = self.file("pairs.tsv", PAIRS)
        self.fails(2, "eval", says=["protocol"])
        self.fails(2, "eval", "beauty", pairs, says=["beauty"])
        self.fails(2, "eval", "sts", says=["FILE"])
        run = self.fails(2, "eval", "sts", pairs, "--beauty", says=["--beauty"])
        self.assertIn("See: magnet eval sts --help", run.err)
        self.assertIn("magnet eval sts has no option --beauty", run.err)
        prose = self.file("prose.txt", "the dog ran home and the cat sat in the tree " * 40)
        self.fails(2, "eval", "perplexity", prose, "--window", "256", says=["--window is 256", "at most 255"])
        self.fails(2, "eval", "infill", prose, "--gaps", "spans", "--window", "256", says=["--window is 256", "at most 255"])
        self.fails(1, "eval", "sts", pairs, "--state", "/dev/null", says=["/dev/null", "not a file"])
        self.fails(2, "eval", "sts", pairs, "--pooling", "first", says=["first", "last|mean|weighted-mean"])
        self.fails(2, "eval", "sts", pairs, "--limit", "0", says=["--limit"])
        self.fails(2, "eval", "probe", pairs, says=["--train"])
        self.fails(2, "eval", "retrieval", pairs, says=["--documents"])
        self.fails(2, "eval", "retrieval", pairs, "--documents", pairs, "--relevance", pairs, "--fusion", "0.3",
                   says=["--fusion", "without --bm25"])

    def test_bad_files(self):
        bad = self.file("bad.tsv", "1\ta\tb\nNaN\ta\tb\n")
        self.fails(1, "eval", "sts", bad, says=["bad.tsv:2:", "NaN"])
        self.fails(1, "eval", "sts", self.file("short.tsv", "1\ta\n"), says=["short.tsv:1:", "3 tab-separated", "found 2"])
        self.fails(1, "eval", "infill", self.file("empty", ""), says=["empty", "no story"])
        self.fails(1, "eval", "sts", "no-such-file", says=["no-such-file"])
        self.fails(1, "eval", "infill", self.file("s.tsv", STORIES), "--n-gaps", "4", says=["s.tsv:1:", "6 or more"])
        self.fails(1, "eval", "choice", bad, says=["bad.tsv:1:", "JSON"])
        self.fails(2, "eval", "infill", bad, "--gaps", "spans", "--span-min", "9", "--span-max", "8", says=["--span-max is 8"])

    def test_help_shows_each_protocol(self):
        text = self.ok("eval", "--help").out
        for protocol in ("sts", "infill", "perplexity", "repetition", "probe", "choice", "retrieval"):
            self.assertRegex(text, rf"(?m)^  {protocol} ")
            self.assertIn(f"Usage: magnet eval {protocol} ", self.ok("eval", protocol, "--help").out)


if __name__ == "__main__":
    unittest.main()
