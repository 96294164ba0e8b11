"""The parts of the benchmark: each runs both sides of something, and returns rows of the table and points of curves."""
import array
import contextlib
import json
import math
import operator
import os
import re
import statistics
import subprocess

from commands import Failed, json_lines, run
from rows import missing, paired

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")


@contextlib.contextmanager
def server(command):
    """A side that does its work once for every line it is sent: a function that returns the JSON of one run."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)

    def once():
        process.stdin.write("\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise Failed(f"{' '.join(map(str, command))} ended with {process.wait()}")
        return json.loads(line)

    try:
        yield once
    finally:
        process.stdin.close()
        process.wait()


def in_turn(rounds, *sides):
    """Runs of every side, A B, B A, A B ...; a first round of each warms up."""
    for side in sides:
        side()
    runs = [[] for _ in sides]
    for number in range(rounds):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for i in order:
            runs[i].append(sides[i]())
    return runs


# ------------------------------------------------------------------------------------------------ beside llama.cpp

TARGETS = {
    "prompt": (">=", 0.98),
    "decode": (">=", 0.98),
    "embed": (">=", 6.0),
    "infill, first token": ("<=", 1.05),
    "infill, further tokens": ("<=", 1.02),
}


def number_after(words, text):
    """The number behind these words; NaN, with which nothing agrees, where there is none."""
    found = re.search(rf"{words} (\S+)", text)
    try:
        return float(found[1]) if found else math.nan
    except ValueError:
        return math.nan


def agrees(agreement):
    """Whether what bench-inference says of the two sides' results is good enough; None where it compares nothing."""
    if not agreement or agreement.startswith("v. "):  # names what the times are compared with
        return None
    if found := re.fullmatch(r"(\d+) of (\d+) tokens the same", agreement):
        return found[1] == found[2] != "0"
    return 0.99 <= number_after("lowest cosine", agreement) < math.inf


def inference(b):
    """Prompt, decoding, embedding, infilling beside unpatched llama.cpp."""
    out = b.work / "inference.json"
    command = [*b.wrap, b.bin / "bench-inference", b.model, "--threads", b.threads, "--repeat", b.pick(5, 1), "--texts",
               b.texts, "--n-texts", b.pick(200, 50), "--json", out]
    run(command)
    rows = []
    for row in json.loads(out.read_text(encoding="utf-8"))["rows"]:
        by_time = row["ratio_of"] == "time"

        def values(runs, clock="s"):
            return [(r[clock] if by_time else row["amount"] / r[clock]) for r in row[runs]]

        target = next(target for name, target in TARGETS.items() if row["what"].startswith(name))
        rows.append(paired(row["what"], "s" if by_time else row["unit"], values("side_runs"), values("peer_runs"),
                           side_cpu=values("side_runs", "cpu_s"), peer_cpu=values("peer_runs", "cpu_s"),
                           side="magnet", peer="llama.cpp", target=target, note=row["agreement"],
                           agrees=agrees(row["agreement"])))
    return rows, []


# ------------------------------------------------------------------------------------------------ beside PyTorch

def vectors(path, count):
    data = array.array("f")
    with open(path, "rb") as file:
        data.frombytes(file.read())
    width = len(data) // count
    return [data[i * width : (i + 1) * width] for i in range(count)]


def dot(x, y):
    return sum(map(operator.mul, x, y))


def cosine(x, y):
    """NaN where a vector is zero or holds no numbers."""
    squares = dot(x, x) * dot(y, y)
    return dot(x, y) / math.sqrt(squares) if squares > 0 else math.nan


