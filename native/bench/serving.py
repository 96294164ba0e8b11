"""What a server does, beside stock llama.cpp: parts that are small enough to be run one by one on a busy machine.

Rows are of the same points as the curves, so that a part's figures stand in one run.
"""
import contextlib
import os
import subprocess

from commands import Failed, json_lines, run
from rows import missing, paired, single

CONTEXTS = (64, 512, 2048, 4096, 8000)
CALLERS = (1, 2, 4, 8, 16, 32, 64)


def measured(b, program, *words, **how):
    return json_lines(run([*b.wrap, program, *words], **how))


def serve(b, what, *words, library=None):
    """Points of bench-serving; library: a folder with another libmagnet than that of the build."""
    how = ["--threads", b.threads, "--seconds", b.pick(b.seconds, 1), "--repeat", b.pick(5, 1)]
    env = {**os.environ, "LD_LIBRARY_PATH": str(library)} if library else None
    return measured(b, b.bin / "bench-serving", b.model, what, *words, *how, env=env)


# What is aimed at with so many tokens.
PROMPT_AT_LEAST = {512: 4.0, 4096: 5.0, 8000: 6.0}
DECODE_AT_MOST = {64: 1.0, 4096: 0.7}
CALLERS_AT_LEAST = {1: 1.0, 16: 2.0}
GAP_AT_MOST = {512: 0.4, 4096: 0.4, 8000: 0.4}


def aim(kind, bounds, n):
    return {"target": (kind, bounds[n])} if n in bounds else {}


def context(n):
    def part(b):
        """Prompt, decoding after it and the first token of a gap by length of context, beside stock llama.cpp."""
        point, = serve(b, "context", n, "--generate", 16)
        side, peer, tokens = point["side"], point["peer"], point["tokens"]
        rows = [paired(f"prompt, {tokens} tokens", "tokens/s", [tokens / s for s in side["prompt_s"]],
                       [tokens / s for s in peer["prompt_s"]], peer="llama.cpp", **aim(">=", PROMPT_AT_LEAST, n),
                       note=f"{point['same']} of {point['generated']} tokens the same"),
                paired(f"decode after {tokens} tokens", "ms a token", [1000 * s for s in side["token_s"]],
                       [1000 * s for s in peer["token_s"]], peer="llama.cpp", **aim("<=", DECODE_AT_MOST, n)),
                paired(f"first token of a gap, hybrid context of {tokens} tokens", "s", side["gap_s"], peer["prompt_s"],
                       peer="llama.cpp", note="v. its causal prompt", **aim("<=", GAP_AT_MOST, n))]
        return rows, [point]
    return part


def callers(n):
    def part(b):
        """Callers at once, default options, beside one batch of stock llama.cpp."""
        point, *alone = serve(b, "callers", n, *([1] if n == 16 else []))
        what = "1 caller" if n == 1 else f"{n} callers together"
        rows = [paired(f"{what}, decoding", "tokens/s", point["side"]["decode_rate"], point["peer"]["decode_rate"],
                       peer="llama.cpp, one batch", **aim(">=", CALLERS_AT_LEAST, n))]
        rows += [{"what": f"{what}, decoding", "unit": "tokens/s", "side_values": point["side"]["decode_rate"],
                  "peer_values": one["side"]["decode_rate"], "peer": "a single caller", "target": (">=", 4.0)}
                 for one in alone]
        return rows, [point]
    return part


def arrival(b):
    """A prompt of 512 tokens that comes while 16 callers decode."""
    point, = serve(b, "arrival", 16, "--generate", 64)
    side, peer = point["side"], point["peer"]
    what = f"beside 16 callers, a prompt of {point['tokens']} tokens"
    return [paired(f"{what}: first token", "s", side["first_s"], peer["first_s"], peer="llama.cpp, one batch"),
            paired(f"{what}: longest wait of the 16 for a token", "s", side["stall_s"], peer["stall_s"],
                   peer="llama.cpp, one batch")], [point]


