"""The page of a benchmark: benchmarks.md.in with a table or plot for every line "@NAME", from the results of run.py."""
import pathlib
import re

import blocks_serving
from cells import grid, number, spread, spread_ratio
from rows import paired, points, ratio, target_met

HERE = pathlib.Path(__file__).resolve().parent


def revisions(parts):
    """What was measured, by git: one revision, or whose it is beside each."""
    found = {}
    for name, part in parts.items():
        found.setdefault(part["revision"] or "unknown", []).append(name)
    return next(iter(found)) if len(found) == 1 else ", ".join(
        f"{revision} ({', '.join(names)})" for revision, names in found.items())


def machine(results):
    parts = {name: part for name, part in results["parts"].items() if "printed" not in part}
    shared = next(iter(parts.values()))["circumstances"]  # run.py puts no others together
    m = shared["machine"]
    how = f"{m['cpu']['model']} ({', '.join(m['cpu']['isa'])}), {m['processors']} processors, {m['memory_gib']} GiB"
    files = [shared["model"]] + [f"{what} {shared[key]}" for what, key in (("adapter", "adapter"), ("texts of", "sts"))
                                 if shared[key]]
    loads = [part["load_before"][0] for part in parts.values()]
    lines = [f"* {how}; {m['system']}", f"* {m['magnet']}, revision {revisions(parts)}; {m['compiler']}, "
             f"{m['build_type']}", f"* {', '.join(files)}; {m['threads']} threads for every side",
             f"* load average when a part began: {min(loads)} to {max(loads)}"]
    earlier = {name: part for name, part in results["parts"].items() if "printed" in part}
    if earlier:
        where = sorted({part["circumstances"]["machine"] for part in earlier.values()})
        lines.append(f"* measured earlier and kept, on {' and '.join(where)}: revision {revisions(earlier)} "
                     f"({', '.join(earlier)})")
    if shared["quick"]:
        lines.append("* **measured with --quick**: too few runs to judge by")
    return "\n".join(lines)


def row_cells(row):
    if "missing" in row:
        return [row["what"], row["peer"], "", "", "", "", "", "", f"not measured: {row['missing']}"]
    met = target_met(row)
    target = f"{row['target'][0]} {row['target'][1]:g}" if "target" in row else ""
    cpu = ""
    if "side_cpu" in row:
        cpu = number(ratio({**row, "side_values": row["side_cpu"], "peer_values": row["peer_cpu"]})[1])
    note = ("**the sides disagree**: " if row.get("agrees") is False else "") + row.get("note", "")
    return [row["what"], row["peer"], row["unit"], spread(row["side_values"]), spread(row["peer_values"]),
            spread_ratio(row), cpu, target + {None: "", True: " ✓", False: " ✗"}[met], note]


def table_of(parts):
    rows = []
    for name, part in parts.items():
        rows += part.get("printed", {}).get("rows", [])
        rows += [row_cells(row) for row in part.get("rows", [])]
        if "failed" in part:
            rows.append([name, "", "", "", "", "", "", "", f"**failed**: {part['failed'].splitlines()[0]}"])
    return grid(["what", "beside", "unit", "MAGNET", "peer", "ratio", "by CPU time", "target", "results of the two"],
                rows) if rows else ""


def kind(name):
    """Which of the page's tables a part's rows are in."""
    if name.startswith("ik-"):
        return "relative"
    return "serving" if name in blocks_serving.PARTS else "table"


def table(results):
    return table_of({name: part for name, part in results["parts"].items() if kind(name) == "table"})


def serving(results):
    """What is aimed at, and what no curve shows."""
    def in_table(name, row):
        return "target" in row or not name.startswith(("context-", "callers-"))

    return table_of({name: {**part, "rows": [row for row in part.get("rows", []) if in_table(name, row)]}
                     for name, part in results["parts"].items() if kind(name) == "serving"})


def relative(results):
    return table_of({name: part for name, part in results["parts"].items() if kind(name) == "relative"})


def embed(results):
    found = points(results, "embed")
    batches = sorted({p["texts"] for p in found})
    rows = []
    for length in sorted({p["length"] for p in found}):
        row = {p["texts"]: p for p in found if p["length"] == length}
        rows.append([length, *(spread([row[n]["tokens"] / s for s in row[n]["s"]]) for n in batches)])
    return grid(["tokens of a text", *(f"{n} a call, tokens/s" for n in batches)], rows) if rows else ""