def embedding(b):
    """Sentence embedding beside PyTorch + transformers, batches sorted by length."""
    what = "embed, bidirectional, mean"
    if why := b.without_torch():
        return [missing(what, f"PyTorch {precision}", why) for precision in ("bf16", "fp32")], []
    rows = []
    limit, ours, theirs = b.pick(500, 100), b.work / "ours.f32", b.work / "theirs.f32"
    how = ["--attention", "bidirectional", "--pooling", "mean", "--limit", limit, "--threads", b.threads, "--serve"]
    with server([b.bin / "bench-embed", b.model, b.texts, *how, "--out", ours]) as magnet:
        for precision, target, alike in (("bf16", (">=", 2.5), 0.99), ("fp32", None, 0.999)):
            peer = [b.python, f"{PEERS}/torch_embed.py", b.model, b.texts, "--precision", precision, *how, "--out",
                    theirs]
            with server(peer) as torch:
                a, t = in_turn(b.pick(5, 1), magnet, torch)
            if a[0]["tokens"] != t[0]["tokens"]:
                raise Failed(f"the sides read {a[0]['tokens']} and {t[0]['tokens']} tokens for the same texts")
            count = a[0]["sentences"]
            same = list(map(cosine, vectors(ours, count), vectors(theirs, count)))
            rows.append(paired(f"{what}, {count} sentences", "sentences/s", [count / r["seconds"] for r in a],
                               [count / r["seconds"] for r in t], side_cpu=[count / r["cpu_seconds"] for r in a],
                               peer_cpu=[count / r["cpu_seconds"] for r in t], side="magnet",
                               peer=f"PyTorch {precision}", **({"target": target} if target else {}),
                               note=f"median cosine {statistics.median(same):.4f}, lowest {min(same):.3f}; "
                                    f"{a[0]['tokens'] / count:.1f} tokens a sentence",
                               agrees=all(map(math.isfinite, same)) and statistics.median(same) >= alike))
    return rows, []


CHECK_STEPS = 3  # every step makes the rounding of the ones before it larger
ALIKE = 1e-3  # relative; a learning rate or a LoRA scale 1 % off is more by the third step, rounding a tenth of it


def losses_apart(ours, theirs):
    """Largest relative difference of two runs' losses in their first and last steps; NaN where one is no number."""
    steps = ("first_losses", "last_losses")
    pairs = [(ours[step][name], loss) for step in steps for name, loss in theirs[step].items()]
    if any(mine is None for mine, _ in pairs):  # how bench-train writes NaN
        return math.nan
    differences = [abs(mine - loss) / abs(loss) for mine, loss in pairs]
    return max(differences) if all(map(math.isfinite, differences)) else math.nan


def check_training(b, engines):
    """For each engine: how far its losses get from PyTorch's, from the same adapter on and with the same batches.

    In float32, since bfloat16 rounds in many ways.
    """
    batches = b.work / "check.jsonl"
    make = ["--steps", CHECK_STEPS, "--rows", 2, "--length", 64, "--pairs", 4]
    batches.write_text(run([b.python, f"{PEERS}/batches.py", b.model, *make]), encoding="utf-8")
    how = ["--warm-up", 0, "--threads", b.threads]
    theirs = json.loads(run([b.python, f"{PEERS}/torch_train.py", b.model, "--batches", batches, "--precision", "fp32",
                             "--steps", CHECK_STEPS, *how]))

    def apart(engine):
        command = [b.bin / "bench-train", b.model, batches, "--precision", "f32", "--engine", engine, *how]
        return losses_apart(json.loads(run(command)), theirs)

    return {engine: apart(engine) for engine in engines}


def beside_peft(b, engine, repeat, steps):
    """What train.py measures of an engine: a row for every precision of PyTorch."""
    out = b.work / "training.json"
    run([b.python, f"{HERE}/train.py", b.model, "--bench", b.bin / "bench-train", "--engine", engine, "--threads",
         b.threads, "--repeat", repeat, "--steps", steps, "--json", out])
    return json.loads(out.read_text(encoding="utf-8"))["rows"]


def training_rows(what, measured, target, apart):
    """Speed, then memory."""
    ours, theirs = measured["ours"], measured["pytorch"]

    def columns(clock, key):
        return {f"side_{clock}": [r[key] for r in ours], f"peer_{clock}": [r[key] for r in theirs]}

    shape = f"{measured['rows']} x {measured['length']} tokens, {ours[0]['tokens_per_step']} a step"
    common = {"side": "magnet", "peer": f"PyTorch + PEFT, {measured['precision']}", "agrees": apart <= ALIKE,
              "note": f"{shape}; losses of step 1 and {CHECK_STEPS} in float32 within {apart:.0e} of each other"}
    return [paired(what, "tokens/s", **columns("values", "tokens_per_s"), **columns("cpu", "tokens_per_cpu_s"),
                   target=target, **common),
            paired(f"{what}: peak memory", "MB", **columns("values", "peak_rss_mb"), target=("<=", 0.4), **common)]


