"""Matrix sketches of Dask arrays whose row-sized sums stay distributed.

Rows are worked on in *strips*, the row chunks of the array. The sums that follow the columns, and
all small factors, are in memory; those that follow the rows are Dask arrays in the same strips.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from .._array import Array, namespace
from .._dask import Task, blocks_of, compute, once, persist, row_blocks, tall_qr, task, tree
from .._linalg import (
    adjoint,
    frobenius_norm,
    product,
    rescaled,
    scale_exponent,
    thin_svd,
)
from ..finalize import hmt, identity_error, probe_error
from ..results import ErrorEstimate, LowRank
from ._base import Sketch
from ._finish import check_request, lifted, truncated
from ._generalized_nystrom import GeneralizedNystrom
from ._hmt import HMT, refuse_other_data
from ._parallel import add_sketches, sketch_chunks


class Strips:
    """The row strips of a Dask array, as tasks that make their chunks."""

    def __init__(self, array: Any, check_finite: bool) -> None:
        self.rows = [int(n) for n in array.chunks[0]]
        self.starts = list(itertools.accumulate(self.rows, initial=0))[:-1]
        self._columns = list(itertools.accumulate(array.chunks[1], initial=0))[:-1]
        self._chunks = array.to_delayed()
        self._check_finite = check_finite

    def sketches(self, empty: Sequence[Task], starts: Sequence[int]) -> list[Task]:
        """Return the task of sketching each strip, given an empty sketch and a row for each."""
        strips = []
        for sketch, row, chunks in zip(empty, starts, self._chunks, strict=True):
            each = [
                task(sketch_chunks, sketch, [chunk], [(row, column)], self._check_finite)
                for column, chunk in zip(self._columns, chunks, strict=True)
            ]
            strips.append(tree(each, add_sketches))
        return strips

    def first(self, empty: Sketch) -> list[Task]:
        """Return the task of the first sketch of each strip, in its place."""
        return self.sketches([once(empty)] * len(self.rows), self.starts)


class DistributedNystrom:
    """Generalized Nyström from one pass over a Dask array.

    Parameters
    ----------
    sketch : GeneralizedNystrom
        An empty one.
    array : dask.array.Array
    check_finite : bool
    progress : bool
    """

    def __init__(
        self, sketch: GeneralizedNystrom, array: Any, check_finite: bool, progress: bool
    ) -> None:
        self._sketch, self._strips = sketch, Strips(array, check_finite)
        strips = self._strips.first(sketch)
        rest = tree([task(without_range, strip) for strip in strips], add_sketches)
        *self._range, rest = persist(
            *[task(range_rows, strip) for strip in strips], rest, progress=progress
        )
        (self._rest,) = compute(rest)

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self._sketch.range_size

    def finalize(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the approximation, its left factor in strips."""
        keep = check_request(rank, tol, self._sketch.spec)
        w = self._rest._total("corange", self._sketch.corange_size)
        exponent = scale_exponent(w)
        q = tall_qr(row_blocks(self._range, self._strips.rows, self.range_size, w.dtype))
        shared = once(self._sketch)
        parts = zip(blocks_of(q), self._strips.starts, strict=True)
        (c,) = compute(tree([task(adjoint_rows, shared, *part) for part in parts], add_arrays))
        core = truncated(self._rest.regression(c, rescaled(w, -exponent)), keep, tol)
        return lifted(q @ core.U, core, exponent, self._rest._result_dtype)


