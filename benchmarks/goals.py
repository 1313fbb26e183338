"""What was asked of speed and accuracy, each figure read off the rows that were measured.

A goal is a line here: what it is, the work, the figure, and what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cases import GROUPS
from cases.applications import (
    CROSS,
    FOREST,
    HALVES,
    MATFREE,
    OURS,
    SWEEPS,
    TENEVA,
    TRAIN,
    WHOLE,
)
from cases.components import RANK as COMPONENTS
from cases.estimates import ENTRIES, GATHERED, KNOWN, TO, WITH, WITHOUT
from measure import Found
from tabled import table

EQUAL = 1.02  # errors are equal within this factor
ROUNDING = 1e-6  # and below it they are rounding
Rows = dict[str, dict[str, Any]]
Figure = tuple[float | None, str]  # and how it came about


@dataclass(frozen=True)
class Goal:
    """A figure of a work that shall be at most, or at least, what was asked."""

    what: str
    work: str
    figure: Callable[[Rows], Figure]
    asked: float
    at_most: bool = False

    def line(self, found: Found) -> list[object]:
        """Return what was asked beside what was found."""
        value, how = self.figure(found["rows"])
        sign = "≤" if self.at_most else "≥"
        if value is None:
            told = "not measured"
        else:
            met = value <= self.asked if self.at_most else value >= self.asked
            told = "yes" if met else "**no**"
        where = f"{found['title']}; {found['kernels']}"
        return [where, self.what, f"{sign} {self.asked:g}", value, told, how]


def over(method: str, floor: str) -> Callable[[Rows], Figure]:
    """How many times as long one method takes as another."""

    def figure(rows: Rows) -> Figure:
        if method not in rows or floor not in rows:
            return None, ""
        return rows[method]["seconds"] / rows[floor]["seconds"], f"{rows[method]['seconds']:.3g} s"

    return figure


def memory_over(method: str, floor: str) -> Callable[[Rows], Figure]:
    """How many times as much memory one method takes as another, where both take 2 MB."""

    def figure(rows: Rows) -> Figure:
        more, less = (max(2.0, rows[name].get("megabytes") or 0.0) for name in (method, floor))
        return more / less, f"{more:.3g} MB"

    return figure


def excess(method: str) -> Callable[[Rows], Figure]:
    """One more than what stands as an error."""
    return lambda rows: (1 + rows[method]["error"], "")


def best_for(rows: Rows, error: float) -> str | None:
    """Return the fastest of ours whose error is no larger, or equal."""
    level = max(EQUAL * error, ROUNDING)
    fit = [m for m, r in rows.items() if m.startswith("sketch") and (r["error"] or 0) <= level]
    fit = [m for m in fit if rows[m]["error"] is not None]
    return min(fit, key=lambda m: rows[m]["seconds"], default=None)


def ahead_of(peer: str) -> Callable[[Rows], Figure]:
    """How many times as long a peer takes as the fastest of ours of equal error."""

    def figure(rows: Rows) -> Figure:
        if peer not in rows or rows[peer]["error"] is None:
            return None, ""
        best = best_for(rows, rows[peer]["error"])
        if best is None:
            return 0.0, "none of ours is as accurate"
        return rows[peer]["seconds"] / rows[best]["seconds"], best

    return figure


def captured(method: str) -> Callable[[Rows], Figure]:
    """The variance that components capture, over the best possible."""

    def figure(rows: Rows) -> Figure:
        best = 1 - rows["the best, exactly"]["error"] ** 2
        row = rows[method]
        return (1 - row["error"] ** 2) / best, f"{row['readings']:g} readings"

    return figure


def more_captured(method: str, peer: str) -> Callable[[Rows], Figure]:
    """The variance that components capture, over what a peer's capture."""

    def figure(rows: Rows) -> Figure:
        if peer not in rows:
            return None, ""
        ours, theirs = captured(method)(rows)[0], captured(peer)(rows)[0]
        return ours / theirs, f"{ours:.4f} against {theirs:.4f}"

    return figure


def cosine(readings: float) -> Callable[[Rows], Figure]:
    """The best mean cosine within so many readings."""

    def figure(rows: Rows) -> Figure:
        ours = {m: r for m, r in rows.items() if m.startswith("sketch")}
        fit = {m: r for m, r in ours.items() if r["readings"] <= readings}
        best = min(fit, key=lambda m: fit[m]["error"])
        row = fit[best]
        return 1 - row["error"], f"{best}: {row['readings']:g} readings, {row['seconds']:.3g} s"

    return figure


