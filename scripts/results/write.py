#!/usr/bin/env python3
"""docs/results.md and its pictures, from the figures that measure.py wrote.

    scripts/results/write.py --figures figures --adapter shipped

The text is results.md.in; a line "@NAME" in it becomes the table or the picture of that name below.
"""
import argparse
import json
import pathlib
import re
import tomllib

import aims
import plots

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
MISSING = "–"


class Figures:
    """Figures of all adapters, each read once; one that was not measured is a dash in every table."""

    def __init__(self, folder):
        self.folder, self.read = folder, {}

    def result(self, adapter, figure):
        """What magnet printed; {} if it was not measured."""
        path = self.folder / adapter / f"{figure}.json"
        if path not in self.read:
            self.read[path] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return self.read[path]

    def value(self, adapter, figure, name):
        return self.result(adapter, figure).get("figures", {}).get(name, {}).get("value")


def number(value, digits=1):
    return MISSING if value is None else f"{value:.{digits}f}"


def percent(value, digits=2):
    return number(None if value is None else 100 * value, digits)


def best(choose, values):
    """The min or max of those that were measured; None if none was."""
    return choose((v for v in values if v is not None), default=None)


def ratio(a, b):
    return MISSING if a is None or b is None else f"{a / b:.2f}"


def table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def similarity(f, adapter):
    rows = []
    for attention in ("causal", "bidirectional"):
        for pooling in ("last", "mean"):
            row = [f"{attention}, {pooling}"]
            for figure in ("stsb", "sick"):
                row += [number(f.value(a, figure, f"spearman.{attention}.{pooling}")) for a in ("base", adapter)]
            rows.append(row)
    return table(["attention, pooling", "STS-B dev: base", "adapter", "SICK dev: base", "adapter"], rows)


BY_MASK = ["left only", "hybrid", "ordered", "best / base's left only", "best / own left only"]


def by_mask(f, model, figure):
    """Cells under BY_MASK: perplexity by context, and the better mask's share of left only, the base's and the model's own."""
    values = [f.value(model, figure, f"perplexity.{c}") for c in ("left", "hybrid", "ordered")]
    better = best(min, values[1:])
    return [*map(number, values), ratio(better, f.value("base", figure, "perplexity.left")), ratio(better, values[0])]


def infilling(f, adapter):
    rows = []
    for title, figure in (("stories, a sentence", "stories"), ("stories, two sentences", "stories-two-gaps"),
                          ("Gutenberg, 8 to 32 tokens", "spans-gutenberg"), ("Wikitext, 8 to 32 tokens", "spans-wikitext2")):
        rows.append([title, "base", *by_mask(f, "base", figure)])
        rows.append(["", "adapter", *by_mask(f, adapter, figure)])
    return table(["gap", "model", *BY_MASK], rows)


def accuracy(f, adapter):
    rows = []
    for title, figure in (("stories, a sentence", "stories"), ("Gutenberg, 8 to 32 tokens", "spans-gutenberg"),
                          ("Wikitext, 8 to 32 tokens", "spans-wikitext2")):
        for model in ("base", adapter):
            values = [f.value(model, figure, f"accuracy.{c}") for c in ("left", "hybrid", "ordered")]
            rows.append([title if model == "base" else "", "base" if model == "base" else "adapter",
                         *(percent(v, 1) for v in values)])
    return table(["gap", "model", "left only", "hybrid", "ordered"], rows)


def open_gaps(f, adapter):
    rows = []
    for model in ("base", adapter):
        for c in ("left", "hybrid", "ordered"):
            rows.append(["base" if model == "base" else "adapter", c,
                         number(f.value(model, "stories", f"perplexity.{c}")),
                         number(f.value(model, "stories-open", f"perplexity.{c}")),
                         percent(f.value(model, "stories-open", f"end.{c}"), 1)])
    return table(["model", "context", "exact gap", "open gap, 64 places", "ends where it should, %"], rows)


def prompted(f, adapter):
    rows = []
    for title, figure, name in (("left only", "stories", "perplexity.left"),
                                ("prompt: an instruction, both sides, then the gap", "stories-instruction", "perplexity"),
                                ("prompt: the right side first, then the left", "stories-suffix-first", "perplexity"),
                                ("hybrid mask", "stories", "perplexity.hybrid"),
                                ("ordered mask", "stories", "perplexity.ordered")):
        rows.append([title, *(number(f.value(model, figure, name)) for model in ("base", adapter))])
    return table(["the gap is predicted from", "base", "adapter"], rows)


def domain(f, adapter):
    models = {"base": "base", "adapter": adapter, "adapter, 300 steps on ROCStories": "rocstories"}
    return table(["", *BY_MASK], [[title, *by_mask(f, model, "stories")] for title, model in models.items()])


def span_length(f, adapter):
    rows = []
    for length in (4, 8, 16, 32, 64):
        row = [str(length)]
        for model in ("base", adapter):
            row += [number(f.value(model, f"spans-{length}", f"perplexity.{c}")) for c in ("left", "hybrid", "ordered")]
        rows.append(row)
    return table(["tokens", "base: left only", "hybrid", "ordered", "adapter: left only", "hybrid", "ordered"], rows)


