#!/usr/bin/env python3
"""Text files -> the JSON Lines that `magnet train --text` reads, one document a line.

    scripts/prepare-data.py --paragraphs wiki.txt 0 --stories tinystories.txt 0 > train.jsonl

--paragraphs FILE N   every line of at least 250 characters is a document; N of them, evenly spread (0 = all)
--stories FILE N      stories, each begun on a line of its own, their paragraphs apart by blank lines; N of them (0 = all)
--passages FILE N     five sentences in a row of a story, or of a line of other prose; N of them (0 = all)
--sentences FILE N    a sentence of 30 to 120 characters is a document; N of them (0 = all)
--rows FILE N         a line with its sentences apart by tabs is a document; N of them (0 = all)
"""
import argparse
import json
import pathlib
import re

PASSAGE = 5  # sentences
LONGEST_PASSAGE = 600  # characters
SHORTEST = 250  # characters; shorter lines are headings, verse and dialogue out of context
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


def spread(documents, count):
    if count <= 0 or count >= len(documents):
        return documents
    return [documents[i * len(documents) // count] for i in range(count)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("paragraphs", "stories", "passages", "sentences", "rows"):
        parser.add_argument(f"--{name}", nargs=2, action="append", default=[], metavar=("FILE", "N"))
    args = parser.parse_args()
    for split, files in ((paragraphs, args.paragraphs), (stories, args.stories), (passages, args.passages),
                         (sentences, args.sentences), (rows, args.rows)):
        for path, count in files:
            for text in spread(split(pathlib.Path(path).read_text(encoding="utf-8")), int(count)):
                print(json.dumps({"text": text}, ensure_ascii=False))


if __name__ == "__main__":
    main()
