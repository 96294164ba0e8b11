"""Running the programs that measure."""
import json
import subprocess


class Failed(Exception):
    """A side could not be run."""


def run(command, both=False, **how):
    """What a command prints; with both, on standard error, too."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT if both else subprocess.PIPE, text=True, **how)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{(done.stdout if both else done.stderr)[-2000:]}")
    return done.stdout


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
