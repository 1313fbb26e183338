"""The exact model of a completion: rows with gaps, and what follows from them in dense algebra."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from sketch.numerics.packed import unpacked
from sketch.numerics.random import entry_words, row_words

CLOSE = 1e-6  # of sums that follow from rows' solutions, which are as exact as their condition
COLUMNS, RANK = 9, 2


@dataclass(frozen=True)
class Gaps:
    """What a completion must hold.

    Which rows are kept whole, and in passes after the first one the equations of the columns, for
    the columns that the sketch has then. Of streams that fade or were merged, whose rows leave and
    whose factors are turned, their number.

    Attributes
    ----------
    rows : tuple of (int, ndarray)
        The number of each, and its entries, with NaN for those that are missing.
    whole : tuple of (int, ndarray)
        All of them, in a pass after the first one.
    passes : int
    counted_only : bool
        Whether that is all that is known.
    """

    rows: tuple[tuple[int, np.ndarray], ...] = ()
    whole: tuple[tuple[int, np.ndarray], ...] = ()
    passes: int = 0
    n_updates: int = 0
    counted_only: bool = False

    def added(self, values: np.ndarray, at: int) -> Gaps:
        """Return the model with further rows, from a place on."""
        more = tuple((at + k, row) for k, row in enumerate(values))
        return dataclasses.replace(self, rows=self.rows + more, n_updates=self.n_updates + 1)

    def faded(self) -> Gaps:
        """Return the model of rows that weigh less."""
        return dataclasses.replace(self, counted_only=True)

    def plus(self, other: Gaps) -> Gaps:
        """Return the model of merged streams."""
        return Gaps(
            self.rows + other.rows, n_updates=self.n_updates + other.n_updates, counted_only=True
        )

    def next_pass(self) -> Gaps:
        """Return the model after the end of a pass."""
        return Gaps(whole=self.whole or self.rows, passes=self.passes + 1, n_updates=self.n_updates)

    @property
    def end(self) -> int:
        """Where the next row goes."""
        return max((number + 1 for number, _ in self.rows), default=0)

    @property
    def missing(self) -> list[tuple[int, np.ndarray]]:
        """Rows that this pass has not taken yet."""
        taken = {number for number, _ in self.rows}
        return [(number, row) for number, row in self.whole if number not in taken]

    def check(self, sk: Any) -> None:
        """Compare a sketch with the model."""
        assert sk.n_updates == self.n_updates, (sk.n_updates, self.n_updates)
        assert sk.passes_done == self.passes
        facts, rows = sk.accumulator.state.facts, self.whole or self.rows
        short = sum(np.isfinite(row).sum() < RANK for _, row in rows)
        assert (facts.get("rows", 0), facts.get("short", 0)) == (len(rows), short)
        if not self.passes and not self.counted_only:
            self._check_sample(sk.spec, sk.accumulator.state)
        elif self.passes and self.rows:
            self._check_equations(sk.spec, sk.accumulator.state)

    def _check_sample(self, spec: Any, state: Any) -> None:
        """Kept are rows whose words are below the level's, with all entries to the last bit."""
        if not self.rows:
            return
        held, level = state.passes.kept, int(state.facts["level"])
        cuts = itertools.starmap(slice, itertools.pairwise(held["sample_starts"].tolist()))
        kept = dict(zip(held["sample_numbers"].tolist(), cuts, strict=True))
        words = row_words(spec.seed, np.array([number for number, _ in self.rows]))
        for (number, row), word in zip(self.rows, words.tolist(), strict=True):
            assert (number in kept) == (word >> (64 - level) == 0), (number, level)
            if number in kept:
                cut = kept[number]
                assert np.array_equal(held["sample_places"][cut], np.flatnonzero(np.isfinite(row)))
                assert np.array_equal(held["sample_values"][cut], row[np.isfinite(row)])
        assert len(held["sample_values"]) <= spec.sample

    def _check_equations(self, spec: Any, state: Any) -> None:
        """The equations are sums over rows, each solved for with the columns of the pass."""
        columns, size = state.passes.kept["columns"], RANK + 1
        ridge = state.passes.kept["ridge"]
        gram, right = np.zeros((COLUMNS, size, size)), np.zeros((COLUMNS, size))
        for number, row in self.rows:
            known = used(spec, number, row)[0]
            factor = solved(row[known], columns[known], ridge, spec.biases)
            design = np.append(factor[:-1], 1.0)
            gram[known] += np.outer(design, design)
            values = (row[known] - ridge[2]) / ridge[3] - factor[-1]
            right[known] += values[:, None] * design
        held = state.parts["equations"].full(COLUMNS).T
        split = size * (size + 1) // 2
        got = unpacked(held[:, :split], size), held[:, split:]
        for mine, theirs in zip((gram, right), got, strict=True):
            assert np.allclose(theirs, mine, rtol=CLOSE, atol=CLOSE * np.abs(mine).max(initial=0))

    def check_error(self, found: Any, sk: Any) -> None:
        """The error is that of predictions at the entries held out, of all rows or those kept."""
        rows = self.whole or self.rows
        state, ridge = sk.accumulator.state, found.ridge
        if state.facts["level"]:
            return
        ridge = (ridge.weight, ridge.bias_weight, ridge.level, ridge.scale)
        errors = []
        for number, row in rows:
            known, out = used(sk.spec, number, row)
            factor = solved(row[known], found.columns[known], ridge, sk.spec.biases)
            design = np.append(factor[:-1], 1.0)
            inner = found.columns @ design + factor[-1]
            errors.extend(ridge[2] + ridge[3] * inner[out] - row[out])
        if errors:
            size = ridge[2] + ridge[3]
            mean = float(np.sqrt(np.mean(np.square(errors))))
            assert np.isclose(found.rmse.value, mean, rtol=CLOSE, atol=CLOSE * abs(size))
        else:
            assert np.isnan(found.rmse.value)


def used(spec: Any, number: int, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of the entries of a row that are fitted, and of those held out."""
    known = np.flatnonzero(np.isfinite(row))
    words = entry_words(spec.seed, np.array([number]), 0 * known, known)
    out = words < np.uint64(spec.holdout * 2.0**64)
    return known[~out], known[out]


def solved(values: np.ndarray, columns: np.ndarray, ridge: Any, biases: bool) -> np.ndarray:
    """Return the factor and the bias of one row by the normal equations of its known entries."""
    weight, bias_weight, level, scale = ridge
    if not len(values):
        return np.zeros(columns.shape[1])
    design = np.column_stack([columns[:, :-1], np.full(len(values), float(biases))])
    penalty = np.full(columns.shape[1], weight * len(values))
    penalty[-1] = bias_weight if biases else 1.0
    target = (values - level) / scale - columns[:, -1]
    return np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ target)
