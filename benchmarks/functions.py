"""Trains of functions: cross approximation, completion, and a random forest.

Run ``python3 dev bench functions [--seeds 20]``, which writes docs/numbers/functions.md.

The truth is a wide train of the function, rank 24, and the best error that of TT-SVD of this train.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabled import table

import sketch

CROSS = ["function", "grid", "TT-SVD", "cross over it", "worst", "entries asked for", "s"]
PAGE_TEXT = """Cross approximation of rank {rank}, {seeds} seeds: medians. *TT-SVD* is the best
relative error, of a train of rank 24; *inside* is how many errors are in their 95 % interval, of
those that are not heuristic; *width* its upper end over its lower one. *teneva* is the error of
teneva 0.14 over ours at no more entries, at the best of {settings} settings, truncated to the same
rank, and *times as long* how much longer it took in that setting.

{crossed}

Completion of exp(-norm) on 20 points of [0, 1] in each variable; *fresh* is the relative error at
50,000 random entries.

{completed}
"""
Array = NDArray[Any]
Function = Callable[[Array], Array]
Peer = tuple[float, float] | None
RANK, PEER_SEEDS = 8, 3
PAGE = Path(__file__).parent.parent / "docs" / "numbers" / "functions.md"


def ackley(x: Array) -> Array:
    """Return a wavy bowl with a cusp."""
    waves = np.exp(np.cos(2 * np.pi * x).mean(axis=0))
    return np.asarray(20 + np.e - 20 * np.exp(-0.2 * np.sqrt((x**2).mean(axis=0))) - waves)


def piston(x: Array) -> Array:
    """Return the seconds of a cycle."""
    mass, surface, volume, spring, pressure, ambient, temperature = x
    a = pressure * surface + 19.62 * mass - spring * volume / surface
    heat = pressure * volume * ambient / temperature
    v = surface / (2 * spring) * (np.sqrt(a**2 + 4 * spring * heat) - a)
    return np.asarray(2 * np.pi * np.sqrt(mass / (spring + surface**2 * heat / v**2)))


def borehole(x: Array) -> Array:
    """Return the flow of water through a borehole."""
    rw, r, tu, hu, tl, hl, length, kw = x
    log = np.log(r / rw)
    drag = 1 + 2 * length * tu / (log * rw**2 * kw) + tu / tl
    return np.asarray(2 * np.pi * tu * (hu - hl) / (log * drag))


def circuit(x: Array) -> Array:
    """Return the midpoint voltage of a push-pull circuit without transformer."""
    b1, b2, f, c1, c2, beta = x
    base, gain = 12 * b2 / (b1 + b2), beta * (c2 + 9)
    part = gain + f
    drop = 0.74 * f * gain / (part * c1)
    return np.asarray((base + 0.74) * gain / part + 11.35 * f / part + drop)


def wing(x: Array) -> Array:
    """Return the weight of a wing."""
    area, fuel, aspect, sweep, q, taper, tc, load, gross, paint = x
    c = np.cos(np.radians(sweep))
    shape = (aspect / c**2) ** 0.6 * taper**0.04 * (100 * tc / c) ** -0.3
    weight = 0.036 * area**0.758 * fuel**0.0035 * q**0.006 * (load * gross) ** 0.49
    return np.asarray(weight * shape + area * paint)


def robot(x: Array) -> Array:
    """Return the reach of an arm of four links."""
    angles, lengths = np.cumsum(x[:4], axis=0), x[4:]
    reach = np.hypot((lengths * np.cos(angles)).sum(axis=0), (lengths * np.sin(angles)).sum(axis=0))
    return np.asarray(reach)


def schaffer(x: Array) -> Array:
    """Return rings around all pairs of neighbours."""
    s = x[:-1] ** 2 + x[1:] ** 2
    return np.asarray((0.5 + (np.sin(np.sqrt(s)) ** 2 - 0.5) / (1 + 0.001 * s) ** 2).sum(axis=0))


BORE = (
    [0.05, 100, 63070, 990, 63.1, 700, 1120, 9855],
    [0.15, 5e4, 115600, 1110, 116, 820, 1680, 12045],
)
PISTON = ([30, 0.005, 0.002, 1000, 9e4, 290, 340], [60, 0.02, 0.01, 5000, 1.1e5, 296, 360])
OTL = ([50, 25, 0.5, 1.2, 0.25, 50], [150, 70, 3, 2.5, 1.2, 300])
WING = (
    [150, 220, 6, -10, 16, 0.5, 0.08, 2.5, 1700, 0.025],
    [200, 300, 10, 10, 45, 1, 0.18, 6, 2500, 0.08],
)
CASES: dict[str, tuple[Function, Any, Any, int, int]] = {  # with both ends, points and variables
    "Ackley": (ackley, -32.768, 32.768, 16, 6),
    "piston": (piston, *PISTON, 16, 7),
    "borehole": (borehole, *BORE, 12, 8),
    "push-pull circuit": (circuit, *OTL, 20, 6),
    "wing weight": (wing, *WING, 12, 10),
    "robot arm": (robot, [0] * 8, [2 * np.pi] * 4 + [1] * 4, 12, 8),
    "corner peak": (lambda x: (1 + x.sum(axis=0)) ** -(len(x) + 1.0), 0, 1, 16, 8),
    "Schaffer": (schaffer, -5, 5, 16, 7),
    "1 / norm": (lambda x: 1 / np.sqrt((x**2).sum(axis=0)), 0.05, 1, 20, 6),
    "exp(-norm)": (lambda x: np.exp(-np.sqrt((x**2).sum(axis=0))), -1, 1, 20, 8),
    "oscillatory": (
        lambda x: np.cos(1.9 + 3 * np.sin(x.sum(axis=0)) + x.prod(axis=0)),
        0,
        1,
        16,
        6,
    ),
}


def on_grid(name: str) -> tuple[Function, tuple[int, ...]]:
    """Return a function of multi-indices, and the shape of its tensor."""
    f, low, high, points, variables = CASES[name]
    low, high = np.asarray(low, float), np.asarray(high, float)

    def at(i: Array) -> Array:
        return f((low + (high - low) * i / (points - 1)).T)

    return at, (points,) * variables


SETTINGS: list[tuple[int, dict[str, Any]]] = [  # of teneva: the first rank, and how ranks grow
    (RANK, {"dr_min": 0, "dr_max": 0}),
    (RANK, {"dr_min": 0, "dr_max": 0, "cache": True}),
    (4, {"dr_min": 0, "dr_max": 1, "cache": True}),
    (2, {"dr_min": 1, "dr_max": 1, "cache": True}),
]


def by_teneva(
    f: Function, shape: tuple[int, ...], most: int, seed: int, first: int, **how: Any
) -> tuple[sketch.TensorTrain, float]:
    """Return the train of teneva, of no more entries, and its seconds."""
    import teneva

    start = teneva.rand(list(shape), first, seed=seed)
    if how.pop("cache", False):
        how["cache"] = {}
    began = time.process_time()
    cores = teneva.truncate(teneva.cross(f, start, m=most, e=1e-14, nswp=40, **how), 1e-15, RANK)
    return sketch.TensorTrain([np.asarray(core) for core in cores]), time.process_time() - began


def beside(name: str, exact: sketch.TensorTrain, errors: list[float], most: list[int]) -> Peer:
    """Return the best median error of teneva over ours, and its seconds."""
    if importlib.util.find_spec("teneva") is None:
        return None
    f, shape = on_grid(name)
    found = []
    for first, how in SETTINGS:
        runs = [by_teneva(f, shape, m, seed, first, **how) for seed, m in enumerate(most)]
        off = float(np.median([(tt - exact).norm() for tt, _ in runs]))
        found.append((off / float(np.median(errors)), float(np.median([s for _, s in runs]))))
    return min(found)


def cross_row(name: str, seeds: int) -> list[object]:
    """Return what cross approximation of one function gives, over seeds."""
    f, shape = on_grid(name)
    exact = sketch.cross(f, shape, rank=24, seed=99)
    best = (exact - exact.round(RANK)).norm()
    errors, asked, seconds, widths, held = [], [], [], [], []
    for seed in range(seeds):
        began = time.process_time()
        tt = sketch.cross(f, shape, rank=RANK, seed=seed)
        seconds.append(time.process_time() - began)
        error = (tt - exact).norm()
        errors.append(error)
        asked.append(tt.n_evaluations)
        if tt.error.kind != "heuristic":
            low, high = tt.error.interval()
            held.append(low <= error <= high)
            widths.append(high / low if low else np.nan)
    share = f"{np.mean(held):.3f} of {len(held)}"
    ratios = np.array(errors) / best
    peer = beside(name, exact, errors[:PEER_SEEDS], asked[:PEER_SEEDS])
    told = ["not installed"] * 2 if peer is None else [peer[0], peer[1] / np.median(seconds)]
    return [
        *(name, f"{shape[0]}^{len(shape)}", best / exact.norm(), float(np.median(ratios))),
        *(float(max(ratios)), int(np.median(asked)), float(np.median(seconds)), share),
        float(np.nanmedian(widths)) if np.any(np.isfinite(widths)) else "at rounding",
        *told,
    ]


def completion_row(order: int, known: int, rank: int, seed: int) -> list[object]:
    """Return what the completion of exp(-norm) on [0, 1]^d gives."""
    shape = (20,) * order

    def f(i: Array) -> Array:
        return np.asarray(np.exp(-np.linalg.norm(i / 19, axis=1)))

    points = np.random.default_rng(seed).integers(0, shape, (known, order))
    fresh = np.random.default_rng(99).integers(0, shape, (50_000, order))
    began = time.process_time()
    tt = sketch.complete_train(points, f(points), shape, rank=rank, seed=seed)
    taken = time.process_time() - began
    off = np.linalg.norm(f(fresh) - tt.entries(fresh)) / np.linalg.norm(f(fresh))
    said = f"{tt.error.relative:.2g}, {tt.error.kind}"
    return [order, f"{known:,}", seed, max(tt.ranks), said, float(off), taken]


def main(arguments: list[str]) -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog="python3 dev bench functions", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args(arguments).seeds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crossed = [cross_row(name, seeds) for name in CASES]
        completed = [
            completion_row(order, known, rank, seed)
            for order, known, rank, tries in ((4, 8000, 5, 4), (6, 60_000, 5, 2))
            for seed in range(tries)
        ]
    inside = table([*CROSS, "inside", "width", "teneva", "times as long"], crossed)
    known = table(["order", "known", "seed", "rank", "held out", "fresh", "s"], completed)
    PAGE.write_text(
        PAGE_TEXT.format(
            rank=RANK, seeds=seeds, settings=len(SETTINGS), crossed=inside, completed=known
        )
    )