def error_of(method: str) -> Callable[[Rows], Figure]:
    """The error of a method."""
    return lambda rows: (rows[method]["error"], f"{rows[method]['seconds']:.3g} s")


def nearest(rows: Rows, peers: list[str]) -> str | None:
    """Return the fastest peer of the least error, or an equal one, if any was measured."""
    there = [p for p in peers if p in rows]
    level = EQUAL * min((rows[p]["error"] for p in there), default=0.0)
    equal = [p for p in there if rows[p]["error"] <= level]
    return min(equal, key=lambda p: rows[p]["seconds"], default=None)


def error_over(method: str, peers: list[str]) -> Callable[[Rows], Figure]:
    """The error of a method over the least of some peers'."""

    def figure(rows: Rows) -> Figure:
        peer = nearest(rows, peers)
        if peer is None:
            return None, ""
        return rows[method]["error"] / rows[peer]["error"], peer

    return figure


def ahead_of_nearest(method: str, peers: list[str]) -> Callable[[Rows], Figure]:
    """How many times as long the peer of the least error takes."""

    def figure(rows: Rows) -> Figure:
        peer = nearest(rows, peers)
        return over(peer, method)(rows) if peer else (None, "")

    return figure


PRECISIONS = {"float64": 0.5, "float32": 0.6}
PEERS = {
    "torch": 1.3, "torch, one step": 1.3, "torch, two steps": 1.3,
    "scikit-learn": 2.5, "scikit-learn, one step": 2.5, "scikit-learn, two steps": 2.5,
}  # fmt: skip
DASK = {"dask-memory": 1.5, "dask-zarr": 2.5}
REAL = ("cells", "climate", "digits")
PCA, THEIRS = "sketch pca", "scikit-learn PCA(randomized)"
STREAMS = {  # one reading of each, in the memory of as many rows
    "sketch pca, one reading, 180 rows held": "IncrementalPCA, 180 rows held",
    "sketch stream, 60 rows held": "IncrementalPCA, 60 rows held",
}
IN_MEMORY = ("estimate-dense", "estimate-sparse", "estimate-dense-tensor")
STRUCTURED = [
    name for name in GROUPS["estimates"] if name.startswith(("estimate-cp", "estimate-tr"))
]
SPARSE_TENSORS = [name for name in GROUPS["estimates"] if name.startswith("estimate-sparse-t")]
ESTIMATES = dict.fromkeys(IN_MEMORY, 1.15) | dict.fromkeys([*SPARSE_TENSORS, *STRUCTURED], 1.35)
MEMORY = dict.fromkeys([*IN_MEMORY, *SPARSE_TENSORS], 1.25)


def seconds_of(method: str) -> Callable[[Rows], Figure]:
    """The seconds of a method."""
    return lambda rows: (rows[method]["seconds"], "")


def megabytes_of(method: str) -> Callable[[Rows], Figure]:
    """What a method takes beside its data."""

    def figure(rows: Rows) -> Figure:
        taken = rows[method].get("megabytes")
        return None if taken is None else float(taken), ""

    return figure


