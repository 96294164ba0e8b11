"""Blocks of the page about what a server does."""
import statistics

from cells import grid, number, spread, spread_ratio
from rows import paired, points, ratio
from serving import PARTS


def milliseconds(values):
    return spread([1000 * v for v in values])


def middle(values):
    return number(1000 * statistics.median(values))


def contexts(results):
    rows = []
    for p in sorted(points(results, "context"), key=lambda p: p["tokens"]):
        side, peer = p["side"], p["peer"]
        prompt = paired("", "", *([p["tokens"] / s for s in of["prompt_s"]] for of in (side, peer)))
        rows.append([p["tokens"], spread(prompt["side_values"]), spread(prompt["peer_values"]), spread_ratio(prompt),
                     milliseconds(side["token_s"]), milliseconds(peer["token_s"]),
                     spread_ratio(paired("", "", side["token_s"], peer["token_s"])), milliseconds(side["gap_s"]),
                     spread_ratio(paired("", "", side["gap_s"], peer["prompt_s"]))])
    return grid(["tokens", "prompt, tokens/s", "llama.cpp", "ratio", "ms a token", "llama.cpp", "ratio",
                 "first token of a gap, hybrid, ms", "by llama.cpp's causal prompt"], rows) if rows else ""


def callers(results):
    rows = []
    for p in sorted(points(results, "callers"), key=lambda p: p["callers"]):
        side, peer = p["side"], p["peer"]
        rows.append([p["callers"], spread(side["decode_rate"]), spread(peer["decode_rate"]),
                     spread_ratio(paired("", "", side["decode_rate"], peer["decode_rate"])), spread(side["rate"]),
                     spread(peer["rate"])] +
                    [f"{middle(of[f'{what}_p50'])}; {middle(of[f'{what}_p99'])}" for what in ("first", "next")
                     for of in (side, peer)])
    return grid(["callers", "decoding, tokens/s", "llama.cpp", "ratio", "with their prompts, tokens/s", "llama.cpp",
                 "first token, ms: p50; p99", "llama.cpp", "next token, ms: p50; p99", "llama.cpp"],
                rows) if rows else ""


def neighbours(results):
    rows = []
    for p in sorted(points(results, "neighbour"), key=lambda p: p["busy"]):
        for side, name in (("side", "MAGNET"), ("peer", "llama.cpp")):
            rows += [[p["busy"], name, "default" if how == "default" else how.split("_")[1], spread(rates)]
                     for how, rates in p[side].items()]
    return grid(["busy processes", "who", "threads", "tokens/s"], rows) if rows else ""


def memory(results):
    rows = []
    for p in points(results, "memory"):
        def cell(key, scale=1):
            return number(scale * p[key]) if key in p else ""
        rows.append([p["weights"], p["cache"], cell("embedded_mb"), p["context"], cell("peak_mb"), cell("embed_rate"),
                     cell("prompt_rate"), cell("token_s", 1000)])
    return grid(["weights", "cache", "peak after the first vectors, MB", "tokens of a context", "peak after it, MB",
                 "embed, tokens/s", "prompt, tokens/s", "ms a token"], rows) if rows else ""


def sizes(all_results):
    """Ratios of every row that several models have."""
    models = [next(part["circumstances"]["model"] for part in r["parts"].values() if "printed" not in part)
              for r in all_results]
    rows = []
    for name in PARTS:
        parts = [r["parts"].get(name, {}).get("rows", []) for r in all_results]
        for i, row in enumerate(parts[0]):
            cells = [f"{ratio(p[i])[1]:.2f}; {number(statistics.median(p[i]['side_values']))}"
                     if i < len(p) and "missing" not in p[i] else "" for p in parts]
            if any(cells[1:]):
                rows.append([row["what"], row["peer"], row["unit"], *cells])
    head = ["what", "beside", "unit", *(f"{model.removesuffix('.gguf')}: ratio; MAGNET" for model in models)]
    return grid(head, rows) if rows else ""


BLOCKS = (contexts, callers, neighbours, memory)
