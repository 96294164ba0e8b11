#!/usr/bin/env python3
"""Stories with a gap -> the JSON Lines that `magnet score` reads: the gap's sentence, given a prompt that shows both sides.

    scripts/results/prompts.py instruction stories.tsv > prompts.jsonl

What a model does without a mask: it is told the right side before it goes on from the left. Gaps are those of
`magnet eval infill` (docs/eval.md).
"""
import argparse
import json
import pathlib
import random

STYLES = {
    "instruction": "Write the sentence that is missing in this story.\n\nStory: {left} ____ {right}\n\nMissing sentence:",
    "suffix-first": "A story ends like this: {right}\n\nThe whole story: {left}",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", choices=STYLES)
    parser.add_argument("file", type=pathlib.Path, help="TSV, the sentences of a story")
    parser.add_argument("--seed", type=int, default=0, help="as of magnet eval infill")
    args = parser.parse_args()
    draw = random.Random(args.seed)
    for line in args.file.read_text(encoding="utf-8").splitlines():
        sentences = line.split("\t")
        gap = draw.randint(1, len(sentences) - 2)
        prompt = STYLES[args.style].format(left=" ".join(sentences[:gap]), right=" ".join(sentences[gap + 1:]))
        print(json.dumps({"given": prompt, "text": " " + sentences[gap]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
