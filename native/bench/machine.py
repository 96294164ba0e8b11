"""What figures have to be read with: the machine, the versions, and how busy it was."""
import os
import pathlib
import platform
import re
import subprocess

ISA = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_tile", "amx_bf16", "amx_int8")
HERE = pathlib.Path(__file__).resolve().parent


def output(*command):
    """First line of what a command prints, or None where it cannot be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return (done.stdout.splitlines() or [""])[0].strip()


def cpu():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")

    def field(name):
        found = re.search(rf"^{name}\s*: (.*)$", text, re.MULTILINE)
        return found[1] if found else "unknown"

    flags = set(field("flags").split())
    return {"model": field("model name"), "family": field("cpu family"), "isa": [name for name in ISA if name in flags]}


def memory_gib():
    text = pathlib.Path("/proc/meminfo").read_text(encoding="utf-8")
    return round(int(re.search(r"MemTotal:\s*(\d+)", text)[1]) / 2**20, 1)


def describe(build, threads):
    """Does not change while a benchmark runs."""
    cache = (build / "release" / "CMakeCache.txt").read_text(encoding="utf-8")
    compiler = re.search(r"CMAKE_CXX_COMPILER:[A-Z]+=(.*)", cache)
    return {
        "cpu": cpu(),
        "processors": os.cpu_count(),
        "threads": threads,
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "compiler": output(compiler[1], "--version") if compiler else None,
        "build_type": re.search(r"CMAKE_BUILD_TYPE:[A-Z]+=(.*)", cache)[1],
        "magnet": output(build / "bin" / "magnet", "--version"),
    }


def revision():
    """Of the sources, with -dirty where what is measured was edited since; None outside git."""
    commit = output("git", "-C", HERE, "rev-parse", "--short", "HEAD")
    measured = [HERE.parents[1] / part for part in ("CMakeLists.txt", "native", "bindings", "java", "adapters")]
    edited = commit and output("git", "-C", HERE, "status", "--porcelain", "--", *measured)
    return f"{commit}-dirty" if edited else commit


def load():
    return [round(value, 2) for value in os.getloadavg()]
