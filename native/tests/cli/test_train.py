"""magnet train through either engine: what is written is read again, and what an engine cannot do is said."""

import json
import os
import unittest

from magnet_cli import MODEL, CliTest, environment

GOLDEN = MODEL.parent
STORIES = str(GOLDEN.parent / "data" / "stories.txt")
SMALL = ["--length", "48", "--open-room", "8", "--max-spans", "1", "--pair-batch", "4", "--pair-length", "16", "--instruction", ""]


def tiny(arch):
    return str(GOLDEN / f"tiny-{arch}.gguf")


class TrainTest(CliTest):
    def train(self, arch, output, *options):
        return ["train", "-m", tiny(arch), "--text", STORIES, "-o", output, "--steps", "4", "--threads", "2", *SMALL, *options]

    def test_architectures_and_their_engines(self):
        both = ["fused", "graph"]
        for arch, matrices, engines in (("gpt2", 8, ["graph"]), ("phi3", 8, both), ("olmo2", 14, both), ("llama3", 14, both)):
            with self.subTest(arch=arch):
                adapter = self.file(f"{arch}.gguf", "")
                self.assertEqual(self.run_magnet(*self.train(arch, adapter, "--overwrite")).status, 0)
                card = self.ok("info", "-m", tiny(arch), "--adapter", adapter, "--json").json()[0]
                self.assertEqual(card["train_engines"], engines)
                self.assertEqual(card["embed_engines"], engines)
                self.assertEqual(card["adapters"][0]["matrices"], matrices)
                embed = ["embed", "-m", tiny(arch), "--json", "a text"]
                self.assertNotEqual(self.ok(*embed).out, self.ok(*embed, "--adapter", adapter).out)

    def test_steps_without_a_loss(self):
        metrics = self.file("few.jsonl", "")
        few = self.train("llama", self.file("few.gguf", ""), "--overwrite", "--batch", "1", "--sscl", "0", "--msg", "0",
                         "--share-ordered", "0.7", "--share-causal", "0", "--metrics", metrics)
        run = self.run_magnet(*few, "--share-hybrid", "0.3")
        self.assertEqual(run.status, 0, run.err)
        steps = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
        self.assertTrue(any("mntp" in step for step in steps if step["step"] > 0))
        self.assertTrue(any("mntp" not in step for step in steps if step["step"] > 0))
        self.fails(1, *few, "--share-hybrid", "0", says=["MNTP alone", "--share-hybrid and --mask-rate"])

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

    def test_memory_by_device(self):
        run = self.run_magnet(*self.train("gpt2", "never.gguf", "--dry-run", "--log-level", "info"))
        self.assertEqual(run.status, 0, run.err)
        last = [line for line in run.err.splitlines() if "graph engine" in line][-1]
        self.assertRegex(last, r"[0-9]+ MiB \(CPU: activations [0-9]+, adapters [0-9]+, copies [0-9]+, weights [0-9]+\)$")

    def test_layers_for_a_gpu_that_is_not_there(self):
        blind = environment(CUDA_VISIBLE_DEVICES="")
        for verb in (["embed", "-m", tiny("llama"), "a text"], self.train("llama", "a.gguf")):
            with self.subTest(verb=verb[0]):
                run = self.run_magnet(*verb, "--gpu-layers", "-1", env=blind)
                self.assertEqual(run.status, 0, run.err)
                self.assertEqual(run.err.count("(-1)"), 1, run.err)
                self.assertRegex(run.err, r"(?m)^magnet: .*\(-1\)")
                self.assertRegex(run.err, r"GPU \(-1\).*backends built in.*CPU.*stay on the CPU")
        self.assertEqual(self.run_magnet("embed", "-m", tiny("llama"), "a text", env=blind).err, "")

    def test_no_file_is_destroyed(self):
        text = self.file("story.txt", "One day a cat sat on a mat. It saw a dog.\n" * 40)
        before = text.read_text(encoding="utf-8")
        adapter = self.folder / "mine.ckpt"  # the checkpoint's name by default
        run = ["train", "-m", tiny("llama"), "--text", text, "--steps", "2", *SMALL]
        self.fails(1, *run, "-o", adapter, says=["output", "checkpoint", "mine.ckpt"])
        self.assertFalse(adapter.exists())
        link = self.folder / "link.txt"
        link.symlink_to(text)
        for option in ("--metrics", "--report", "--checkpoint", "-o"):
            with self.subTest(option=option):
                self.fails(1, *run, "--overwrite", *([] if option == "-o" else ["-o", self.folder / "a.gguf"]), option, link,
                           says=["link.txt"])
                self.assertEqual(text.read_text(encoding="utf-8"), before)
        self.fails(1, "embed", "-m", tiny("llama"), "--file", text, "--output", link, says=["link.txt"])
        self.assertEqual(text.read_text(encoding="utf-8"), before)

    def test_a_link_stays_a_link(self):
        """What a link leads to is written, be it there or not."""
        (self.folder / "there.gguf").write_text("old", encoding="utf-8")
        for link, target in (("a.gguf", "there.gguf"), ("a.ckpt", "new.ckpt"), ("m.gguf", "sub/merged.gguf")):
            (self.folder / link).symlink_to(target)
        (self.folder / "sub").mkdir()
        self.fails(1, *self.train("llama", "a.gguf"), says=["a.gguf", "--overwrite"])
        self.assertEqual(self.run_magnet(*self.train("llama", "a.gguf"), "--overwrite").status, 0)
        self.assertEqual(self.run_magnet("merge", "-m", tiny("llama"), "--adapter", "a.gguf", "-o", "m.gguf").status, 0)
        for link, target in (("a.gguf", "there.gguf"), ("a.ckpt", "new.ckpt"), ("m.gguf", "sub/merged.gguf")):
            self.assertEqual(os.readlink(self.folder / link), target)
            self.assertGreater((self.folder / target).stat().st_size, 1000)

    def test_a_file_that_holds_nothing(self):
        empty = self.file("empty.txt", "\n\n")
        run = self.run_magnet(*self.train("llama", "a.gguf"), "--text", empty)
        self.assertEqual(run.status, 0, run.err)
        self.assertIn("empty.txt holds no text", run.err)
        self.fails(1, *self.train("llama", "b.gguf"), "--heldout-text", empty, says=["empty.txt is held out, and holds no text"])

    def test_files_beside_an_output_are_kept(self):
        """What is unfinished is written beside its name: not over a file that has the other name."""
        names = ["a.gguf.tmp", "a.gguf.tmp2", "a.ckpt.tmp", "m.gguf.tmp"]
        for name in names:
            self.file(name, name)
        self.assertEqual(self.run_magnet(*self.train("llama", self.folder / "a.gguf")).status, 0)
        self.assertEqual(self.run_magnet("merge", "-m", tiny("llama"), "--adapter", "a.gguf", "-o", "m.gguf").status, 0)
        self.assertEqual([(self.folder / name).read_text() for name in names], names)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), sorted([*names, "a.gguf", "a.ckpt", "m.gguf"]))

    def test_an_output_that_exists(self):
        adapter = self.file("there.gguf", "mine")
        self.fails(1, *self.train("llama", adapter), says=["there.gguf", "--overwrite"])
        self.assertEqual(adapter.read_text(encoding="utf-8"), "mine")

    def test_a_folder_is_no_output(self):
        folder = self.folder / "models"
        folder.mkdir()
        run = self.train("llama", folder)
        adapter = self.folder / "a.gguf"
        self.assertEqual(self.run_magnet(*self.train("llama", adapter, "--no-checkpoint")).status, 0)
        merge = ["merge", "-m", tiny("llama"), "--adapter", adapter, "-o", folder]
        for verb in (run, [*run, "--overwrite"], [*run, "--dry-run"], merge, [*merge, "--overwrite"]):
            with self.subTest(verb=verb[0], options=verb[-1]):
                failed = self.fails(1, *verb, says=["models", "is a folder"])
                self.assertNotIn("--overwrite", failed.err)
        self.assertEqual(list(folder.iterdir()), [])

    def test_a_dry_run_refuses_what_the_run_would(self):
        text = self.file("story.txt", "One day a cat sat on a mat. It saw a dog.\n" * 40)
        there = self.file("there.gguf", "mine")
        run = ["train", "-m", tiny("llama"), "--text", text, "--steps", "2", "--dry-run", *SMALL]
        self.fails(1, *run, "-o", there, says=["there.gguf", "--overwrite"])
        self.fails(1, *run, "-o", text, "--overwrite", says=["output", "story.txt"])
        self.fails(1, *run, "-o", self.folder / "mine.ckpt", says=["output", "checkpoint"])
        self.fails(1, *run, "-o", self.folder / "nowhere" / "a.gguf", says=["nowhere"])
        for option in ("--metrics", "--report", "--checkpoint"):
            self.fails(1, *run, option, text, says=["story.txt"])
        for options in (["-o", self.folder / "a.gguf"], ["-o", there, "--overwrite"], []):
            self.assertEqual(self.run_magnet(*run, *options).status, 0)
        with open("/dev/full", "wb") as full:
            failed = self.run_magnet(*run, stdout=full)
        self.assertEqual(failed.status, 1)
        self.assertIn("No space left", failed.err)
        self.assertEqual(there.read_text(encoding="utf-8"), "mine")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["story.txt", "there.gguf"])

    def test_what_another_run_left_is_not_replaced_unasked(self):
        adapter, state = self.folder / "on.gguf", self.folder / "on.ckpt"
        run = self.train("llama", adapter)
        self.assertEqual(self.run_magnet(*run).status, 0)
        left = state.read_bytes()
        adapter.unlink()  # as a run leaves it that is killed before its first look
        self.fails(1, *run, says=["on.ckpt", "--resume", "--overwrite"])
        self.fails(1, *run, "--dry-run", says=["on.ckpt"])
        self.assertEqual(state.read_bytes(), left)
        note = self.file("note", "mine")
        for option in ("--checkpoint", "--metrics", "--report"):
            self.fails(1, *self.train("llama", self.folder / "new.gguf"), option, note, says=["note"])
        self.assertEqual(note.read_text(), "mine")
        self.assertEqual(self.run_magnet(*run, "--overwrite").status, 0)
        adapter.write_text("mine")
        self.fails(1, "train", "--resume", state, says=["on.gguf", "is no adapter"])
        self.assertEqual(adapter.read_text(), "mine")

    def test_a_run_goes_on_with_its_own_model(self):
        model = self.file("model.gguf", "")
        model.write_bytes((GOLDEN / "tiny-llama.gguf").read_bytes())
        run = ["train", "-m", model, "--text", STORIES, "-o", self.folder / "on.gguf", "--steps", "2", "--sscl", "0", *SMALL]
        self.assertEqual(self.run_magnet(*run).status, 0)
        merge = ["merge", "-m", tiny("llama"), "--adapter", self.folder / "on.gguf", "--type", "f32", "--overwrite", "-o", model]
        self.assertEqual(self.run_magnet(*merge).status, 0)
        self.fails(1, "train", "--resume", self.folder / "on.ckpt", says=["model.gguf", "is not the file that it was"])
        model.unlink()
        self.fails(1, "train", "--resume", self.folder / "on.ckpt", says=["on.ckpt", "model.gguf", "No such file"])

    def test_what_an_adapter_to_start_from_says_is_not_said_again(self):
        for option in (["--rank", "4"], ["--alpha", "3"], ["--targets", "q"]):
            self.fails(2, *self.train("llama", "never.gguf"), "--init-adapter", "a.gguf", *option, says=["--init-adapter", option[0]])
        self.fails(2, *self.train("llama", "never.gguf"), "--context", "fim", says=["--context", "fim"])

    def test_a_damaged_checkpoint_leaves_the_adapter_as_it_was(self):
        adapter, state = self.folder / "on.gguf", self.folder / "on.ckpt"
        self.assertEqual(self.run_magnet(*self.train("llama", adapter)).status, 0)
        sound, trained = state.read_bytes(), adapter.read_bytes()
        state.write_bytes(sound[:-2000] + bytes([sound[-2000] ^ 1]) + sound[-1999:])
        self.fails(1, "train", "--resume", state, says=["on.ckpt", "checksum", "begin the run anew"])
        self.assertEqual(adapter.read_bytes(), trained)

    def test_an_adapter_is_merged_with_a_scale(self):
        adapter = self.folder / "a.gguf"
        self.assertEqual(self.run_magnet(*self.train("llama", adapter, "--no-checkpoint")).status, 0)
        merge = ["merge", "-m", tiny("llama"), "--type", "f32"]
        for name, options in (("colon", [f"{adapter}:0.5"]), ("scale", [adapter, "--scale", "0.5"]), ("whole", [adapter])):
            self.assertEqual(self.run_magnet(*merge, "-o", f"{name}.gguf", "--adapter", *options).status, 0)
        half = (self.folder / "scale.gguf").read_bytes()
        self.assertEqual((self.folder / "colon.gguf").read_bytes(), half)
        self.assertNotEqual((self.folder / "whole.gguf").read_bytes(), half)
        self.fails(2, *merge, "--adapter", f"{adapter}:much", "-o", self.folder / "never.gguf", says=["FILE:SCALE"])
        self.fails(1, "merge", "-m", tiny("llama"), "--adapter", f"{adapter}:1e30", "-o", self.folder / "never.gguf", says=["scale"])

    def test_messages_name_options(self):
        train = ["train", "-m", tiny("gpt2"), "--text", STORIES, "-o", self.folder / "never.gguf", *SMALL]
        self.fails(1, *train, "--engine", "fused", says=["--engine graph"])
        self.fails(1, "embed", "-m", tiny("llama"), "--max-tokens", "3", "--instruction", "many words here", "a",
                   says=["Raise --max-tokens"])

    def test_no_adapter_goes_to_standard_output(self):
        self.fails(2, *self.train("llama", "-"), says=["standard output", "-o"])
        self.fails(2, "merge", "-m", tiny("llama"), "--adapter", "mine.gguf", "-o", "-", says=["standard output", "-o"])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_files_of_pairs_that_cannot_be(self):
        run = self.train("llama", "never.gguf")
        for option in ("--pairs", "--search-pairs", "--heldout-pairs", "--heldout-search-pairs"):
            for share in ("0", "-1", "nan", "1e39", "half", ""):
                self.fails(2, *run, option, f"pairs.tsv:{share}", says=[f"{option} pairs.tsv:{share}: ", "SHARE"])
        self.fails(2, *run, "--mine", STORIES, says=["--mine", "--search-pairs"])
        self.fails(2, *run, "--dimensions", "8,16,8", says=["--dimensions", "8"])

    def test_a_checkpoint_or_none(self):
        run = self.train("llama", self.folder / "c.gguf")
        self.fails(2, *run, "--checkpoint", self.folder / "c.ckpt", "--no-checkpoint", says=["--checkpoint", "--no-checkpoint"])
        self.assertEqual(self.run_magnet(*run, "--no-checkpoint").status, 0)
        self.assertFalse((self.folder / "c.ckpt").exists())

    def test_resume_takes_no_options_that_it_would_ignore(self):
        adapter, state = self.folder / "on.gguf", self.folder / "on.ckpt"
        self.assertEqual(self.run_magnet(*self.train("llama", adapter)).status, 0)
        self.fails(2, "train", "--resume", state, "--steps", "9", "--learning-rate", "1",
                   says=["--resume", "--steps", "--learning-rate"])
        self.assertEqual(self.run_magnet("train", "--resume", state).status, 0)

    def test_progress_shows_numbers_only(self):
        pairs = self.file("pairs.tsv", "".join(f"a cat {i}\tone cat {i}\n" for i in range(8)))
        held = self.file("held.tsv", "a dog\tone dog\na fish\tone fish\n")
        run = ["train", "-m", tiny("llama"), "--pairs", pairs, "--steps", "2", "--overwrite", "-o", self.folder / "p.gguf", *SMALL]
        few = self.run_magnet(*run, "--heldout", "2")
        self.assertEqual(few.status, 0, few.err)
        self.assertIn("held-out pairs", few.err)
        shown = self.run_magnet(*run, "--heldout-pairs", held)
        self.assertEqual(shown.status, 0, shown.err)
        self.assertIn("held-out ", shown.err)
        self.assertNotIn("nan", shown.err)

    def test_pairs_with_shares_and_what_goes_with_them(self):
        cats = self.file("cats.tsv", "".join(f"a cat {i}\tone cat {i}\n" for i in range(20)))
        search = self.file("search:2.tsv", "".join(f"where is {i}\tit is at {i}\n" for i in range(20)))
        passages = self.file("passages.txt", "".join(f"nothing about {i}\n" for i in range(30)))
        adapter = self.folder / "shares.gguf"
        run = [*self.train("llama", adapter), "--overwrite", "--document-instruction", "doc: ", "--keep-base", "1",
               "--average", "0.5", "--dimensions", "4,8", "--margin", "0.3", "--mine", passages, "--log-level", "info"]
        done = self.run_magnet(*run, "--pairs", f"{cats}:3", "--search-pairs", f"{search}:1.5")
        self.assertEqual(done.status, 0, done.err)
        self.assertIn("hard negatives for", done.err)
        [card] = self.ok("info", "-m", tiny("llama"), "--adapter", adapter, "--json").json()
        self.assertEqual(card["adapters"][0]["document_instruction"], "doc: ")
        embed = ["embed", "-m", tiny("llama"), "--adapter", adapter, "--json", "a text"]
        self.assertEqual(self.ok(*embed, "--document").out, self.ok(*embed, "--instruction", "doc: ").out)
        self.assertNotEqual(self.ok(*embed).out, self.ok(*embed, "--document").out)
        self.fails(2, *run, "--pairs", f"{cats}:many", says=["--pairs", "cats.tsv:many", "SHARE"])
        self.fails(2, *run, "--pairs", f"{cats}:1", "--search-pairs", search, says=["--pairs: the share", "search:2.tsv"])
        self.fails(2, *run, "--pairs", f"{cats}:1", says=["--document-instruction"])

    def test_values_out_of_range_name_their_option(self):
        for option, value in (("--length", 1), ("--pair-batch", 1), ("--heldout", -1), ("--rank", 0), ("--mask-rate", 2),
                              ("--learning-rate", 7), ("--learning-rate", 0)):
            with self.subTest(option=option):
                self.fails(2, "train", "-m", tiny("llama"), "--text", STORIES, "-o", "never.gguf", f"{option}={value}", says=[f"{option} is {value}"])
        run = self.fails(2, "generate", "-m", tiny("llama"), "--ctx", "5", "abc", says=["--ctx is 5"])
        self.assertNotIn("n_ctx", run.err)
        run = self.fails(1, "generate", "-m", tiny("llama"), "--ctx", "8", "abc " * 40, says=["8"])
        self.assertNotRegex(run.err, "n_ctx|session")

    def test_what_an_engine_cannot_do(self):
        adapter = self.file("never.gguf", "")
        self.fails(1, *self.train("gpt2", adapter, "--overwrite", "--engine", "fused"), says=["fused", "gpt2", "graph"])
        self.fails(2, *self.train("gpt2", adapter, "--overwrite", "--recompute"), says=["recompute", "graph"])
        self.fails(2, *self.train("gpt2", adapter, "--engine", "fast"), says=["--engine"])


if __name__ == "__main__":
    unittest.main()
