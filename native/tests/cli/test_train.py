"""magnet train through either engine: what is written is read again, and what an engine cannot do is said."""

import json
import unittest

from magnet_cli import MODEL, CliTest

GOLDEN = MODEL.parent
STORIES = str(GOLDEN.parent / "data" / "stories.txt")
SMALL = ["--length", "48", "--slack", "4", "--spans", "1", "--batch-pairs", "4", "--pair-length", "16", "--instruction", ""]


def tiny(arch):
    return str(GOLDEN / f"tiny-{arch}.gguf")


class TrainTest(CliTest):
    def train(self, arch, output, *options):
        return ["train", "-m", tiny(arch), "--text", STORIES, "-o", output, "--steps", "4", "--threads", "2", *SMALL, *options]

    def test_architectures_that_only_the_graph_covers(self):
        for arch, matrices in (("gpt2", 8), ("phi3", 8), ("gemma2", 14)):
            with self.subTest(arch=arch):
                adapter = self.file(f"{arch}.gguf", "")
                self.assertEqual(self.run_magnet(*self.train(arch, adapter, "--overwrite")).status, 0)
                card = self.ok("info", "-m", tiny(arch), "--adapter", adapter, "--json").json()[0]
                self.assertEqual(card["train_engines"], ["graph"])
                self.assertEqual(card["embed_engines"], ["graph"])
                self.assertEqual(card["adapters"][0]["matrices"], matrices)
                embed = ["embed", "-m", tiny(arch), "--json", "a text"]
                self.assertNotEqual(self.ok(*embed).out, self.ok(*embed, "--adapter", adapter).out)

    def test_engine_of_choice(self):
        losses = {}
        for engine in ("fused", "graph"):
            metrics = self.file(f"{engine}.jsonl", "")
            adapter = self.file(f"{engine}.gguf", "")
            run = self.run_magnet(*self.train("llama", adapter, "--overwrite", "--engine", engine, "--exact", "--metrics", metrics))
            self.assertEqual(run.status, 0, run.err)
            losses[engine] = [json.loads(line).get("loss") for line in metrics.read_text(encoding="utf-8").splitlines()]
        self.assertGreaterEqual(len(losses["fused"]), 4)
        for fused, graph in zip(losses["fused"], losses["graph"]):
            if fused is not None:
                self.assertAlmostEqual(fused, graph, places=3)

    def test_what_an_engine_cannot_do(self):
        adapter = self.file("never.gguf", "")
        self.fails(1, *self.train("gpt2", adapter, "--overwrite", "--engine", "fused"), says=["fused", "gpt2", "graph"])
        self.fails(1, *self.train("gpt2", adapter, "--overwrite", "--recompute"), says=["recompute", "graph"])
        self.fails(2, *self.train("gpt2", adapter, "--engine", "fast"), says=["--engine"])


if __name__ == "__main__":
    unittest.main()