def neighbour(b):
    """Decoding beside a busy process, default options, beside fixed numbers of threads."""
    points = serve(b, "neighbour")
    busy = next(p for p in points if p["busy"] == 1)
    fixed = {how: rates for how, rates in busy["side"].items() if how != "default"}

    def beside(name, rates, **more):
        how = max(rates, key=lambda how: sum(rates[how]))
        return paired("decode beside one busy process", "tokens/s", busy["side"]["default"], rates[how],
                      peer=f"{name}, {how.replace('_', ' ')}", **more)

    rows = [beside("its own best fixed number", fixed, target=(">=", 0.8)),
            beside("llama.cpp at its best", busy["peer"])]
    return rows, points


# ------------------------------------------------------------------------------------------------ memory

def stock_peak(b, n):
    """Peak memory of stock llama.cpp after a prompt of n tokens and one more, in MB, and the seconds that they took."""
    command = [*b.wrap, b.stock / "bench-llama", b.model, b.threads]
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    process.stdin.write(f"generate 16 {' '.join(str(100 + i % 900) for i in range(n))}\n")
    process.stdin.flush()
    answer = process.stdout.readline().split()
    peak = None
    with contextlib.suppress(OSError):
        peak = peak_of(process.pid, "bench-llama")
    process.stdin.close()
    if process.wait() != 0 or not peak:
        raise Failed(f"bench-llama ended with {process.returncode}")
    return {"peak_mb": peak, "prompt_rate": n / float(answer[0]), "token_s": float(answer[2]) / 15}


def peak_of(pid, name):
    """VmHWM of this process, or of the one below it that has this name, in MB."""
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        if file.read().strip() != name:
            children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], stdout=subprocess.PIPE, text=True)
            return next(filter(None, (peak_of(int(child), name) for child in children.stdout.split())), None)
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


WAYS = (("copied", "f16"), ("stored", "f16"), ("stored", "q8_0"))


def memory(b):
    """Peak memory and speed by how weights and cache are kept."""
    n = b.pick(4096, 256)
    ways = {}
    for weights, cache in WAYS:
        point, = measured(b, b.bin / "bench-memory", b.model, "--weights", weights, "--cache-type", cache, "--context",
                          n)
        ways[weights, cache] = {**point, "weights": weights, "cache": cache}
    stock = {"curve": "memory", "weights": "llama.cpp", "cache": "f16", "context": n, **stock_peak(b, n)}
    copied, stored, small = (ways[way] for way in WAYS)
    rows = [single("load and first vectors, --weights stored: peak memory", "MB", stored["embedded_mb"],
                   copied["file_mb"], peer="size of the weights in the file", target=("<=", 2.0)),
            single("embed, --weights stored", "tokens/s", stored["embed_rate"], copied["embed_rate"],
                   peer="--weights copied", target=(">=", 0.5)),
            single(f"a context of {stored['context']} tokens, --weights stored --cache-type q8_0: peak memory", "MB",
                   small["peak_mb"], stock["peak_mb"], peer="llama.cpp, f16 cache")]
    return rows, [*ways.values(), stock]


# ------------------------------------------------------------------------------------------------ builds, rounding

def portable(b):
    """The portable build beside the one that is tuned to this machine."""
    if not b.portable:
        return [missing("portable build", "tuned build", "--portable names no build")], []
    rows = []
    for what, size, key, unit, scale in (("context", 512, "prompt_s", "tokens/s", None),
                                         ("callers", 1, "decode_rate", "tokens/s", 1),
                                         ("callers", 16, "decode_rate", "tokens/s", 1)):
        sides = {}
        for name, library in (("portable", b.portable), ("tuned", None)):
            point, = serve(b, what, size, "--alone", library=library)
            values = point["side"][key]
            sides[name] = values if scale else [point["tokens"] / s for s in values]
        label = f"prompt, {size} tokens" if what == "context" else f"{size} caller{'s' if size > 1 else ''}, decoding"
        rows.append({"what": f"portable build: {label}", "unit": unit, "side_values": sides["portable"],
                     "peer_values": sides["tuned"], "peer": "build tuned to the machine"})
    return rows, []