def infill_rows(found):
    rows = []
    for p in found:
        row = [p["tokens"], p["gaps"], p["context"]]
        steps = p["generated"] - 1
        for side, peer, scale in (("first_s", "prompt_s", 1), ("further_s", "decode_s", 1000 / steps)):
            pair = paired("", "", *([s * scale for s in p[key]] for key in (side, peer)))
            row += [spread(pair["side_values"]), spread(pair["peer_values"]), spread_ratio(pair)]
        rows.append(row)
    return grid(["context", "gaps", "mask", "first token, s", "causal prompt, s", "ratio", "further token, ms",
                 "causal decode, ms", "ratio"], rows) if rows else ""


def infill(results):
    return infill_rows([p for p in points(results, "infill") if p["gaps"] == 1])


def gaps(results):
    found = points(results, "infill")
    many = {p["tokens"] for p in found if p["gaps"] > 1}
    return infill_rows([p for p in found if p["tokens"] in many])


def training(results):
    rows = [[p["rank"], p["rows"], p["length"], number(p["tokens_per_step"]), spread(p["tokens_per_s"]),
             spread(p["peak_rss_mb"])] for p in points(results, "training")]
    head = ["rank", "rows", "tokens of a row", "tokens a step", "tokens/s", "peak memory, MB"]
    return grid(head, rows) if rows else ""


def mask(results):
    found = points(results, "mask")
    kinds = sorted({(p["what"], p["tokens"] == 1) for p in found})
    rows = []
    for keys, context in sorted({(p["keys"], p["context"]) for p in found}):
        here = [p for p in found if (p["keys"], p["context"]) == (keys, context)]
        by_kind = {(p["what"], p["tokens"] == 1): spread([s * 1e6 for s in p["s"]]) for p in here}
        rows.append([keys, context, *(by_kind[kind] for kind in kinds)])
    head = [f"{what}, {'one token' if one else 'a batch'}" for what, one in kinds]
    return grid(["keys", "mask", *(f"{name}: µs a token" for name in head)], rows) if rows else ""


BLOCKS = {block.__name__: block for block in (machine, table, serving, relative, embed, infill, gaps, training, mask,
                                              *blocks_serving.BLOCKS)}


def printed(results, block):
    """A block that was measured earlier, as it was printed then."""
    found = (part["printed"].get(block) for part in results["parts"].values() if "printed" in part)
    return next(filter(None, found), None)


def write(results, beside, page, partial=False):
    """The page of results, those of other models beside them; plots in the folder img beside it, with matplotlib.

    partial: sections in which nothing was measured are left out.
    """
    try:
        import plots
    except ImportError:
        plots = None
    page.parent.mkdir(parents=True, exist_ok=True)
    prefix = "benchmark" if page.stem == "benchmarks" else page.stem
    drawn = plots.draw(results, page.parent / "img", prefix) if plots else {}

    def block(match):
        name = match[1]
        if name.startswith("plot-"):
            file = f"{prefix}-{name[5:]}.svg"
            kept = printed(results, name[5:]) and (page.parent / "img" / file).exists()
            return f"![{name[5:]}](img/{file})" if name[5:] in drawn or kept else ""
        if name == "sizes":
            return (blocks_serving.sizes([results, *beside]) if beside or not partial else "") or "Not measured."
        return BLOCKS[name](results) or printed(results, name) or "Not measured."

    text = (HERE / "benchmarks.md.in").read_text(encoding="utf-8")
    text = re.sub(r"^@([a-z-]+)$", block, text, flags=re.MULTILINE)
    page.write_text(measured_sections(text) if partial else text, encoding="utf-8")


def measured_sections(text):
    """text without the sections in which nothing was measured, and without headings that then have nothing below."""
    sections = [part for part in re.split(r"^(?=##+ )", text, flags=re.MULTILINE) if "Not measured." not in part]
    def empty(i):
        below = sections[i + 1] if i + 1 < len(sections) else ""
        return sections[i].count("\n\n") < 2 and sections[i].startswith("## ") and not below.startswith("### ")
    return "".join(part for i, part in enumerate(sections) if not empty(i)).rstrip() + "\n"
