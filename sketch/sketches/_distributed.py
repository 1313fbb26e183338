"""Matrix sketches of Dask arrays whose row-sized sums stay distributed.

Rows are worked on in *strips*, the row chunks of the array. The sums that follow the columns, and
all small factors, are in memory; those that follow the rows are Dask arrays in the same strips.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from .._array import Array, beside, dtype_name, namespace
from .._dask import Task, compute, once, persist, task, tree
from .._linalg import adjoint, frobenius_norm, product, rescaled, scale_exponent, thin_svd
from ..finalize import hmt, identity_error, probe_error
from ..results import ErrorEstimate, LowRank
from ._base import Sketch
from ._finish import check_request, lifted, truncated
from ._generalized_nystrom import GeneralizedNystrom
from ._hmt import HMT
from ._multi_pass import refuse_other_data
from ._parallel import add_sketches, sketch_chunks
from ._row_blocks import RowBlocks, add_arrays


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
        *seen, rest = persist(
            *[task(range_rows, strip) for strip in strips], rest, progress=progress
        )
        self._range = RowBlocks(seen, self._strips.rows, self.range_size)
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
        q, shared = self._range.orthonormalized(), once(self._sketch)
        parts = zip(q.tasks, self._strips.starts, strict=True)
        (c,) = compute(tree([task(adjoint_rows, shared, *part) for part in parts], add_arrays))
        core = truncated(self._rest.regression(c, rescaled(w, -exponent)), keep, tol)
        return lifted_rows(q, core, exponent, self._rest._result_dtype)


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
            self._basis = self._leading_basis(self._right(strips, number))
            total = self._left(number + 1)
        self._b = total._total("corange", self._basis.columns)

    def _right(self, strips: Sequence[Task], number: int) -> RowBlocks:
        """Return the product of a pass from the right, and keep that of the probes with it."""
        spec, height = self._sketch.spec, self._strips.rows
        probed = number == spec.probed_pass
        tasks = [task(range_rows, strip) for strip in strips]
        tasks += [task(probed_rows, strip) for strip in strips] if probed else []
        facts = tree([task(facts_of, strip) for strip in strips], add_sketches)
        *rows, facts = persist(*tasks, facts, progress=self._progress)
        if number == 0:
            (self._facts,) = compute(facts)
        if probed:
            self._seen = RowBlocks(rows[len(strips) :], height, spec.error_probes)
        width = self.range_size if number else spec.first_width
        return RowBlocks(rows[: len(strips)], height, width)

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self._sketch.range_size

    def _leading_basis(self, y: RowBlocks) -> RowBlocks:
        """Return the basis of the range, of its leading directions where it is too wide."""
        q = y.orthonormalized()
        if q.columns <= self.range_size:
            return q
        inside = y.inside(q)
        leading = thin_svd(inside)[0][:, : self.range_size]
        return q.times(leading, dtype_name(inside.dtype))

    def _left(self, number: int) -> HMT:
        """Return the sketch of a pass from the left, each strip multiplied with its rows of Q."""
        shared = once(self._sketch)
        empty = [task(in_pass, shared, number, q) for q in self._basis.tasks]
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
        return lifted_rows(self._basis, core, exponent, self._facts._result_dtype)

    def _estimate(self, b: Array, exponent: int) -> ErrorEstimate:
        """Return the error by the norm identity where it holds its digits, else by the probes."""
        spec, roundoff = self._sketch.spec, self._facts._roundoff
        inside = self._seen.inside(self._basis)
        outside = self._seen.norm_outside(self._basis, inside)
        refuse_other_data(self._sketch, self._sketch._maps["error"], inside, adjoint(self._b))
        if self._facts._norm is not None:
            exact = identity_error(rescaled(self._facts._norm, -exponent), b, roundoff)
            if exact is not None:
                return exact
        return probe_error(
            namespace(b).asarray([[rescaled(outside, -exponent)]], **beside(b)),
            captured=frobenius_norm(b),
            columns=spec.range_size,
            probes=spec.error_probes,
            dof_each=spec.dof_each,
            roundoff=roundoff,
        )


def lifted_rows(basis: RowBlocks, core: LowRank, exponent: int, dtype: str) -> LowRank:
    """Return the core with its left factor ``Q U`` in strips."""
    u = basis.times(core.U, dtype).as_dask(core.U, dtype)
    return lifted(u, core, exponent, dtype)


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