class DistributedHMT:
    """The randomized SVD from ``2 + 2 power_iters`` passes over a Dask array.

    The probes go with a pass from the right: strips know their rows there.

    Parameters
    ----------
    sketch : HMT
        An empty one.
    array : dask.array.Array
    check_finite : bool
    progress : bool
    """

    def __init__(self, sketch: HMT, array: Any, check_finite: bool, progress: bool) -> None:
        spec = sketch.spec
        if (spec.n_passes - spec.probed_pass) % 2:
            raise ValueError(
                f"start_rank={spec.start_size} on a Dask array needs a half power iteration, whose "
                f"first pass has small sums: power_iters={spec.power_iters + 0.5}, got "
                f"{spec.power_iters}"
            )
        self._sketch, self._strips, self._progress = sketch, Strips(array, check_finite), progress
        strips = self._strips.first(sketch)
        if spec.begins_left:
            (total,) = compute(tree(strips, add_sketches), progress=progress)
            self._facts = facts_of(total)
        for number in range(int(spec.begins_left), spec.n_passes, 2):
            if number:
                z = once(in_pass(sketch, number, total._keep()["basis"]))
                strips = self._strips.sketches([z] * len(strips), [0] * len(strips))
            y = self._right(strips, number)
            self._basis = self._orthonormalized(y, self.range_size if number else spec.first_width)
            total = self._left(number + 1)
        self._b = total._total("corange", int(self._basis.shape[1]))

    def _right(self, strips: Sequence[Task], number: int) -> Sequence[Task]:
        """Return the rows of a product from the right, and keep those of the probes with it."""
        probed = number == self._sketch.spec.probed_pass
        tasks = [task(range_rows, strip) for strip in strips]
        tasks += [task(probed_rows, strip) for strip in strips] if probed else []
        facts = tree([task(facts_of, strip) for strip in strips], add_sketches)
        *rows, facts = persist(*tasks, facts, progress=self._progress)
        if number == 0:
            (self._facts,) = compute(facts)
        if probed:
            self._seen = rows[len(strips) :]
        return rows[: len(strips)]

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self._sketch.range_size

    def _orthonormalized(self, y: Sequence[Task], width: int) -> Any:
        """Return the basis of the range, of its leading directions where it is too wide."""
        dtype = "complex128" if self._facts._result_dtype.startswith("complex") else "float64"
        q = tall_qr(row_blocks(y, self._strips.rows, width, dtype))
        if q.shape[1] <= self.range_size:
            return q
        parts = zip(blocks_of(q), y, strict=True)
        (inside,) = compute(tree([task(projection, *part) for part in parts], add_arrays))
        return q @ thin_svd(inside)[0][:, : self.range_size]

    def _left(self, number: int) -> HMT:
        """Return the sketch of a pass from the left, each strip multiplied with its rows of Q."""
        shared = once(self._sketch)
        empty = [task(in_pass, shared, number, q) for q in blocks_of(self._basis)]
        strips = self._strips.sketches(empty, [0] * len(empty))
        total: HMT
        (total,) = compute(tree(strips, add_sketches), progress=self._progress)
        return total

    def finalize(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the approximation, its left factor in strips."""
        keep = check_request(rank, tol, self._sketch.spec)
        exponent = scale_exponent(self._b)
        b = rescaled(self._b, -exponent)
        core = truncated(hmt(b, self._estimate(b, exponent)), keep, tol)
        return lifted(self._basis @ core.U, core, exponent, self._facts._result_dtype)

    def _estimate(self, b: Array, exponent: int) -> ErrorEstimate:
        """Return the error by the norm identity where it holds its digits, else by the probes."""
        spec, roundoff = self._sketch.spec, self._facts._roundoff
        strips = list(zip(blocks_of(self._basis), self._seen, strict=True))
        (inside,) = compute(tree([task(projection, q, s) for q, s in strips], add_arrays))
        shared = once(inside)
        norms = compute(*[task(norm_outside, q, s, shared) for q, s in strips])
        refuse_other_data(self._sketch, self._sketch._maps["error"], inside, adjoint(self._b))
        if self._facts._norm is not None:
            exact = identity_error(rescaled(self._facts._norm, -exponent), b, roundoff)
            if exact is not None:
                return exact
        return probe_error(
            namespace(b).asarray([[rescaled(math.hypot(*norms), -exponent)]]),
            captured=frobenius_norm(b),
            columns=spec.range_size,
            probes=spec.error_probes,
            dof_each=spec.dof_each,
            roundoff=roundoff,
        )


# ---- what the tasks do ---------------------------------------------------------------------------


def in_pass(empty: HMT, number: int, basis: Array) -> HMT:
    """Return an empty sketch in a later pass, with the basis that it multiplies by."""
    sketch = empty._fresh()
    sketch._pass, sketch._kept = number, {"basis": basis}
    return sketch


def range_rows(strip: Sketch) -> Array:
    """Return the rows of ``A Omega`` that a strip determines."""
    return strip._parts["range"].values.T


def without_range(strip: GeneralizedNystrom) -> GeneralizedNystrom:
    """Return what a strip adds to the sums that follow the columns."""
    rest = strip.copy()
    del rest._parts["range"]
    return rest


def adjoint_rows(sketch: GeneralizedNystrom, basis: Array, start: int) -> Array:
    """Return ``Psi_i^* Q_i`` for the strip of a basis that begins at a row."""
    rows = sketch._maps["corange"].rows(start, start + int(basis.shape[0]))
    return product(adjoint(rows.array(basis)), basis)


def probed_rows(strip: HMT) -> Array:
    """Return the rows of ``A G`` that a strip determines."""
    return strip._parts["error"].values.T


def facts_of(strip: HMT) -> HMT:
    """Return a strip's norm and dtype, without its sums."""
    facts = strip.copy()
    facts._parts = {}
    return facts


def projection(basis: Array, seen: Array) -> Array:
    """Return ``Q_i^* S_i``."""
    return product(adjoint(basis), seen)


def norm_outside(basis: Array, seen: Array, inside: Array) -> float:
    """Return the norm of ``S_i - Q_i (Q^* S)``."""
    return frobenius_norm(seen - product(basis, inside))


def add_arrays(arrays: list[Array]) -> Array:
    """Return the sum of arrays."""
    return sum(arrays[1:], arrays[0])
