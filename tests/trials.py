"""Repeated sketches of one matrix with many seeds: their true errors beside their estimates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sketch import LowRank


@dataclass(frozen=True)
class Trials:
    """What many seeds gave: squares of the errors and of their estimates, and who was covered."""

    errors: np.ndarray[Any, Any]
    estimates: np.ndarray[Any, Any]
    covered: np.ndarray[Any, Any]

    @property
    def coverage(self) -> float:
        """Fraction of the errors within their 95 % interval."""
        return float(self.covered.mean())

    @property
    def ratio(self) -> float:
        """Mean squared estimate over mean squared error."""
        return float(self.estimates.mean() / self.errors.mean())

    @property
    def ratio_se(self) -> float:
        """Standard error of `ratio`."""
        spread = np.std(self.estimates - self.ratio * self.errors)
        return float(spread / self.errors.mean() / np.sqrt(len(self.errors)))

    def assert_unbiased(self, bias: float = 0.0) -> None:
        """Check the mean of the squares: within 4 standard errors, beside an allowed bias.

        An unbiased estimate fails once in 16000 draws of the seeds.
        """
        __tracebackhide__ = True
        assert abs(self.ratio - 1) <= bias + 4 * self.ratio_se + 1e-12, (self.ratio, self.ratio_se)
        assert self.ratio_se <= 0.05, "too few seeds to see a bias"


def trial(a: Any, result: LowRank) -> tuple[float, float, bool]:
    """Return the squared error of a result, its squared estimate, and whether it was covered."""
    error = float(np.linalg.norm(a - result.to_array()))
    low, high = result.error.interval()
    return error**2, result.error.value**2, low <= error <= high


def trials(a: Any, results: Callable[[int], LowRank], seeds: Iterable[int]) -> Trials:
    """Sketch the same matrix once for every seed."""
    return Trials(*map(np.array, zip(*(trial(a, results(seed)) for seed in seeds), strict=True)))


def by_rank(
    a: Any, sketched: Callable[[int], Any], seeds: Iterable[int], ranks: Iterable[int]
) -> dict[int, Trials]:
    """Do the same for several ranks of the result, from one sketch a seed."""
    ranks = list(ranks)
    rows: dict[int, list[Any]] = {rank: [] for rank in ranks}
    for seed in seeds:
        sk = sketched(seed)
        for rank in ranks:
            rows[rank].append(trial(a, sk.finalize(rank)))
    return {rank: Trials(*map(np.array, zip(*row, strict=True))) for rank, row in rows.items()}


def fed(sk: Any, a: Any, chunks: int = 1) -> Any:
    """Return a sketch after all its passes over a matrix in so many chunks of columns.

    Whole rows would tell the norm, by which errors of projections are exact.
    """
    edges = np.linspace(0, a.shape[1], chunks + 1).astype(int)
    for _ in range(getattr(sk, "n_passes", 1)):
        for start, stop in itertools.pairwise(edges):
            sk.update(a[:, start:stop], at=(0, int(start)))
        if hasattr(sk, "end_pass"):
            sk.end_pass()
    return sk
