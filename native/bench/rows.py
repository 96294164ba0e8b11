"""Rows of the table: one thing measured on two sides, several times each."""
import statistics


def paired(what, unit, side_values, peer_values, **more):
    """Runs in turn: the i-th of one side goes with the i-th of the other. Values are rates, unless by_time is given."""
    return {"what": what, "unit": unit, "side_values": side_values, "peer_values": peer_values, "paired": True, **more}


def single(what, unit, side_value, peer_value, **more):
    """Measured once on each side."""
    return paired(what, unit, [side_value], [peer_value], **more)


def missing(what, peer, why):
    return {"what": what, "peer": peer, "missing": why}


def ratio(row):
    """Least, median and largest ratio, side by peer."""
    side, peer = row["side_values"], row["peer_values"]
    if row.get("paired"):
        ratios = [a / b for a, b in zip(side, peer)]
        return min(ratios), statistics.median(ratios), max(ratios)
    return min(side) / max(peer), statistics.median(side) / statistics.median(peer), max(side) / min(peer)


def target_met(row):
    """None where nothing is aimed at."""
    if "target" not in row:
        return None
    kind, bound = row["target"]
    middle = ratio(row)[1]
    return middle >= bound if kind == ">=" else middle <= bound


SIZES = ("what", "context", "keys", "length", "texts", "tokens", "gaps", "rank", "rows", "callers", "busy", "weights",
         "cache")


def points(results, curve):
    """Of one curve; what was measured twice counts once."""
    found = [p for part in results["parts"].values() for p in part.get("points", []) if p["curve"] == curve]
    return list({tuple(p.get(size) for size in SIZES): p for p in found}.values())