def knowledge(f, adapter):
    rows = []
    for title, figure, name, scale, digits in (
            ("perplexity, wikitext2-valid", "perplexity", "perplexity", 1, 2),
            ("perplexity, brown-valid", "perplexity-brown", "perplexity", 1, 2),
            ("ARC-easy, %", "arc-easy", "accuracy.characters", 100, 1),
            ("HellaSwag, %", "hellaswag", "accuracy.characters", 100, 1),
            ("Rep-Sen", "repetition", "rep-sen", 1, 4), ("Rep-4", "repetition", "rep-4", 1, 4),
            ("tokens of a continuation, mean", "repetition", "tokens", 1, 1),
            ("Rep-Sen, 64 tokens at most", "repetition-64", "rep-sen", 1, 4),
            ("Rep-4, 64 tokens at most", "repetition-64", "rep-4", 1, 4),
            ("tokens of a continuation, mean", "repetition-64", "tokens", 1, 1)):
        a, b = (f.value(m, figure, name) for m in ("base", adapter))
        scaled = [None if v is None else v * scale for v in (a, b)]
        rows.append([title, *(number(v, digits) for v in scaled), ratio(b, a)])
    return table(["", "base", "adapter", "ratio"], rows)


def probes(f, adapter):
    rows = []
    for figure, protocol in (("probe", "its tokens"), ("probe-instruction", "its tokens, behind the instruction"),
                             ("probe-previous", "the places before its tokens")):
        for task in ("pos", "chunk", "ner"):
            rows.append([protocol, task, *(percent(f.value(model, figure, f"accuracy.{task}.{attention}"))
                                           for model in ("base", adapter) for attention in ("causal", "bidirectional"))])
            protocol = ""
    return table(["a word is the mean of", "task", "base: causal", "bidirectional", "adapter: causal", "bidirectional"],
                 rows)


def short_texts(f, adapter):
    rows = []
    for title, model in (("base", "base"), ("adapter", adapter), ("second run with single sentences too", "short-texts")):
        probe = [best(max, [f.value(model, "probe", f"accuracy.{task}.{a}") for a in ("causal", "bidirectional")])
                 for task in ("pos", "chunk", "ner")]
        rows.append([title, *map(percent, probe),
                     number(f.value(model, "stories", "perplexity.hybrid")),
                     number(f.value(model, "stories", "perplexity.ordered")),
                     *(number(f.value(model, figure, "spearman.bidirectional.last")) for figure in ("stsb", "sick"))])
    return table(["", "pos", "chunk", "ner", "stories: hybrid", "ordered", "STS-B", "SICK"], rows)


def ablations(f, _):
    variants = tomllib.loads((HERE / "experiments.toml").read_text(encoding="utf-8"))["ablations"]["variants"]
    rows = []
    for name in ["base", *variants]:
        attention = "causal" if name == "causal-embedding" else "bidirectional"
        sts = [f.value(name, figure, f"spearman.{attention}.{p}") for figure in ("stsb-short", "sick-short")
               for p in ("last", "mean")]
        infill = [f.value(name, "stories-short", f"perplexity.{c}") for c in ("left", "hybrid", "ordered")]
        rows.append([name, *map(number, sts), *map(number, infill),
                     number(f.value(name, "perplexity-short", "perplexity")),
                     *(percent(f.value(name, "probe-short", f"accuracy.pos.{a}"), 1)
                       for a in ("causal", "bidirectional"))])
    return table(["", "STS-B last", "mean", "SICK last", "mean", "stories: left only", "hybrid", "ordered",
                  "perplexity", "POS: causal", "bidirectional"], rows)


def targets(f, adapter):
    return table(["", "aim", "measured", "reached"], aims.rows(f, adapter, MISSING))


BLOCKS = {block.__name__.replace("_", "-"): block for block in
          (similarity, infilling, accuracy, prompted, domain, open_gaps, span_length, knowledge, probes, short_texts,
           ablations, targets)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", required=True, type=pathlib.Path, help="folder that measure.py wrote")
    parser.add_argument("--adapter", default="shipped", help="name of the adapter in it")
    parser.add_argument("--metrics", type=pathlib.Path, help="of its training (magnet train --metrics), for the curves")
    args = parser.parse_args()

    figures = Figures(args.figures)
    text = re.sub(r"^@([a-z-]+)$", lambda m: BLOCKS[m[1]](figures, args.adapter),
                  (HERE / "results.md.in").read_text(encoding="utf-8"), flags=re.MULTILINE)
    (DOCS / "results.md").write_text(text, encoding="utf-8")
    (DOCS / "img").mkdir(exist_ok=True)
    plots.infilling(figures, args.adapter, DOCS / "img" / "infilling.svg")
    plots.similarity(figures, args.adapter, DOCS / "img" / "similarity.svg")
    plots.heat_map(figures, args.adapter, DOCS / "img" / "heat-map.svg")
    if args.metrics:
        plots.training(args.metrics, DOCS / "img" / "training.svg")


if __name__ == "__main__":
    main()
