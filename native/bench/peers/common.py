"""What the PyTorch peers share: the reference's model and masks, padding, threads, and what they say of the run."""
import os
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "reference"))

from model import SPAN, allowed  # noqa: E402


def pad(rows):
    """Rows of tokens, roles and positions -> ids, positions (B,T) and mask (B,1,T,T) bool.

    Padding is SPAN behind everything: by the attention rule no token of the row sees it.
    """
    longest = max(len(row["tokens"]) for row in rows)

    def matrix(key, fill):
        return torch.tensor([row[key] + fill(row) * (longest - len(row[key])) for row in rows])

    ids, roles = matrix("tokens", lambda row: [0]), matrix("roles", lambda row: [SPAN])
    positions = matrix("positions", lambda row: [max(row["positions"]) + 1])
    return ids, positions, allowed(roles, positions)[:, None]


def reset_peak():
    """Forgets the peak of resident memory so far (Linux)."""
    with open("/proc/self/clear_refs", "w") as out:
        out.write("5")


def peak_mb():
    """Peak resident memory since reset_peak, MB (10^6 bytes)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith("VmHWM"))


def circumstances():
    """What the figures depend on: versions, threads, the instruction sets that PyTorch was held to, and the load."""
    limits = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS")
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "aten_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "limits": {name: os.environ[name] for name in limits if name in os.environ},
        "load_1min": round(os.getloadavg()[0], 2),
    }
