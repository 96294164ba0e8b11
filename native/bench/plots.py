"""Plots of a benchmark, as SVG."""
import statistics

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "magnet"  # the same figures, the same file
import matplotlib.pyplot as plt  # noqa: E402

from rows import points  # noqa: E402

COLORS = {"ordered": "#2f6fb3", "hybrid": "#d98032", "causal": "#8c8c8c"}


def line(ax, xs, runs, **how):
    """Medians, with the least and the largest of the runs as bars."""
    middle = [statistics.median(r) for r in runs]
    below, above = [m - min(r) for m, r in zip(middle, runs)], [max(r) - m for m, r in zip(middle, runs)]
    ax.errorbar(xs, middle, yerr=[below, above], marker="o", markersize=3, linewidth=1.2, capsize=2, **how)


def finish(ax, xlabel, ylabel, xs, log_y=False):
    ax.set_xscale("log", base=2)
    ticks = sorted(set(xs))
    ax.set_xticks(ticks, [str(x) for x in ticks], fontsize=8)
    ax.minorticks_off()
    if log_y:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=8)


def embed(found):
    figure, ax = plt.subplots(figsize=(7, 3.2))
    for texts in sorted({p["texts"] for p in found}):
        row = sorted((p for p in found if p["texts"] == texts), key=lambda p: p["length"])
        line(ax, [p["length"] for p in row], [[p["tokens"] / s for s in p["s"]] for p in row], label=f"{texts} a call")
    finish(ax, "tokens of a text", "tokens/s", [p["length"] for p in found])
    return figure


def infilling(found, x, xlabel):
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    for context in ("ordered", "hybrid"):
        row = [p for p in found if p["context"] == context]
        xs = [p[x] for p in row]
        line(axes[0], xs, [p["first_s"] for p in row], color=COLORS[context], label=context)
        line(axes[1], xs, [[1000 * s / (p["generated"] - 1) for s in p["further_s"]] for p in row],
             color=COLORS[context], label=context)
    line(axes[0], xs, [p["prompt_s"] for p in row], color=COLORS["causal"], label="causal, same length")
    line(axes[1], xs, [[1000 * s / (p["generated"] - 1) for s in p["decode_s"]] for p in row],
         color=COLORS["causal"], label="causal, same length")
    finish(axes[0], xlabel, "first token, s", xs)
    finish(axes[1], xlabel, "further token, ms", xs)
    return figure


def training(found):
    figure, axes = plt.subplots(2, 3, figsize=(9, 4.5), sharey="row")
    usual = {name: statistics.mode(p[name] for p in found) for name in ("rank", "rows", "length")}
    for column, (name, label) in enumerate((("rank", "rank"), ("rows", "rows a step"), ("length", "tokens of a row"))):
        row = sorted((p for p in found if all(p[k] == v for k, v in usual.items() if k != name)), key=lambda p: p[name])
        xs = [p[name] for p in row]
        line(axes[0][column], xs, [p["tokens_per_s"] for p in row], color=COLORS["ordered"])
        line(axes[1][column], xs, [p["peak_rss_mb"] for p in row], color=COLORS["hybrid"])
        finish(axes[0][column], "", "tokens/s" if column == 0 else "", xs)
        finish(axes[1][column], label, "peak memory, MB" if column == 0 else "", xs)
    return figure


def mask(found):
    figure, ax = plt.subplots(figsize=(7, 3.2))
    kinds = (("llama.cpp", False, "a batch of 512"), ("llama.cpp", True, "one token"),
             ("fused engine", False, "a batch"))
    for color, (what, one, of) in enumerate(kinds):
        for context, style in (("ordered", "-"), ("hybrid", "--")):
            row = [p for p in found if p["what"] == what and (p["tokens"] == 1) == one and p["context"] == context]
            line(ax, [p["keys"] for p in row], [[1e6 * s for s in p["s"]] for p in row], color=f"C{color}",
                 linestyle=style, label=f"{what}, {of}, {context}")
    finish(ax, "keys", "µs a token", [p["keys"] for p in found], log_y=True)
    return figure


def contexts(found):
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    found = sorted(found, key=lambda p: p["tokens"])
    xs = [p["tokens"] for p in found]
    for color, (side, name) in zip(("ordered", "causal"), (("side", "MAGNET"), ("peer", "llama.cpp"))):
        how = {"color": COLORS[color], "label": name}
        line(axes[0], xs, [[p["tokens"] / s for s in p[side]["prompt_s"]] for p in found], **how)
        line(axes[1], xs, [[1000 * s for s in p[side]["token_s"]] for p in found], **how)
    finish(axes[0], "tokens of the prompt", "prompt, tokens/s", xs)
    finish(axes[1], "tokens before it", "ms a token", xs)
    return figure


def callers(found):
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    found = sorted(found, key=lambda p: p["callers"])
    xs = [p["callers"] for p in found]
    for color, (side, name) in zip(("ordered", "causal"), (("side", "MAGNET"), ("peer", "llama.cpp, one batch"))):
        line(axes[0], xs, [p[side]["decode_rate"] for p in found], color=COLORS[color], label=name)
        for share, style in (("p50", "-"), ("p99", ":")):
            line(axes[1], xs, [[1000 * s for s in p[side][f"next_{share}"]] for p in found], color=COLORS[color],
                 linestyle=style, label=f"{name}, {share}")
    finish(axes[0], "callers", "tokens/s together", xs)
    finish(axes[1], "callers", "ms to the next token", xs)
    return figure


def draw(results, folder, prefix="benchmark"):
    """Writes the plots that there are points for: name -> file."""
    infills = points(results, "infill")
    many = {p["tokens"] for p in infills if p["gaps"] > 1}
    one = [p for p in infills if p["gaps"] == 1]
    jobs = {
        "embed": (embed, points(results, "embed")),
        "infill": (lambda found: infilling(found, "tokens", "tokens around the gap"), one),
        "gaps": (lambda found: infilling(found, "gaps", "gaps"), [p for p in infills if p["tokens"] in many]),
        "training": (training, points(results, "training")),
        "mask": (mask, points(results, "mask")),
        "contexts": (contexts, points(results, "context")),
        "callers": (callers, points(results, "callers")),
    }
    folder.mkdir(exist_ok=True)
    drawn = {}
    for name, (make, found) in jobs.items():
        if found:
            figure = make(found)
            figure.tight_layout()
            drawn[name] = folder / f"{prefix}-{name}.svg"
            figure.savefig(drawn[name], metadata={"Date": None})
            plt.close(figure)
    return drawn
