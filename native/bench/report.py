"""The page of a benchmark: benchmarks.md.in with a table or plot for every line "@NAME", from the results of run.py."""
import pathlib
import re
import statistics

from rows import points, ratio, target_met

HERE = pathlib.Path(__file__).resolve().parent


def grid(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value):
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values):
    return f"{number(statistics.median(values))} ({number(min(values))}-{number(max(values))})"


def machine(results):
    m = results["machine"]
    how = f"{m['cpu']['model']} ({', '.join(m['cpu']['isa'])}), {m['processors']} processors, {m['memory_gib']} GiB"
    loads = {name: part["load_before"][0] for name, part in results["parts"].items()}
    lines = [f"* {how}; {m['system']}", f"* {m['magnet']}; {m['compiler']}, {m['build_type']}",
             f"* {results['model']}, {m['threads']} threads for every side",
             "* load average when each part began: " + ", ".join(f"{name} {load}" for name, load in loads.items())]
    if results["quick"]:
        lines.append("* **measured with --quick**: too few runs to judge by")
    return "\n".join(lines)


def table(results):
    rows = []
    for part in results["parts"].values():
        for row in part.get("rows", []):
            if "missing" in row:
                rows.append([row["what"], row["peer"], "", "", "", "", "", "", f"not measured: {row['missing']}"])
                continue
            low, middle, high = ratio(row)
            met = target_met(row)
            target = f"{row['target'][0]} {row['target'][1]:g}" if "target" in row else ""
            cpu = ""
            if "side_cpu" in row:
                cpu = number(ratio({**row, "side_values": row["side_cpu"], "peer_values": row["peer_cpu"]})[1])
            rows.append([row["what"], row["peer"], row["unit"], spread(row["side_values"]), spread(row["peer_values"]),
                         f"{middle:.2f} ({low:.2f}-{high:.2f})", cpu, target + {None: "", True: " ✓", False: " ✗"}[met],
                         ("**the sides disagree**: " if row.get("agrees") is False else "") + row.get("note", "")])
    rows += [[name, "", "", "", "", "", "", "", f"**failed**: {part['failed'].splitlines()[0]}"]
             for name, part in results["parts"].items() if "failed" in part]
    return grid(["what", "beside", "unit", "MAGNET", "peer", "ratio", "by CPU time", "target", "results of the two"], rows)


def embed(results):
    found = points(results, "embed")
    batches = sorted({p["texts"] for p in found})
    rows = []
    for length in sorted({p["length"] for p in found}):
        row = {p["texts"]: p for p in found if p["length"] == length}
        rows.append([length, *(number(row[n]["tokens"] / statistics.median(row[n]["s"])) for n in batches)])
    return grid(["tokens of a text", *(f"{n} a call, tokens/s" for n in batches)], rows) if rows else ""


def infill_rows(found):
    rows = []
    for p in found:
        first, prompt = statistics.median(p["first_s"]), statistics.median(p["prompt_s"])
        steps = p["generated"] - 1
        further, decode = (statistics.median(p[k]) / steps * 1000 for k in ("further_s", "decode_s"))
        rows.append([p["tokens"], p["gaps"], p["context"], number(first), number(prompt), f"{first / prompt:.2f}",
                     number(further), number(decode), f"{further / decode:.2f}"])
    return grid(["context", "gaps", "mask", "first token, s", "causal prompt, s", "ratio", "further token, ms",
                 "causal decode, ms", "ratio"], rows) if rows else ""


def infill(results):
    return infill_rows([p for p in points(results, "infill") if p["gaps"] == 1])


def gaps(results):
    found = points(results, "infill")
    many = {p["tokens"] for p in found if p["gaps"] > 1}
    return infill_rows([p for p in found if p["tokens"] in many])


def training(results):
    rows = [[p["rank"], p["rows"], p["length"], number(p["tokens_per_step"]), number(p["tokens_per_s"]),
             number(p["peak_rss_mb"])] for p in points(results, "training")]
    return grid(["rank", "rows", "tokens of a row", "tokens a step", "tokens/s", "peak memory, MB"], rows) if rows else ""


def mask(results):
    found = points(results, "mask")
    kinds = sorted({(p["what"], p["tokens"] == 1) for p in found})
    rows = []
    for keys in sorted({p["keys"] for p in found}):
        row = [keys]
        for what, one in kinds:
            values = [statistics.median(p["s"]) * 1e6 for p in found
                      if p["keys"] == keys and p["what"] == what and (p["tokens"] == 1) == one]
            row.append(number(max(values)))
        rows.append(row)
    head = [f"{what}, {'one token' if one else 'a batch'}" for what, one in kinds]
    return grid(["keys", *(f"{name}: µs a token" for name in head)], rows) if rows else ""


BLOCKS = {block.__name__: block for block in (machine, table, embed, infill, gaps, training, mask)}


def write(results, page):
    """The page, and its plots in the folder img beside it where matplotlib is installed."""
    try:
        import plots
    except ImportError:
        plots = None
    page.parent.mkdir(parents=True, exist_ok=True)
    drawn = plots.draw(results, page.parent / "img") if plots else {}

    def block(match):
        name = match[1]
        if name.startswith("plot-"):
            file = drawn.get(name[5:])
            return f"![{name[5:]}](img/{file.name})" if file else ""
        return BLOCKS[name](results) or "Not measured."

    text = (HERE / "benchmarks.md.in").read_text(encoding="utf-8")
    page.write_text(re.sub(r"^@([a-z-]+)$", block, text, flags=re.MULTILINE), encoding="utf-8")
