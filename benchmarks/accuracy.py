"""Errors at default options over the best ones, kept in results/accuracy.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tabled import table

import sketch

PAGE = Path(__file__).parent / "results" / "accuracy.md"
HEAD = "Errors at default options over the best ones of rank 20, 900 x 700, medians of 20 seeds:"


def accuracy() -> str:
    """Return the errors at default options over the best ones, medians of 20 seeds."""
    n = 700
    i = np.arange(n)
    rng = np.random.default_rng(0)
    u = np.linalg.qr(rng.standard_normal((900, n)))[0]
    v = np.linalg.qr(rng.standard_normal((n, n)))[0]
    methods: dict[str, Callable[[Any, int], sketch.LowRank]] = {
        "Nyström": lambda a, seed: sketch.svd(a, 20, method="nystrom", seed=seed),
        "HMT": lambda a, seed: sketch.svd(a, 20, seed=seed),
        "HMT, 2 power steps": lambda a, seed: sketch.svd(a, 20, power_iters=2, seed=seed),
    }
    rows: list[list[object]] = []
    for name, s in {"0.8^i": 0.8**i, "1/i": 1 / (1.0 + i)}.items():
        a = (u * s) @ v.T
        best = np.linalg.norm(s[20:])
        for method, call in methods.items():
            results = [call(a, seed) for seed in range(20)]
            errors = np.array([np.linalg.norm(a - r.to_array()) for r in results])
            estimates = np.array([r.error.value for r in results])
            rows.append(
                [
                    name,
                    method,
                    float(np.median(errors / best)),
                    float(np.median(estimates / errors)),
                ]
            )
    head = ["singular values", "method", "error / best", "estimate / error"]
    return table(head, rows)


def main(_: list[str]) -> None:
    """Measure, print and store."""
    PAGE.write_text(f"{HEAD}\n\n{accuracy()}\n")
    print(PAGE.read_text())
