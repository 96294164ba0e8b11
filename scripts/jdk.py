"""Finds a JDK that MAGNET runs on."""
import os
import pathlib
import re
import subprocess

OLDEST = 22


def find_java():
    """`java` of at least version 22: JAVA_HOME's, the one on PATH, or any in the usual folder. None if there is none."""
    own = [pathlib.Path(os.environ["JAVA_HOME"], "bin", "java")] if os.environ.get("JAVA_HOME") else []
    for java in [*own, "java", *sorted(pathlib.Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)]:
        try:
            done = subprocess.run([java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError:
            continue
        version = re.search(r'version "(\d+)', done.stdout)
        if version and int(version[1]) >= OLDEST:
            return java
    return None