def divergence(b):
    """Next-token distributions: KL divergence from F32 weights, beside stock llama.cpp's with the same file."""
    what = "KL divergence from F32 weights"
    if not b.prose:
        return [missing(what, "llama.cpp", "--prose names no text")], []
    reference = b.work / "f32.gguf"
    if not reference.exists():
        run([b.build / "release" / "tests" / "dequantize", b.model, reference])
    counts = b.pick([], ["--decoded", 16, "--prompts", 2])
    points = measured(b, b.bin / "bench-kl", b.model, reference, b.prose, "--threads", b.threads, *counts)
    names = {"decoded": "tokens decoded", "prompts": "prompts"}
    return [single(f"{what}, {p['positions']} {names[p['what']]}", "nats", p["side"], p["peer"], peer="llama.cpp",
                   target=("<=", 1.0)) for p in points], []


# ------------------------------------------------------------------------------------------------ ik_llama.cpp

def batched_bench(b, prompt, generated, at_once):
    """What llama-batched-bench of ik_llama.cpp says of one shape: tokens/s of prompts and of decoding."""
    command = [*b.wrap, b.ik / "build" / "bin" / "llama-batched-bench", "-m", b.model, "-c",
               (prompt + generated + 64) * at_once, "-b", 2048, "-ub", 512, "-npp", prompt, "-ntg", generated, "-npl",
               at_once, "-t", b.threads, "-fa", "on", *b.ik_flags]
    for line in run(command, both=True, cwd=b.work).splitlines():  # leaves a log where it runs
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 10 and cells[0] == str(prompt):
            return {"prompt": float(cells[5]), "decode": float(cells[7])}
    raise Failed(f"{' '.join(map(str, command))} printed no line for {prompt} tokens")


def ik_commit(b):
    done = subprocess.run(["git", "-C", str(b.ik / "src"), "rev-parse", "--short=10", "HEAD"], stdout=subprocess.PIPE,
                          text=True)
    return done.stdout.strip() or "unknown"


def relative(what, size):
    def part(b):
        """Beside ik_llama.cpp, built from its own sources: the same file, threads and lengths."""
        name = f"prompt of {size} tokens" if what == "context" else f"{size} callers"
        if not b.ik:
            return [missing(name, "ik_llama.cpp", "--ik names no folder")], []
        prompt, generated, at_once = (size, 16, 1) if what == "context" else (16, 48, size)
        ours, theirs = [], []
        for _ in range(b.pick(2, 1)):
            point, = serve(b, what, size, "--alone", *(["--generate", 16] if what == "context" else []))
            side = point["side"]
            ours.append({"prompt": point["tokens"] / min(side["prompt_s"]), "decode": 1 / min(side["token_s"])}
                        if what == "context" else {"decode": max(side["decode_rate"])})
            theirs.append(batched_bench(b, prompt, generated, at_once))
        def row(label, key, target):
            return paired(label, "tokens/s", [o[key] for o in ours], [t[key] for t in theirs], target=(">=", target),
                          peer=f"ik_llama.cpp {ik_commit(b)}")

        if what == "callers":
            label = "decode" if size == 1 else f"{size} callers together, decoding"
            return [row(label, "decode", 1.0)], []
        return [row(f"prompt, {size} tokens", "prompt", 1.3), row(f"decode after {size} tokens", "decode", 1.0)], []
    return part


PARTS = {**{f"context-{n}": context(n) for n in CONTEXTS}, **{f"callers-{n}": callers(n) for n in CALLERS},
         "arrival": arrival, "neighbour": neighbour, "memory": memory, "portable": portable, "divergence": divergence,
         **{f"ik-context-{n}": relative("context", n) for n in (512, 4096, 8000)},
         **{f"ik-callers-{n}": relative("callers", n) for n in (1, 16, 64)}}
