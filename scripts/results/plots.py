"""Pictures of docs/results.md, as SVG."""
import json

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "magnet"  # the same figures, the same file
import matplotlib.pyplot as plt  # noqa: E402

COLORS = {"left": "#8c8c8c", "hybrid": "#d98032", "ordered": "#2f6fb3"}


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def infilling(f, adapter, path):
    """Perplexity of gaps, base beside adapter; the base's hybrid bars would dwarf the others and are cut."""
    kinds = [("stories", "stories,\na sentence"), ("spans-gutenberg", "Gutenberg,\n8-32 tokens"),
             ("spans-wikitext2", "Wikitext,\n8-32 tokens")]
    figure, axes = plt.subplots(1, len(kinds), figsize=(9, 3))
    for ax, (kind, title) in zip(axes, kinds):
        tallest = 1.6 * (f.value("base", kind, "perplexity.left") or 1)
        for x, model in enumerate(("base", adapter)):
            for k, context in enumerate(COLORS):
                value = f.value(model, kind, f"perplexity.{context}")
                if value is None:
                    continue
                ax.bar(x + 0.27 * (k - 1), min(value, tallest), 0.25, color=COLORS[context],
                       label=context if x == 0 else None)
                ax.text(x + 0.27 * (k - 1), min(value, tallest), f"{value:.0f}", ha="center", va="bottom", fontsize=8)
        ax.set_xticks([0, 1], ["base", "adapter"])
        ax.set_title(title, fontsize=10)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("perplexity of the gap")
    axes[-1].legend(frameon=False, fontsize=8)
    save(figure, path)


def similarity(f, adapter, path):
    """Spearman of the four ways to a vector, base beside adapter."""
    ways = [("causal", "last"), ("causal", "mean"), ("bidirectional", "last"), ("bidirectional", "mean")]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
    for ax, (figure_name, title) in zip(axes, (("stsb", "STS-B dev"), ("sick", "SICK dev"))):
        for x, (attention, pooling) in enumerate(ways):
            for k, (model, color) in enumerate((("base", COLORS["left"]), (adapter, COLORS["ordered"]))):
                value = f.value(model, figure_name, f"spearman.{attention}.{pooling}")
                if value is None:
                    continue
                ax.bar(x + 0.4 * (k - 0.5), value, 0.38, color=color,
                       label=("base" if k == 0 else "adapter") if x == 0 else None)
        ax.set_xticks(range(4), [f"{a},\n{p}" for a, p in ways], fontsize=8)
        ax.set_title(title, fontsize=10)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("Spearman x100")
    axes[0].legend(frameon=False, fontsize=8)
    save(figure, path)


def heat_map(f, adapter, path):
    """Cosines of a few sentences, base beside adapter."""
    figure, (*axes, scale) = plt.subplots(1, 3, figsize=(9, 3.6), width_ratios=(1, 1, 0.05))
    for ax, model, title in zip(axes, ("base", adapter), ("base", "adapter")):
        ax.set_title(title, fontsize=10)
        ax.set_xticks([])
        ax.set_yticks([])
        result = f.result(model, "sentences")
        if not result:
            continue
        cosines = result["similarity"]
        figure.colorbar(ax.imshow(cosines, vmin=0, vmax=1, cmap="Blues"), cax=scale)
        for y, row in enumerate(cosines):
            for x, cosine in enumerate(row):
                ax.text(x, y, f"{cosine:.1f}", ha="center", va="center", fontsize=6,
                        color="white" if cosine > 0.6 else "black")
        if ax is axes[0]:
            ax.set_yticks(range(len(cosines)), result["texts"], fontsize=7)
    save(figure, path)


def training(metrics, path):
    """Held-out losses over the steps of a training."""
    steps = [step for step in map(json.loads, metrics.read_text(encoding="utf-8").splitlines()) if "heldout" in step]
    names = [name for name in steps[0]["heldout"] if name != "score"]
    figure, ax = plt.subplots(figsize=(9, 3.5))
    for name in names:
        ax.plot([s["step"] for s in steps], [s["heldout"][name] for s in steps], label=name.replace("_", ", "))
    ax.set_xlabel("step")
    ax.set_ylabel("held-out loss, nats")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    save(figure, path)
