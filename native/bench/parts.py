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

from rows import missing, paired

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")


class Failed(Exception):
    """A side could not be run."""


def run(command, **how):
    """What a command prints."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return done.stdout


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@contextlib.contextmanager
def server(command):
    """A side that does its work once for every line it is sent: a function that returns the JSON of one run."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

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


def agrees(agreement):
    """Whether what bench-inference says of the two sides' results is good enough; None where it compares nothing."""
    if found := re.search(r"(\d+) of (\d+) tokens the same", agreement):
        return found[1] == found[2]
    if found := re.search(r"lowest cosine ([\d.]+)", agreement):
        return float(found[1]) >= 0.99
    return None


def inference(b):
    """Prompt, decoding, embedding, infilling beside unpatched llama.cpp."""
    out = b.work / "inference.json"
    command = [b.bin / "bench-inference", b.model, "--threads", b.threads, "--repeat", b.pick(5, 1), "--texts", b.texts,
               "--n-texts", b.pick(200, 50), "--json", out]
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


def cosines(a, b):
    def dot(x, y):
        return sum(map(operator.mul, x, y))

    def cosine(x, y):
        return dot(x, y) / math.sqrt(dot(x, x) * dot(y, y))

    return list(map(cosine, a, b))


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
            peer = [b.python, f"{PEERS}/torch_embed.py", b.model, b.texts, "--precision", precision, *how, "--out", theirs]
            with server(peer) as torch:
                a, t = in_turn(b.pick(5, 1), magnet, torch)
            if a[0]["tokens"] != t[0]["tokens"]:
                raise Failed(f"the sides read {a[0]['tokens']} and {t[0]['tokens']} tokens for the same texts")
            count = a[0]["sentences"]
            same = cosines(vectors(ours, count), vectors(theirs, count))
            rows.append(paired(f"{what}, {count} sentences", "sentences/s", [count / r["seconds"] for r in a],
                               [count / r["seconds"] for r in t], side_cpu=[count / r["cpu_seconds"] for r in a],
                               peer_cpu=[count / r["cpu_seconds"] for r in t], side="magnet",
                               peer=f"PyTorch {precision}", **({"target": target} if target else {}),
                               note=f"median cosine {statistics.median(same):.4f}, lowest {min(same):.3f}; "
                                    f"{a[0]['tokens'] / count:.1f} tokens a sentence",
                               agrees=statistics.median(same) >= alike))
    return rows, []


def losses_apart(b):
    """Largest relative difference of the losses of one step, both sides in float32; bfloat16 rounds in many ways."""
    batches = b.work / "check.jsonl"
    make = ["--steps", 1, "--rows", 2, "--length", 64, "--pairs", 4]
    batches.write_text(run([b.python, f"{PEERS}/batches.py", *make]), encoding="utf-8")
    how = ["--warm-up", 0, "--threads", b.threads]
    ours = json.loads(run([b.bin / "bench-train", b.model, batches, "--precision", "f32", *how]))["first_losses"]
    theirs = json.loads(run([b.python, f"{PEERS}/torch_train.py", b.model, "--batches", batches, "--precision", "fp32",
                             "--steps", 1, *how]))["first_losses"]
    return max(abs(ours[name] - theirs[name]) / abs(theirs[name]) for name in theirs)


