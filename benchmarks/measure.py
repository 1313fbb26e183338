"""Works are measured here, kept in results/measured.json, and shown as tables.

A work's rows are kept for each kind of OpenBLAS's kernels. Memory is taken in a process of its own
for each method: ``python measure.py WORK SIZE METHOD``.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cases import WORKS
from tabled import table

from sketch.bench import Work, measured

STORE = Path(__file__).parent / "results" / "measured.json"
EARLIER = " (earlier run)"  # rows of what is not installed now
Found = dict[str, Any]  # work, size, title, where, kernels, rows


def measure(
    name: str, size: tuple[Any, ...], repeats: int, store: bool = True, memory: bool = False
) -> Found:
    """Measure a work at a size, its memory where asked to; keep what was found where asked to."""
    work = WORKS[name]
    rows = {m: dataclasses.asdict(row) for m, row in measured(work, size, repeats).items()}
    if work.memory or memory:
        for method in rows:
            rows[method]["megabytes"] = peak_megabytes(name, work.sizes.index(size), method)
    found = {"work": name, "size": list(size), "title": work.named(size)}
    found |= {"where": machine(), "kernels": kernels(), "rows": rows}
    if store:
        keep(found)
    return found


def keep(found: Found) -> None:
    """Store what was found.

    Megabytes stay where they were not measured again, and rows of peers that are not installed now,
    as earlier ones.
    """
    kept, rows = load(), found["rows"]
    for method, row in kept.get(key(found), {}).get("rows", {}).items():
        plain = method.removesuffix(EARLIER)
        if plain in rows:
            rows[plain].setdefault("megabytes", row.get("megabytes"))
        elif plain in WORKS[found["work"]].methods:
            rows[plain + EARLIER] = row
    STORE.write_text(json.dumps(kept | {key(found): found}, indent=1) + "\n")


def load() -> dict[str, Found]:
    """Return all that is kept, by work, size and kernels."""
    return json.loads(STORE.read_text()) if STORE.exists() else {}


def key(found: Found) -> str:
    """Return the name under which something is kept."""
    return f"{found['work']} {tuple(found['size'])} {found['kernels']}"


def shown(work: Work, quick: bool) -> tuple[tuple[Any, ...], ...]:
    """Return the sizes that tables show, or the one of a quick look."""
    return work.sizes[1:2] or work.sizes if quick else work.sizes[-work.shown :]


# ---- memory --------------------------------------------------------------------------------------


def peak_megabytes(name: str, place: int, method: str) -> float:
    """Return by how much a method raises the memory of a fresh process at its peak, in MB."""
    command = [sys.executable, "-W", "ignore", __file__, name, str(place), method]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def extra_megabytes(call: Callable[[], object]) -> float:
    """Return by how much a call raises the resident memory of this process at its peak (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = _status("VmRSS")
    call()
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


# ---- where ---------------------------------------------------------------------------------------


@functools.cache
def installed(package: str) -> str | None:
    """Return the version of a package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> str:
    """Describe the machine, its BLAS and the versions in one line."""
    packages = (
        *("numpy", "scipy", "numba", "scikit-learn", "torch", "dask", "skerch"),
        *("tt-sketch", "tensorly", "torchtt", "teneva", "quimb"),
    )
    found = [f"{name} {number}" for name in packages if (number := installed(name))]
    return (
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{os.environ.get('OMP_NUM_THREADS', 'all')} threads; BLAS of ours: {blas()}, of torch: "
        f"{torch_blas()}; " + ", ".join(found)
    )


def processor() -> str:
    """Return what the processor calls itself, with its widest vectors."""
    text = Path("/proc/cpuinfo").read_text()
    name = next((x for x in text.splitlines() if x.startswith("model name")), platform.machine())
    return name.partition(": ")[2] + (" with AVX-512" if "avx512f" in text else "")


def openblas() -> dict[str, Any]:
    """Return what threadpoolctl finds of the BLAS that NumPy loaded."""
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return next((pool for pool in pools if "numpy" in pool["filepath"]), pools[0])


def blas() -> str:
    """Name NumPy's BLAS, its version and kernels."""
    found = openblas()
    return f"{found['internal_api']} {found['version']} ({kernels()} kernels)"


def kernels() -> str:
    """Return for which processor NumPy's BLAS has its kernels."""
    return str(openblas().get("architecture", "unknown"))


def torch_blas() -> str:
    """Name torch's BLAS."""
    if not installed("torch"):
        return "not installed"
    import torch

    text = torch.__config__.show()
    return "MKL" if "Math Kernel Library" in text else text.partition("BLAS_INFO=")[2].split(",")[0]


# ---- tables --------------------------------------------------------------------------------------


def page(found: Found) -> str:
    """Return what was found of a work as a titled table."""
    rows = found["rows"]
    first, reference = next(iter(rows)), next(iter(rows.values()))["seconds"]
    head = ["", "seconds", f"over {first}", "relative error", "readings"]
    memory = any(row.get("megabytes") is not None for row in rows.values())
    lines = []
    for name, row in rows.items():
        readings = row["readings"] and f"{row['readings']:g}"
        line = [name, row["seconds"], row["seconds"] / reference, row["error"], readings]
        megabytes = row.get("megabytes")
        lines.append(line + [megabytes and str(round(megabytes))] * memory)
    return f"**{found['title']}**\n\n" + table(head + ["extra MB"] * memory, lines) + "\n"


def main(name: str, place: str, method: str) -> None:
    """Print the megabytes of one method."""
    work = WORKS[name]
    call = work.methods[method].prepare(work.data(*work.sizes[int(place)]))
    print(extra_megabytes(call))


if __name__ == "__main__":
    main(*sys.argv[1:])
