"""What a completion is determined by, what its passes sum, and what becomes of it."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..backend.array import namespace
from ..backend.protocols import Number
from ..errors import ArgumentError, OptionError, PassError, UnseenWarning, warn
from ..files.archive import Header
from ..finalize import Split, split
from ..numerics.alternating import OtherSide, row_factors, width
from ..numerics.known_rows import Reals
from ..numerics.linalg import frobenius_norm, plain_number
from ..results import Completed, ErrorEstimate, held_out_error
from ..sources import KnownBlock, KnownSource, as_known_source
from ._completion_stream import (
    added_equations,
    counted,
    faded,
    followed,
    is_started,
    joined,
    ridge_of,
    sample_of,
    sampled,
    solved,
    started,
)
from ._method import Method, Products, Sum
from ._running import Run
from ._state import Kept, Passes, State
from ._sums import Sums


@dataclass(frozen=True, kw_only=True)
class CompletionSpec(Method[KnownBlock, object]):
    """What two completions must share to be merged.

    Attributes
    ----------
    shape : tuple
        ``(m, n)``; m may be None.
    ranks : tuple of int
        Among which the rank is chosen.
    ridge : float or None
        None to choose it.
    passes : int
    biases : bool
    holdout : float
        Share of the known entries that is held out.
    sample : int
        Entries of the rows that are kept whole, at most.
    seed : int
    dtype : str or None
    """

    shape: tuple[int | None, int]
    ranks: tuple[int, ...]
    ridge: float | None
    passes: int
    biases: bool
    holdout: float
    sample: int
    seed: int
    dtype: str | None

    @property
    def n_passes(self) -> int:
        """Readings of the data."""
        return self.passes

    @property
    def n(self) -> int:
        """Number of columns."""
        return self.shape[1]

    def maps(self) -> dict[str, object]:
        """Return nothing: no test matrix is involved."""
        return {}

    def as_source(self, chunk: object) -> KnownSource:
        """Return the adapter of a chunk of rows with missing entries."""
        source = as_known_source(chunk, self.n)
        if self.passes == 1:  # rows follow each other
            source = source.in_order()
        return source

    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, object]) -> int:
        """Return about how many bytes the equations, their sum and the sample take."""
        return 24 * self.n * width(max(self.ranks) + 1) + 32 * self.sample

    def to_header(self) -> Header:
        """Describe the spec in plain values, for a state file."""
        values = dataclasses.asdict(self)
        return {**values, "shape": list(self.shape), "ranks": list(self.ranks)}

    @classmethod
    def from_header(cls, header: Header) -> CompletionSpec:
        """Rebuild a spec from `to_header`."""
        lists = {name: tuple(header[name]) for name in ("shape", "ranks")}
        return cls(**{**header, **lists})

    # ---- the sums of a pass -------------------------------------------------------------------

    def sums(self, passes: Passes) -> Mapping[str, Sum]:
        """Return the normal equations of the columns, once there are factors for rows to have."""
        if "columns" not in passes.kept:
            return {}
        return {"equations": Sum(1, (width(int(passes.kept["columns"].shape[1])),))}

    def products(
        self, run: Run[KnownBlock, object], block: KnownBlock, at: tuple[int, ...]
    ) -> Products:
        """Return what some rows add to the equations, for columns that stay what they are."""
        return {
            "equations": added_equations(self, run.passes.kept, block.rows, _numbers(block, at)).T
        }

    def hint(self, state: State) -> State | None:
        """Return what a stream goes on from."""
        return state if self.passes == 1 else None

    def taken(
        self, run: Run[KnownBlock, object], state: State, block: KnownBlock, at: tuple[int, ...]
    ) -> State:
        """Return a state with one more block."""
        if state.passes.done:
            return super().taken(run, state, block, at)
        if run.hint is not None and not state.facts:  # of a stream, all that came before is in it
            state = run.hint.having(seen=state.seen)
        state = state.having(
            seen=tuple(map(max, state.seen, map(operator.add, at, block.shape))),
            dtype=self.joint_dtype(state.dtype, block.dtype),
        )
        numbers = _numbers(block, at)
        state = counted(self, state, block.rows, numbers)
        step = followed if self.passes == 1 else sampled
        return step(self, state, block.rows, numbers)

    def total(
        self, ours: State, theirs: State, *, disjoint: bool = False, spent: bool = False
    ) -> State:
        """Return the state of both data, in passes whose columns stay what they are."""
        total = super().total(ours, theirs, disjoint=disjoint, spent=spent)
        return total if total.passes.done else joined(self, total, ours, theirs)

    def times(self, state: State, factor: Number) -> State:
        """Return the state whose data weigh less, or more.

        Raises
        ------
        ArgumentError
            If the factor is no positive number.
        """
        weight = plain_number(factor)
        if isinstance(weight, complex) or not weight > 0:
            raise ArgumentError(
                f"a completion can be weighted by positive numbers, got {factor}; data that were "
                "taken cannot be subtracted again"
            )
        return faded(self, state, weight)

    def check(self, sums: Sums) -> None:
        """Refuse a pass of other data than the one before, as far as their number shows it."""
        before = sums.kept.get("taken")
        if before is not None and float(before[0]) != _taken(sums):
            raise PassError(
                f"a later pass saw {_taken(sums):.0f} known entries, the one before "
                f"{float(before[0]):.0f}; feed the same chunks in every pass, each of them once"
            )

    def keep(self, sums: Sums) -> Kept:
        """Return the columns for the next pass."""
        if "columns" not in sums.kept:
            used = sums.state.facts.get("used")  # which states of earlier versions do not tell
            first = {} if used is None else {"taken": np.array([float(used)])}
            return {**started(self, sums.state).passes.kept, **first}
        return {"columns": solved(self, sums.state), "taken": np.array([_taken(sums)])}

    def finish(self, sums: Sums, rank: object, tol: float | None) -> Completed:
        """Return the completion, with its error at held-out entries of the sampled rows."""
        if rank is not None or tol is not None:
            raise OptionError(
                "a completion has the rank that it was made with; give several to choose from, "
                "Completion(shape, (5, 10, 20)), or take .of(rows) and decompose that"
            )
        state = sums.state if is_started(sums.state) else started(self, sums.state)
        columns = solved(self, state)
        side = OtherSide(columns, ridge_of(self, state.passes.kept))
        sample = sample_of(state)
        if not (sample.n_entries or columns.any()):
            warn("no entry is known, and so all predictions are zero", UnseenWarning)
        rows = sample.rows(self.shape[1])
        part = split(rows, sample.numbers, self.seed, self.holdout)
        known = row_factors(part.rows, side)
        left = row_factors(rows, side)
        n_rows = int(state.facts.get("rows", 0))
        complete = sample.level == 0 and np.array_equal(sample.numbers, np.arange(n_rows))
        return Completed(
            columns=columns,
            ridge=side.ridge,
            rmse=_error(part, known, side),
            n_rows=n_rows,
            n_short=int(state.facts.get("short", 0)),
            dtype=sums.dtype,
            moments=left.T @ left * (n_rows / max(1, len(left))),
            rows=left if complete else None,
        )


def _numbers(block: KnownBlock, at: tuple[int, ...]) -> NDArray[np.int64]:
    """Return which rows of the matrix a block holds."""
    return np.arange(at[0], at[0] + block.shape[0])


def _taken(sums: Sums) -> float:
    """Return how many entries are in the equations."""
    equations, size = sums.whole("equations"), int(sums.kept["columns"].shape[1])
    return float(namespace(equations).sum(equations[-size - 1]))


def _error(part: Split, left: Reals, side: OtherSide) -> ErrorEstimate:
    """Return the root mean square of the errors at held-out entries."""
    if not part.values.size:
        return ErrorEstimate(math.nan, math.nan, "heuristic", "no entry was held out", 0.0)
    size = frobenius_norm((part.values - side.ridge.level)[None, :])
    residuals = part.residuals(left, side) * side.ridge.scale
    return held_out_error(residuals, size / math.sqrt(part.values.size), 0.0)