def training(b):
    """LoRA training, three objectives, beside PyTorch + PEFT."""
    what = "train, three objectives, rank 16"
    if why := b.without_torch():
        return [missing(what, "PyTorch + PEFT", why)], []
    out = b.work / "training.json"
    run([b.python, f"{HERE}/train.py", b.model, "--bench", b.bin / "bench-train", "--threads", b.threads, "--repeat",
         b.pick(3, 1), "--steps", b.pick(4, 1), "--json", out])
    amx = "amx_bf16" in b.machine["cpu"]["isa"]
    apart, rows = losses_apart(b), []
    for row in json.loads(out.read_text(encoding="utf-8"))["rows"]:
        ours, theirs = row["ours"], row["pytorch"]

        def column(runs, key):
            return [r[key] for r in runs]

        shape = f"{row['rows']} x {row['length']} tokens, {ours[0]['tokens_per_step']} a step"
        common = {"side": "magnet", "peer": f"PyTorch + PEFT, {row['precision']}", "agrees": apart <= 1e-3,
                  "note": f"{shape}; losses of one step in float32 within {apart:.0e} of each other"}
        rows.append(paired(what, "tokens/s", column(ours, "tokens_per_s"), column(theirs, "tokens_per_s"),
                           side_cpu=column(ours, "tokens_per_cpu_s"), peer_cpu=column(theirs, "tokens_per_cpu_s"),
                           target=(">=", 4.0 if amx else 1.3), **common))
        rows.append(paired(f"{what}: peak memory", "MB", column(ours, "peak_rss_mb"), column(theirs, "peak_rss_mb"),
                           target=("<=", 0.4), **common))
    return rows, []


# ------------------------------------------------------------------------------------------------ the JVM

def java(b):
    """The Java API beside the magnet program, a JNI binding and an ONNX encoder; start-up."""
    if why := b.without_java():
        return [missing("Java API", "magnet program, JNI, ONNX", why)], []
    out = b.work / "java.json"
    properties = {"magnet.library": b.lib, "magnet.binary": b.bin / "magnet", "magnet.model": b.model,
                  "bench.quick": "true" if b.quick else "false", "bench.sts": b.sts or "",
                  "bench.adapter": b.adapter or ""}
    run([b.java, "--enable-native-access=ALL-UNNAMED", *(f"-D{name}={value}" for name, value in properties.items()),
         "-cp", b.classpath(), "dev.magnet.bench.Main", out], cwd=b.work)
    rows = []
    for row in json.loads(out.read_text(encoding="utf-8"))["rows"]:
        agreement = row.pop("agreement", None)
        if agreement:
            row["note"] = agreement
            within = re.search(r"within ([\d.e+-]+)", agreement)
            row["agrees"] = float(within[1]) <= 1e-3 if within else agreement == "same text"
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
    text = run([b.bin / "bench-scaling", b.model, "--threads", b.threads, *b.pick(["--repeat", 2], quick)])
    return [], json_lines(text)


def mask(b):
    """Seconds that the mask takes, for one token, by number of keys."""
    return [], json_lines(run([b.bin / "bench-mask", *b.pick([], ["--repeat", 2, "--seconds", 0.02])]))


def training_scaling(b):
    """Training against rank, rows and row length: speed and memory."""
    if why := b.without_torch():
        return [missing("training by rank, rows, length", "none (batches.py needs PyTorch)", why)], []
    shapes = [{"rank": r} for r in b.pick((4, 8, 16, 32, 64), (4, 64))]
    shapes += [{"rows": r} for r in b.pick((2, 5, 20), (2,))] + [{"length": n} for n in b.pick((32, 64, 256, 512), (256,))]
    points = []
    for shape in ({"rank": 16, "rows": 10, "length": 128, **s} for s in shapes):
        batches = b.work / "batches.jsonl"
        batches.write_text(run([b.python, f"{PEERS}/batches.py", "--steps", b.pick(4, 2), "--rows", shape["rows"],
                                "--length", shape["length"], "--pairs", 32]), encoding="utf-8")
        result = json.loads(run([b.bin / "bench-train", b.model, batches, "--rank", shape["rank"], "--threads", b.threads,
                                 "--warm-up", 1]))
        keep = ("tokens_per_step", "tokens_per_s", "tokens_per_cpu_s", "peak_rss_mb")
        points.append({"curve": "training", **shape, **{name: result[name] for name in keep}})
    return [], points


PARTS = {"inference": inference, "embedding": embedding, "training": training, "java": java, "scaling": scaling,
         "training-scaling": training_scaling, "mask": mask}
