"""Cells and tables of the page."""
import statistics

from rows import ratio


def grid(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value):
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values):
    """Median (least-largest), or the value alone where there is one."""
    middle = number(statistics.median(values))
    return f"{middle} ({number(min(values))}-{number(max(values))})" if len(values) > 1 else middle


def spread_ratio(row):
    low, middle, high = ratio(row)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})" if len(row["side_values"]) > 1 else f"{middle:.2f}"
