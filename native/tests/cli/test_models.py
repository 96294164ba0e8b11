"""models: what is known by name, and what the cache has of it."""

import hashlib
import os
import unittest

from magnet_cli import CliTest, environment

NAME = "smollm2-135m-instruct"
CONTENT = b"of this test"


def entry(name, **fields):
    fields = {"file": name + ".gguf", "bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest(), "licence": "MIT",
              **fields}
    return "".join(f"{name}.{field}={value}\n" for field, value in fields.items())


class ModelsTest(CliTest):
    def setUp(self):
        super().setUp()
        self.cache = self.folder / "models"
        self.cache.mkdir()
        self.env = environment(MAGNET_CACHE=str(self.folder))

    def known(self, **fields):
        self.file("models/models.properties", "# of this test\n" + entry("mine", **fields))
        return {one["name"]: one for one in self.ok("models", "--json", env=self.env).json()}

    def test_the_default_model_is_known_and_not_there(self):
        [one] = self.ok("models", "--json", env=self.env).json()
        self.assertEqual((one["name"], one["bytes"], one["licence"]), (NAME, 98362432, "Apache-2.0"))
        self.assertEqual((len(one["sha256"]), one["state"]), (64, "not in the cache"))
        plain = self.ok("models", env=self.env).out
        for words in NAME, one["sha256"], "98,362,432 bytes", one["file"], "not in the cache":
            self.assertIn(words, plain)
        self.assertEqual(self.ok("models", "--sums", env=self.env).out, "")
        self.fails(1, "models", NAME, says=[NAME, "not in the cache", "Models.find"], env=self.env)
        self.fails(1, "models", "nobody", says=["nobody", "magnet models"], env=self.env)
        self.fails(1, "models", "", says=["no model is called"], env=self.env)

    def test_hashes_may_be_in_capitals(self):
        self.assertEqual(self.known(sha256=hashlib.sha256(CONTENT).hexdigest().upper())["mine"]["sha256"],
                         hashlib.sha256(CONTENT).hexdigest())

    def test_files_of_the_cache(self):
        file = self.file("models/mine.gguf", CONTENT)
        mine = self.known(**{"adapter-of": NAME})["mine"]
        self.assertEqual((mine["file"], mine["state"], mine["adapter_of"]), (str(file), "in the cache, not checked", NAME))
        self.assertEqual(self.ok("models", "mine", env=self.env).out, f"{file}\n")
        self.assertEqual(self.ok("models", "--sums", env=self.env).out, f"{hashlib.sha256(CONTENT).hexdigest()}  {file}\n")
        note = f"{mine['sha256']} {len(CONTENT)} {os.stat(file).st_mtime_ns // 1000000}\n"
        self.file("models/mine.gguf.checked", note)
        self.assertEqual(self.known()["mine"]["state"], "in the cache, checked")
        os.utime(file, (1, 1))
        self.assertEqual(self.known()["mine"]["state"], "in the cache, not checked")
        self.file("models/mine.gguf", CONTENT[1:])
        self.assertEqual(self.known()["mine"]["state"], "in the cache with another size")
        self.fails(1, "models", "mine", says=["another size"], env=self.env)

    def test_the_cache_s_own_list_counts_before_the_program_s(self):
        self.file("models/models.properties", entry(NAME))
        [one] = self.ok("models", "--json", env=self.env).json()
        self.assertEqual(one["licence"], "MIT")

    def test_lists_that_are_wrong(self):
        for fields in {"sha256": "xyz"}, {"bytes": "many"}, {"file": "../x"}, {"licence": ""}, {"bytes": ""}:
            with self.subTest(fields=fields):
                self.file("models/models.properties", entry("mine", **fields))
                self.fails(1, "models", says=["models.properties", "mine." + next(iter(fields))], env=self.env)
        self.file("models/models.properties", "\nno line\n")
        self.fails(1, "models", says=["models.properties:2", "no line"], env=self.env)


if __name__ == "__main__":
    unittest.main()
