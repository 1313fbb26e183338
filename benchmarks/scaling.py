"""Time against size over two decades of data, and error against time beside the peers.

Run ``python3 dev bench scaling``; ``--quick`` stops after one decade.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["SKETCH_BENCH"] = "full"

import numpy as np
from measure import machine, seconds, table
from suites.common import dense_matrix, sparse_matrix, sparse_tensor

import sketch

HERE = Path(__file__).parent
RANK = 20
FACTORS = (1, 3, 10, 30, 100)

DATA: dict[str, Callable[[int], Any]] = {
    "dense rows, 5,000 to 500,000 x 1,000": lambda f: dense_matrix(5_000 * f),
    "sparse nonzeros, 4e5 to 4e7": lambda f: sparse_matrix(400_000 * f, 20_000 * f, 2_000),
    "sparse tensor nonzeros, 5e5 to 5e7": lambda f: sparse_tensor(500_000 * f),
}
METHODS: dict[str, Callable[[Any], Any]] = {
    "HMT": lambda a: sketch.svd(a, RANK),
    "Nyström": lambda a: sketch.svd(a, RANK, method="nystrom"),
    "STTA": lambda t: sketch.tensor_train(t, 10),
    "TT-HMT": lambda t: sketch.tensor_train(t, 10, method="tt-hmt"),
}


def measure(factors: tuple[int, ...]) -> dict[str, dict[str, list[float]]]:
    """Return the median seconds of every method at every size."""
    found: dict[str, dict[str, list[float]]] = {}
    for kind, make in DATA.items():
        names = ("STTA", "TT-HMT") if "tensor" in kind else ("HMT", "Nyström")
        found[kind] = {name: [] for name in names}
        for factor in factors:
            data = make(factor)
            calls = {name: (lambda n=name, d=data: METHODS[n](d)) for name in names}
            for name, value in seconds(calls, 5).items():
                found[kind][name].append(value)
    return found


def slope(factors: list[int], times: list[float]) -> float:
    """Return the slope of log time against log size."""
    return float(np.polyfit(np.log(factors), np.log(times), 1)[0])


def draw(stored: dict[str, Any]) -> None:
    """Draw time against size."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, len(DATA), figsize=(11, 3.4), layout="constrained")
    for axis, (kind, times) in zip(axes, stored["times"].items(), strict=True):
        for name, each in times.items():
            axis.loglog(stored["factors"], each, "o-", ms=3, label=name)
        first = next(iter(times.values()))
        linear = [first[-1] * f / stored["factors"][-1] for f in stored["factors"]]
        axis.loglog(stored["factors"], linear, "k:", lw=1, label="linear")
        axis.set(title=kind, xlabel="size over the smallest", ylabel="seconds")
        axis.title.set_fontsize(8)
        axis.legend(fontsize=7)
    figure.savefig(HERE / "results" / "scaling.png", dpi=150)
    plt.close(figure)


def draw_error_against_time() -> None:
    """Draw the errors of dense matrices against the seconds they took, from stored results."""
    stored = json.loads((HERE / "results" / "matrices.json").read_text())
    points: dict[str, list[tuple[float, float]]] = {}
    for result in stored["by_name"].values():
        if result["setting"][0] == "dense" and result["setting"][2] == "float64":
            for name, error in result["error"].items():
                if error is not None:
                    points.setdefault(name, []).append((result["seconds"][name], error))
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(5, 3.4), layout="constrained")
    for name, each in points.items():
        axes.plot(*zip(*each, strict=True), "o-", ms=4, label=name)
    axes.set(xlabel="seconds", ylabel="relative error", xlim=(0, None))
    axes.set_title("20,000 x 5,000, rank 50: none, one and two power steps", fontsize=8)
    axes.legend(fontsize=7)
    figure.savefig(HERE / "results" / "error-against-time.png", dpi=150)
    plt.close(figure)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def page(stored: dict[str, Any]) -> str:
    """Return the slopes and the pictures."""
    rows: list[list[object]] = [
        [kind, name, *each, slope(stored["factors"], each), slope(stored["factors"][2:], each[2:])]
        for kind, times in stored["times"].items()
        for name, each in times.items()
    ]
    head = ["", "method", *[f"x {f}, s" for f in stored["factors"]], "slope", "upper decade"]
    pictures = (
        "![time against size](results/scaling.png)\n\n"
        "![error against time](results/error-against-time.png)\n"
    )
    return table(head, rows) + "\n\n" + pictures


def main(argv: list[str]) -> None:
    """Measure, print, draw, and store what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(argv)
    factors = FACTORS[:3] if options.quick else FACTORS
    stored = {"machine": machine(), "factors": list(factors), "times": measure(factors)}
    if not options.quick:
        (HERE / "results" / "scaling.json").write_text(json.dumps(stored, indent=1))
        draw(stored)
        draw_error_against_time()
        print(page(stored))


if __name__ == "__main__":
    main(sys.argv[1:])