CROSSES = [name for name in GROUPS["applications"] if re.match("cross-(?!missed)", name)]
MISSED = [name for name in GROUPS["applications"] if name.startswith("cross-missed-")]
NORMS = [name for name in GROUPS["applications"] if name.startswith("nuclear-")]
FITS = {"train-completion-4": 6e-4, "train-completion-6": 2.5e-4}
APPLICATIONS = [
    *(Goal(f"ahead of {peer}", "ratings", ahead_of(peer), 3.5)
      for peer in (SWEEPS, f"{SWEEPS}, a larger ridge")),
    Goal("seconds", "films", seconds_of(WHOLE), 60.0, at_most=True),
    Goal("megabytes", "films", megabytes_of(WHOLE), 500.0, at_most=True),
    Goal("error of merged halves over the whole's", "films", error_over(HALVES, [WHOLE]), 1.01,
         at_most=True),
    Goal("gigabytes of state", "films-state", error_of(WHOLE), 0.02, at_most=True),
    *(Goal(f"error, {readings}", "climate-gaps", error_of(f"sketch complete, {readings}"), 0.345,
           at_most=True) for readings in ("one reading", "three readings")),
    *(Goal("error over teneva's", work, error_over(CROSS, TENEVA), 1.05, at_most=True)
      for work in CROSSES),
    *(Goal("ahead of teneva", work, ahead_of_nearest(CROSS, TENEVA), 4.0) for work in CROSSES),
    *(Goal("intervals without the error", work, error_of(CROSS), 0.07, at_most=True)
      for work in MISSED),
    *(Goal("time over deterministic rounding's", "patches", over("sketch solve", peer), 0.5,
           at_most=True) for peer in ("deterministic GMRES", "deterministic GMRES, QR and SVD")),
    Goal("told residual over the true one, less 1", "patches-told", error_of("sketch solve"), 0.1,
         at_most=True),
    *(Goal("error at other entries", work, error_of("sketch complete_train"), asked, at_most=True)
      for work, asked in FITS.items()),
    Goal("root mean square error of the train", "forest", error_of(TRAIN), 2.5**0.5, at_most=True),
    Goal("millions of numbers", "forest-numbers", error_of(TRAIN), 0.0014, at_most=True),
    Goal("predictions ahead of the forest's", "forest", over(FOREST, TRAIN), 10.0),
    *(Goal("error over matfree's", work, error_over(OURS, [MATFREE]), 1.0, at_most=True)
      for work in NORMS if "missed" not in work),
    *(Goal("intervals without the norm", work, error_of(OURS), 0.07, at_most=True)
      for work in NORMS if "missed" in work),
]  # fmt: skip
GOALS = [
    *(
        Goal("Nyström over its two bare products", f"dense-{dtype}",
             over("sketch Nyström", "products of Nyström"), asked, at_most=True)
        for dtype, asked in PRECISIONS.items()
    ),
    *(
        Goal("its update over one numpy.sum", f"dense-{dtype}",
             over("sketch Nyström, its update", "numpy.sum"), 2.5, at_most=True)
        for dtype in PRECISIONS
    ),
    *(
        Goal(f"ahead of {peer}", f"dense-{dtype}", ahead_of(peer), asked)
        for dtype in PRECISIONS for peer, asked in PEERS.items()
    ),
    *(
        Goal(f"ahead of {peer}", work, ahead_of(peer), asked)
        for work, asked in DASK.items() for peer in ("svd_compressed", "svd_compressed, one step")
    ),
    Goal("one power step over two bare readings", "file",
         over("sketch HMT, one step", "two bare readings"), 1.1, at_most=True),
    *(Goal("variance captured", work, captured(PCA), 0.995) for work in REAL),
    *(Goal("time over scikit-learn's", work, over(PCA, THEIRS), 1, at_most=True) for work in REAL),
    *(Goal(f"captured in one reading, over {theirs}", work, more_captured(ours, theirs), 1.0)
      for ours, theirs in STREAMS.items() for work in REAL),
    *(Goal("time with the estimate over without", work, over(WITH, WITHOUT), asked, at_most=True)
      for work, asked in ESTIMATES.items()),
    *(Goal("memory with the estimate over without", work, memory_over(WITH, WITHOUT), asked,
           at_most=True) for work, asked in MEMORY.items()),
    Goal("time to a tolerance over the known rank's", "tolerance", over(TO, KNOWN), 2.5,
         at_most=True),
    Goal("rank over the smallest", "tolerance", excess(TO), 1.15, at_most=True),
    Goal("entries ahead of gathered slices", "some-entries", over(GATHERED, ENTRIES), 3.0),
    Goal(f"mean cosine of {COMPONENTS} in 13 readings", "genotypes", cosine(13), 0.99),
    *APPLICATIONS,
]  # fmt: skip
PEER_WORKS = list(
    dict.fromkeys(goal.work for goal in GOALS if goal.work not in GROUPS["estimates"])
)


def page(all_found: list[Found]) -> str:
    """Return every goal beside what was found."""
    lines = [goal.line(f) for goal in GOALS for f in all_found if f["work"] == goal.work]
    return table(["work", "figure", "asked", "found", "met", "by"], lines) + "\n"


def standings(all_found: list[Found]) -> str:
    """Return how long each peer takes over the fastest of ours whose error is equal or smaller."""
    lines: list[list[object]] = [list(row) for found in all_found for row in standings_of(found)]
    return table(["", "peer", "over ours", "our fastest of equal error"], lines) + "\n"


def standings_of(found: Found) -> list[tuple[str, str, float, str]]:
    """Return work, peer, ratio and our fastest of equal error, for each peer of a work."""
    rows, named = found["rows"], f"{found['title']}; {found['kernels']}"
    theirs = [peer for peer in rows if not peer.startswith(("sketch", "the best"))]
    compared = {peer: ahead_of(peer)(rows) for peer in theirs}
    return [(named, peer, r, best) for peer, (r, best) in compared.items() if r is not None]
