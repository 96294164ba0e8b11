#!/usr/bin/env python3
"""Gaps in source files, JSON Lines of left, gap and right: what `magnet score --context fim --total FILE` takes. Path and lines say
where a gap is: candidates.py puts fillings back there.

    scripts/results/code_gaps.py KIND FOLDER [--limit N] [--seed S] > gaps.jsonl

KIND: lines (one that says something), statements (simple ones of Python, which may have several lines) or bodies (of a
function of Python, or a method of Java, of 1 to 8 lines). Each file gives at most three gaps, drawn; left and right are cut at
line borders to about 1200 and 600 characters.
"""

import argparse
import ast
import json
import pathlib
import random
import re
import sys

LEFT, RIGHT = 1200, 600
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Raise, ast.Assert)


def says_something(line):
    return len(re.findall(r"\w", line)) >= 4 and not re.match(r"\s*(#|//|\*|/\*|import |from |package |@)", line)


def lines_of(path, lines):
    return [(i, i + 1) for i, line in enumerate(lines) if says_something(line)]


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def statements_of(path, lines):
    if path.suffix != ".py":
        return []
    found = []
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, SIMPLE) and not is_docstring(node) and node.end_lineno - node.lineno < 8:
            if lines[node.lineno - 1][: node.col_offset].strip() == "" and says_something(lines[node.lineno - 1]):
                found.append((node.lineno - 1, node.end_lineno))
    return found


def bodies_of(path, lines):
    if path.suffix == ".py":
        found = []
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if is_docstring(node.body[0]) else node.body
                if body and body[0].lineno > node.lineno and body[-1].end_lineno - body[0].lineno < 8:
                    found.append((body[0].lineno - 1, body[-1].end_lineno))
        return [span for span in found if any(says_something(line) for line in lines[slice(*span)])]
    found, begin = [], None
    for i, line in enumerate(lines):  # as Java is usually laid out: members are indented by two or four
        if re.match(r"( {2}| {4})\w[^;=]*\)[^;]*\{$", line):
            begin = i
        elif begin is not None and re.match(r"( {2}| {4})\}$", line):
            if 1 <= i - begin - 1 <= 8:
                found.append((begin + 1, i))
            begin = None
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["lines", "statements", "bodies"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    find = {"lines": lines_of, "statements": statements_of, "bodies": bodies_of}[options.kind]
    draw = random.Random(options.seed)
    rows = []
    for path in sorted(p for p in options.folder.rglob("*") if p.suffix in (".py", ".java")):
        lines = path.read_text(encoding="utf-8").splitlines()
        try:
            spans = find(path, lines)
        except SyntaxError as error:
            print(f"{path}: {error}; left out", file=sys.stderr)
            continue
        for begin, end in draw.sample(spans, min(3, len(spans))):
            left, right = "\n".join(lines[:begin]) + "\n", "\n" + "\n".join(lines[end:]) + "\n"
            if len(left) > LEFT:
                left = left[left.index("\n", len(left) - LEFT - 1) + 1 :]
            if len(right) > RIGHT:
                right = right[: right.rindex("\n", 0, RIGHT) + 1]
            rows.append({"left": left, "gap": "\n".join(lines[begin:end]), "right": right,
                         "path": str(path), "begin": begin, "end": end})
    for row in draw.sample(rows, min(options.limit, len(rows))):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
