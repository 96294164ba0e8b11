import os
import pty
import subprocess
import unittest
import xml.etree.ElementTree

from magnet_cli import COMMAND, CliTest, environment

TEMPLATE = "ab {{gap:3}}cd"


def sees(query, key):
    """The rule, from its table: context is seen by all, ordered backwards and by spans, a span by spans behind it."""
    if key["role"] == "context":
        return True
    if key["role"] == "ordered":
        return query["role"] == "span" or key["pos"] <= query["pos"]
    return query["role"] == "span" and key["pos"] <= query["pos"]


class MaskTest(CliTest):
    def picture(self, *arguments):
        return self.ok("mask", "--json", *arguments).json()[0]

    def test_matrix_follows_the_rule(self):
        roles = {"hybrid": {"context", "span"}, "ordered": {"ordered", "span"}, "left": {"span"}}
        for context, expected in roles.items():
            found = self.picture("--context", context, TEMPLATE)
            self.assertEqual({slot["role"] for slot in found["slots"]}, expected)
            for query, row in zip(found["slots"], found["sees"]):
                self.assertEqual(row, [int(sees(query, key)) for key in found["slots"]])
            self.assertEqual([slot["token"] for slot in found["slots"] if slot["part"] == 1], [None] * 3)

    def test_text_without_gap_is_what_embed_sees(self):
        n = len(self.picture("abcd")["slots"])
        self.assertEqual(self.picture("abcd")["sees"], [[1] * n] * n)
        self.assertEqual(self.picture("--attention", "causal", "abcd")["sees"],
                         [[int(k <= q) for k in range(n)] for q in range(n)])

    def test_drawing_shows_the_matrix(self):
        found = self.picture(TEMPLATE)
        rows = [line for line in self.ok("mask", TEMPLATE).lines if line[:4].strip().isdigit()]
        n = len(found["slots"])
        for row, expected in zip(rows, found["sees"], strict=True):
            cells = row[-2 * n:]
            self.assertEqual([int(cells[2 * k + 1] in "█▓▒") for k in range(n)], expected, row)

    def test_svg(self):
        found = self.picture(TEMPLATE)
        self.ok("mask", TEMPLATE, "--svg", "mask.svg")
        svg = xml.etree.ElementTree.parse(self.folder / "mask.svg").getroot()
        cells = "".join(path.get("d") for path in svg.iter("{http://www.w3.org/2000/svg}path") if path.get("class"))
        self.assertEqual(cells.count("M"), sum(map(sum, found["sees"])))

    def draw_on_terminal(self, **changes):
        main, other = pty.openpty()
        done = subprocess.run([*COMMAND, "mask", TEMPLATE], stdout=other, stderr=subprocess.PIPE, check=True,
                              env=environment(TERM="xterm", **changes), timeout=60)
        os.close(other)
        data = b""
        while True:
            try:
                block = os.read(main, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not block:
                break
            data += block
        os.close(main)
        self.assertEqual(done.stderr, b"")
        return data.decode()

    def test_colours_only_for_people(self):
        self.assertIn("\033[", self.draw_on_terminal())
        self.assertNotIn("\033[", self.draw_on_terminal(NO_COLOR="1"))
        self.assertNotIn("\033[", self.ok("mask", TEMPLATE).out)


if __name__ == "__main__":
    unittest.main()