def training(b):
    """LoRA training, three objectives, by either engine, beside PyTorch + PEFT."""
    what = {"fused": "train, three objectives, rank 16", "graph": "train, three objectives, rank 16, graph engine"}
    if why := b.without_torch():
        return [missing(name, "PyTorch + PEFT", why) for name in what.values()], []
    apart = check_training(b, what)
    faster = 4.0 if "amx_tile" in b.machine["cpu"]["isa"] else 1.3
    rows = []
    for measured in beside_peft(b, "fused", b.pick(3, 1), b.pick(4, 1)):
        rows += training_rows(what["fused"], measured, (">=", faster), apart["fused"])
    for measured in beside_peft(b, "graph", b.pick(2, 1), b.pick(3, 1)):
        rows += training_rows(what["graph"], measured, (">=", 1.0), apart["graph"])[:1]  # no aim for its memory
    return rows, []


# ------------------------------------------------------------------------------------------------ the JVM

def java(b):
    """The Java API beside the magnet program, a JNI binding and an ONNX encoder; start-up."""
    if why := b.without_java():
        return [missing("Java API", "magnet program, JNI, ONNX", why)], []
    out = b.work / "java.json"
    properties = {"magnet.library": b.lib, "magnet.binary": b.bin / "magnet", "magnet.model": b.model,
                  "bench.quick": "true" if b.quick else "false", "bench.threads": b.threads,
                  "bench.sts": b.sts or "", "bench.adapter": b.adapter or ""}
    run([b.java, "--enable-native-access=ALL-UNNAMED", *(f"-D{name}={value}" for name, value in properties.items()),
         "-cp", b.classpath(), "dev.magnet.bench.Main", out], cwd=b.work)
    rows = []
    for row in json.loads(out.read_text(encoding="utf-8"))["rows"]:
        agreement = row.pop("agreement", None)
        if agreement:
            row["note"] = agreement
            row["agrees"] = agreement == "same text" or 0 <= number_after("within", agreement) <= 1e-3
        if row["peer"] == "magnet program":
            row["target"] = (">=", 0.97)
        elif row["peer"] == "one packed call":
            row["target"] = (">=", 0.9)
        rows.append(row)
    return rows, []


# ------------------------------------------------------------------------------------------------ how it scales

def scaling(b):
    """Embedding against length and batch; infilling against context and gaps."""
    quick = ["--repeat", 1, "--seconds", 0.1, "--lengths", "8,32,128,512", "--batches", "1,16", "--contexts",
             "512,1024,2048", "--gaps", "4"]
    how = ["--threads", b.threads, *b.pick(["--repeat", 2], quick)]
    return [], [point for curve in ("embed", "infill")
                for point in json_lines(run([*b.wrap, b.bin / "bench-scaling", b.model, "--only", curve, *how]))]


def mask(b):
    """Seconds that the mask takes, for one token, by number of keys."""
    return [], json_lines(run([*b.wrap, b.bin / "bench-mask", *b.pick([], ["--repeat", 2, "--seconds", 0.02])]))


def training_run(b, shape):
    """bench-train on batches of a shape: two measured steps."""
    batches = b.work / "-".join(map(str, ("batches", shape["rows"], shape["length"])))
    if not batches.exists():
        batches.write_text(run([b.python, f"{PEERS}/batches.py", b.model, "--steps", 3, "--rows", shape["rows"],
                                "--length", shape["length"], "--pairs", 32]), encoding="utf-8")
    return json.loads(run([b.bin / "bench-train", b.model, batches, "--rank", shape["rank"], "--threads", b.threads,
                           "--warm-up", 1]))


def training_scaling(b):
    """Training against rank, rows and row length: speed and memory."""
    if why := b.without_torch():
        return [missing("training by rank, rows, length", "none (batches.py needs PyTorch)", why)], []
    shapes = [{"rank": r} for r in b.pick((4, 8, 16, 32, 64), (4, 64))]
    shapes += [{"rows": r} for r in b.pick((2, 5, 20), (2,))]
    shapes += [{"length": n} for n in b.pick((32, 64, 256, 512), (256,))]
    shapes = [{"rank": 16, "rows": 10, "length": 128, **s} for s in shapes]
    # all shapes, then all of them again: what the machine does meanwhile shows in the spread
    rounds = [[training_run(b, shape) for shape in shapes] for _ in range(b.pick(2, 1))]
    points = []
    for shape, *runs in zip(shapes, *rounds):
        columns = {name: [r[name] for r in runs] for name in ("tokens_per_s", "tokens_per_cpu_s", "peak_rss_mb")}
        points.append({"curve": "training", **shape, "tokens_per_step": runs[0]["tokens_per_step"], **columns})
    return [], points


PARTS = {"inference": inference, "embedding": embedding, "training": training, "java": java, "scaling": scaling,
         "training-scaling": training_scaling, "mask": mask}
