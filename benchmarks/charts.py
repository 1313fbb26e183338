"""Pictures of what was measured: time against size, error against time."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from cases import scaling
from measure import Found
from tabled import table

RESULTS = Path(__file__).parent / "results"


def drawn(kept: list[Found]) -> str:
    """Draw both from what is kept; return slopes and pictures as Markdown."""
    growing: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for found in kept:
        if found["work"] in scaling.WORKS:
            times = growing.setdefault(found["work"], defaultdict(list))
            for method, row in found["rows"].items():
                times[method].append((found["size"][0], row["seconds"]))
    time_against_size(growing)
    error_against_time([found for found in kept if found["work"] == "dense-float64"])
    lines = [
        [work, method, slope(points), slope(points[2:])]
        for work, times in growing.items()
        for method, points in times.items()
    ]
    head = ["", "method", "slope of log time over log size", "in the upper decade"]
    return (
        table(head, lines) + "\n\n![time against size](results/scaling.png)\n\n"
        "![error against time](results/error-against-time.png)\n"
    )


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of log time against log size."""
    return float(np.polyfit(*np.log(points).T, 1)[0])


def time_against_size(growing: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    plt = _pyplot()
    figure, axes = plt.subplots(1, len(growing), figsize=(11, 3.4), layout="constrained")
    for axis, (work, times) in zip(axes, growing.items(), strict=True):
        for method, points in times.items():
            axis.loglog(*zip(*points, strict=True), "o-", ms=3, label=method)
        size, seconds = np.transpose(next(iter(times.values())))
        axis.loglog(size, seconds[-1] * size / size[-1], "k:", lw=1, label="linear")
        axis.set(title=work, xlabel="rows or nonzeros", ylabel="seconds")
        axis.legend(fontsize=7)
    figure.savefig(RESULTS / "scaling.png", dpi=150)
    plt.close(figure)


def error_against_time(all_found: list[Found]) -> None:
    """Draw each library's methods, on the largest data with the kernels that it chose."""
    if not all_found:
        return
    plt = _pyplot()
    found = max(all_found, key=lambda f: (f["size"], f["kernels"] != "Haswell"))
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for method, row in found["rows"].items():
        if row["error"] is not None and method != "SciPy svds":
            family = method.removesuffix(", one step").removesuffix(", two steps")
            lines[family.partition(", half")[0].partition(", 2")[0].partition(", 3")[0]].append(
                (row["seconds"], row["error"])
            )
    figure, axes = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    for name, points in lines.items():
        ours = name.startswith("sketch")
        axes.plot(*zip(*points, strict=True), "o-" if ours else "s--", ms=4, label=name)
    axes.set(xlabel="seconds", ylabel="relative error", xlim=(0, None))
    axes.set_title(f"{found['title']}; {found['kernels']} kernels", fontsize=8)
    axes.legend(fontsize=7)
    figure.savefig(RESULTS / "error-against-time.png", dpi=150)
    plt.close(figure)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt
