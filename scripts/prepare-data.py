#!/usr/bin/env python3
"""Text files -> the JSON Lines that `magnet train --text` reads, one document a line.

    scripts/prepare-data.py --paragraphs wiki.txt 0 --stories tinystories.txt 0 > train.jsonl

--paragraphs FILE N   every line of at least 250 characters is a document; N of them, evenly spread (0 = all)
--stories FILE N      stories, each begun on a line of its own, their paragraphs apart by blank lines; N of them (0 = all)
--passages FILE N     five sentences in a row of a story, or of a line of other prose; N of them (0 = all)
--sentences FILE N    a sentence of 30 to 120 characters is a document; N of them (0 = all)
--rows FILE N         a line with its sentences apart by tabs is a document; N of them (0 = all)
--lines FILE N        a line is a document, whatever its length; N of them (0 = all)
--headed FILE N       a heading and what stands under it, apart by a tab, become Markdown; N of them (0 = all)
--spaced FILE N       paragraphs in the layout of raw Wikitext, with spaces around marks; N of them (0 = all)
--code FOLDER N       about 20 lines of a .py or .java file of the wheels and source jars in a folder; N of them (0 = all)
"""
import argparse
import json
import pathlib
import re
import zipfile

PASSAGE = 5  # sentences
LONGEST_PASSAGE = 600  # characters
SHORTEST = 250  # characters; shorter lines are headings, verse and dialogue out of context
CODE_LINES = 20
SENTENCE = range(30, 121)  # characters


def paragraphs(text):
    return [line.strip() for line in text.splitlines() if len(line) >= SHORTEST]


def stories(text):
    found = (re.sub(r"\s+", " ", story).strip() for story in re.split(r"(?<!\n)\n(?!\n)", text))
    return [story for story in found if len(story) >= SHORTEST]


def sentences_of(document):
    return re.findall(r"\S.*?[.!?][\"'”’]*(?=\s|$)", document)


def passages(text):
    found = []
    for document in stories(text):
        in_a_row = sentences_of(document)
        for i in range(0, len(in_a_row) - PASSAGE + 1, PASSAGE):
            found.append(" ".join(in_a_row[i:i + PASSAGE]))
    return [passage for passage in dict.fromkeys(found) if len(passage) <= LONGEST_PASSAGE]


def sentences(text):
    found = (sentence for document in stories(text) for sentence in sentences_of(document))
    return [sentence for sentence in dict.fromkeys(found) if len(sentence) in SENTENCE]


def rows(text):
    return [line.replace("\t", " ") for line in text.splitlines() if line.strip()]


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def headed(text):
    found = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return [f"## {heading.strip()}\n\n{body.strip()}" for heading, body in found]


def spaced(text):
    marks = ((r"(?<=\w)-(?=\w)", " @-@ "), (r"(?<=\d),(?=\d)", " @,@ "), (r"(?<=\d)\.(?=\d)", " @.@ "),
             (r"([,;:!?()\"])", r" \1 "), (r"\.(?=\s|$)", " ."), (r"(?<=\w)'s\b", " 's"), (r" +", " "))
    found = []
    for paragraph in paragraphs(text):
        for pattern, layout in marks:
            paragraph = re.sub(pattern, layout, paragraph)
        found.append(" " + paragraph.strip() + " ")
    return found


def code(folder):
    found = []
    for package in sorted([*folder.rglob("*.whl"), *folder.rglob("*.jar")]):
        with zipfile.ZipFile(package) as files:
            for name in sorted(files.namelist()):
                if name.endswith((".py", ".java")) and "test" not in name.lower():
                    text = files.read(name).decode("utf-8", "replace").splitlines()
                    parts = ("\n".join(text[i:i + CODE_LINES]).strip("\n") for i in range(0, len(text), CODE_LINES))
                    found += [part for part in parts if SHORTEST <= len(part) <= 4 * SHORTEST and "\ufffd" not in part]
    return found


def spread(documents, count):
    if count <= 0 or count >= len(documents):
        return documents
    return [documents[i * len(documents) // count] for i in range(count)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    splits = (paragraphs, stories, passages, sentences, rows, lines, headed, spaced, code)
    for split in splits:
        parser.add_argument(f"--{split.__name__}", nargs=2, action="append", default=[], metavar=("FILE", "N"))
    args = vars(parser.parse_args())
    for split in splits:
        for path, count in args[split.__name__]:
            source = pathlib.Path(path)
            documents = split(source if split is code else source.read_text(encoding="utf-8"))
            for text in spread(documents, int(count)):
                print(json.dumps({"text": text}, ensure_ascii=False))


if __name__ == "__main__":
    main()
