import ast
import math
import struct
import unittest

from magnet_cli import CliTest

TEXTS = ["A man is playing a guitar.", "Someone plays music.", "", "Grüße, 世界!"]


def read_npy(data):
    """Shape and values of a NumPy file, by the format's own description."""
    assert data[:8] == b"\x93NUMPY\x01\x00"
    size = struct.unpack("<H", data[8:10])[0]
    assert (10 + size) % 64 == 0 and data[10 + size - 1] == ord("\n")
    header = ast.literal_eval(data[10:10 + size].decode("ascii"))
    code = {"<f4": "f", "|i1": "b", "|u1": "B"}[header["descr"]]
    assert header["fortran_order"] is False
    rows, columns = header["shape"]
    values = struct.unpack(f"<{rows * columns}{code}", data[10 + size:])
    return (rows, columns), [list(values[i * columns:(i + 1) * columns]) for i in range(rows)]


def to_float32(values):
    return list(struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values)))


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


class EmbedTest(CliTest):
    def assertClose(self, found, expected):
        """The same vectors, but for the rounding of their text."""
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            for x, y in zip(a, b, strict=True):
                self.assertAlmostEqual(x, y, places=5)

    def vectors(self, *arguments, **options):
        return [to_float32(one["embedding"]) for one in self.ok("embed", "--json", *arguments, **options).json()]

    def test_all_formats_hold_the_same_numbers(self):
        stdin = "".join(text + "\n" for text in TEXTS)
        expected = self.vectors(stdin=stdin)
        plain = [to_float32(list(map(float, line.split()))) for line in self.ok("embed", stdin=stdin).lines]
        self.assertEqual(plain, expected)

        shape, npy = read_npy(self.ok("embed", "--format", "npy", stdin=stdin).bytes)
        self.assertEqual(shape, (len(TEXTS), 32))
        self.assertEqual(npy, expected)

        raw = self.ok("embed", "--format", "raw", stdin=stdin).bytes
        self.assertEqual(raw, b"".join(struct.pack("<32f", *vector) for vector in expected))

    def test_dimensions_are_the_first_numbers_at_length_one(self):
        for whole, kept in zip(self.vectors(*TEXTS[:2]), self.vectors("--dimensions", "8", *TEXTS[:2])):
            norm = math.sqrt(sum(x * x for x in whole[:8]))
            self.assertClose([kept], [[x / norm for x in whole[:8]]])
        self.fails(2, "embed", "--dimensions", "33", "one", says=["--dimensions", "33", "32"])
        self.fails(2, "embed", "--dimensions", "0", "one", says=["--dimensions"])

    def test_precisions_hold_the_same_numbers_in_every_format(self):
        whole = self.vectors(*TEXTS[:2])
        int8 = [[round(127 * x / max(map(abs, row))) for x in row] for row in whole]
        bits = [[sum((row[8 * i + j] > 0) << (7 - j) for j in range(8)) for i in range(4)] for row in whole]
        for precision, expected, code in ("int8", int8, "b"), ("binary", bits, "B"):
            how = ["embed", "--precision", precision, *TEXTS[:2]]
            self.assertEqual([one["embedding"] for one in self.ok(*how, "--json").json()], expected)
            self.assertEqual([list(map(int, line.split())) for line in self.ok(*how).lines], expected)
            shape, npy = read_npy(self.ok(*how, "--format", "npy").bytes)
            self.assertEqual((shape, npy), ((2, len(expected[0])), expected))
            raw = b"".join(struct.pack(f"<{len(row)}{code}", *row) for row in expected)
            self.assertEqual(self.ok(*how, "--format", "raw").bytes, raw)
        self.assertEqual(len(self.ok("embed", "--dimensions", "9", "--precision", "binary", "one").out.split()), 2)
        self.fails(2, "embed", "--similarity", "--precision", "int8", "a", "b", says=["--similarity", "--precision"])

    def test_output_file_by_its_name(self):
        expected = self.vectors("one", "two")
        self.assertEqual(self.ok("embed", "one", "two", "-o", "v.npy").out, "")
        self.assertEqual(read_npy((self.folder / "v.npy").read_bytes())[1], expected)
        self.ok("embed", "one", "two", "-o", "v.f32")
        self.assertEqual((self.folder / "v.f32").stat().st_size, 2 * 32 * 4)
        self.ok("embed", "one", "two", "-o", "v.jsonl")
        self.assertEqual((self.folder / "v.jsonl").read_text(), self.ok("embed", "--json", "one", "two").out)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["v.f32", "v.jsonl", "v.npy"])

    def test_vectors_have_length_one_unless_asked(self):
        for vector in self.vectors(*TEXTS[:2]):
            self.assertAlmostEqual(sum(x * x for x in vector), 1, places=5)
        for unit, plain in zip(self.vectors(*TEXTS[:2]), self.vectors("--no-normalize", *TEXTS[:2])):
            self.assertNotAlmostEqual(sum(x * x for x in plain), 1, places=2)
            self.assertAlmostEqual(cosine(unit, plain), 1, places=5)

    def test_every_way_in_reads_the_same_text(self):
        expected = self.vectors("--text", "Grüße, 世界!")[0]
        self.file("lines.txt", "\ufeffGrüße, 世界!\r\n")
        self.file("texts.jsonl", '{"text": "Gr\\u00fc\\u00dfe, 世界!"}\n\n')
        self.assertEqual(self.vectors("Grüße, 世界!"), [expected])
        self.assertEqual(self.vectors("lines.txt"), [expected])
        self.assertClose(self.vectors("--file", "lines.txt", "--file", "texts.jsonl"), [expected, expected])
        self.assertEqual(self.vectors("-", stdin="Grüße, 世界!"), [expected])
        self.assertEqual(self.vectors("--input-format", "whole", stdin="Grüße, 世界!\n"), [expected])

    def test_text_option_is_never_a_file(self):
        self.file("name", "content\n")
        self.assertEqual(self.vectors("name"), self.vectors("--text", "content"))
        self.assertNotEqual(self.vectors("--text", "name"), self.vectors("name"))

    def test_lines_stay_lines(self):
        self.assertEqual(len(self.vectors(stdin="a\n\nb\n")), 3)
        self.assertEqual(self.vectors(stdin=""), [])
        shape, _ = read_npy(self.ok("embed", "--format", "npy", stdin="").bytes)
        self.assertEqual(shape, (0, 32))

    def test_json_keeps_the_fields_of_its_line(self):
        line = '{"id": 12345678901, "text": "one", "score": 0.1, "embedding": "old", "tags": ["ü", null]}'
        [one] = self.ok("embed", "--json", "--input-format", "jsonl", stdin=line).json()
        self.assertEqual([one["id"], one["text"], one["score"], one["tags"]], [12345678901, "one", 0.1, ["ü", None]])
        self.assertEqual(to_float32(one["embedding"]), self.vectors("one")[0])

    def test_similarity_is_the_cosine_of_the_vectors(self):
        texts = [TEXTS[0], TEXTS[1], TEXTS[0]]
        vectors = self.vectors(*texts)
        [found] = self.ok("embed", "--similarity", "--json", *texts).json()
        self.assertEqual(found["texts"], texts)
        table = self.ok("embed", "--similarity", *texts).lines
        for i, row in enumerate(found["similarity"]):
            for j, value in enumerate(row):
                self.assertAlmostEqual(value, cosine(vectors[i], vectors[j]), places=5)
                self.assertAlmostEqual(float(table[i + 1].split()[1 + j]), value, delta=0.00051)
            self.assertTrue(table[i + 1].endswith(texts[i]))
        self.assertAlmostEqual(found["similarity"][0][2], 1, places=6)
        self.assertLess(found["similarity"][0][1], 0.9999)

    def test_token_vectors_make_the_mean(self):
        [one] = self.ok("embed", "--json", "--tokens", "--no-normalize", TEXTS[0]).json()
        ids = self.ok("tokens", "--ids", TEXTS[0]).out.split()
        self.assertEqual([token["id"] for token in one["tokens"]], list(map(int, ids)))
        rows = [token["embedding"] for token in one["tokens"]]
        mean = [sum(column) / len(rows) for column in zip(*rows)]
        [pooled] = self.vectors("--pooling", "mean", "--no-normalize", TEXTS[0])
        for x, y in zip(mean, pooled):
            self.assertAlmostEqual(x, y, places=4)

        self.ok("embed", "--tokens", "--no-normalize", TEXTS[0], "-o", "tokens.npy")
        shape, matrix = read_npy((self.folder / "tokens.npy").read_bytes())
        self.assertEqual(shape, (len(rows), 32))
        self.assertEqual(matrix, [to_float32(row) for row in rows])
        self.fails(1, "embed", "--tokens", "one", "two", "-o", "two.npy", says=["2 texts", "--json"])

    def test_options_reach_the_model(self):
        text = TEXTS[0]
        seen = {tuple(self.vectors(*options, text)[0])
                for options in [(), ("--pooling", "last"), ("--pooling", "weighted-mean"), ("--attention", "causal"),
                                ("--instruction", "find: "), ("--no-eos",), ("--truncate", "head", "--max-tokens", "8"),
                                ("--truncate", "tail", "--max-tokens", "8")]}
        self.assertEqual(len(seen), 8)
        self.assertClose(self.vectors("--pooling", "mean", "--attention", "bidirectional", text), self.vectors(text))

    def test_a_text_that_is_too_long_is_named(self):
        self.file("texts.txt", "short\n" + "long " * 200 + "\nshort\n")
        self.fails(1, "embed", "--file", "texts.txt", "-o", "v.npy", says=["texts.txt:2: the text has", "tokens", "--truncate"])
        self.assertFalse((self.folder / "v.npy").exists())
        self.assertEqual(len(self.vectors("--file", "texts.txt", "--truncate", "head")), 3)


if __name__ == "__main__":
    unittest.main()
