"""How the benchmarks measure: cases in turn, medians, ratios; memory in processes of their own."""

from __future__ import annotations

import functools
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Case = Callable[[], object]

Standings = dict[str, dict[str, tuple[float, float | None]]]  # by setting and case
EQUAL = 1.02  # errors are equal within this factor

_PAUSE = 0.3  # seconds


def seconds(cases: dict[str, Case], repeats: int) -> dict[str, float]:
    """Return the median seconds of each case, run in turn so that drifts hit all alike.

    Idle threads of one case's library spin for a while: each case begins after they have gone to
    sleep.
    """
    times: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(repeats + 1):
        for name, case in cases.items():
            time.sleep(_PAUSE)
            start = time.perf_counter()
            case()
            if repeat:  # the first round warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_megabytes(script: str, *arguments: str) -> float:
    """Return what ``script --memory arguments`` prints: its peak beside the data, in MB."""
    command = [sys.executable, script, "--memory", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def extra_megabytes(case: Case) -> float:
    """Return by how much a case raises the resident memory of this process at its peak (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = _status("VmRSS")
    case()
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


def table(head: list[str], rows: list[list[object]]) -> str:
    """Return a Markdown table, floats with three digits."""
    cells = [[_text(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(cell: object) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def against_peers(standings: Standings) -> str:
    """Return how long each peer takes over the fastest of ours whose error is equal or smaller."""
    rows: list[list[object]] = []
    for setting, cases in standings.items():
        ours = {name: case for name, case in cases.items() if name.startswith("sketch")}
        for peer, (taken, error) in cases.items():
            if peer in ours or error is None or not ours:
                continue
            fit = {name: s for name, (s, e) in ours.items() if e is not None and e <= EQUAL * error}
            best = min(fit, key=lambda name: fit[name], default="**none as accurate**")
            rows.append([setting, peer, taken / fit[best] if fit else "", best])
    return table(["", "peer", "over ours", "our fastest of equal error"], rows)


@functools.cache
def installed(package: str) -> str | None:
    """Return the version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> str:
    """Describe the machine and the versions in one line."""
    packages = (
        *("numpy", "scipy", "numba", "scikit-learn", "torch", "dask"),
        *("tt-sketch", "tensorly", "torchtt", "teneva", "quimb"),
    )
    found = [f"{name} {number}" for name in packages if (number := installed(name))]
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{threads} threads; " + ", ".join(found)
    )
