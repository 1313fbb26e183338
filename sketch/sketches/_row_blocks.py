"""Tall matrices whose blocks of rows are results of tasks, in whatever array library these use."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..backend.array import Array, cast, dtype_name, is_on_gpu, namespace, qr_triangle
from ..maps import DrawnMatrix
from ..numerics.factorizations import (
    orthonormal_basis,
    thin_svd,
    triangle_outside,
)
from ..numerics.linalg import adjoint, frobenius_norm, product, rescaled
from ..running.tasks import Task, array_of_rows, compute, once, persist, task, tree


@dataclass(frozen=True, eq=False)
class RowBlocks:
    """A tall matrix in blocks of rows, computed: they stay where they are.

    Attributes
    ----------
    tasks : sequence of Task
        One for each block.
    rows : sequence of int
        How many it has.
    columns : int
    first : int
        Row of the data where the first block begins.
    """

    tasks: Sequence[Task]
    rows: Sequence[int]
    columns: int
    first: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return sum(self.rows), self.columns

    @property
    def starts(self) -> list[int]:
        """Where each block begins in the data."""
        return list(itertools.accumulate(self.rows, initial=self.first))[:-1]

    def _with(self, tasks: Sequence[Task], columns: int) -> RowBlocks:
        return dataclasses.replace(self, tasks=tasks, columns=columns)

    def rescaled(self, exponent: int) -> RowBlocks:
        """Return the matrix times ``2**exponent``."""
        if exponent == 0:
            return self
        tasks = [task(rescaled, block, exponent) for block in self.tasks]
        return self._with(tasks, self.columns)

    def basis(self, width: int | None = None) -> RowBlocks:
        """Return an orthonormal basis of the columns, or of their `width` leading directions.

        Of the basis of each block and the basis of what they see, one below the other: the tall QR
        of [1]_ with one level. As many columns as there are rows, where these are fewer.

        References
        ----------
        .. [1] J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and
           sequential QR and LU factorizations", SISC 34 (2012) A206-A239.
        """
        bases = [task(orthonormal_basis, block) for block in self.tasks]
        inside = [task(projection, *pair) for pair in zip(bases, self.tasks, strict=True)]
        joint = task(joint_basis, inside)
        parts = [task(operator.getitem, joint, number) for number in range(len(bases))]
        blocks = [task(product, *pair) for pair in zip(bases, parts, strict=True)]
        q = self._with(persist(*blocks), min(sum(self.rows), self.columns))
        if width is None or q.columns <= width:
            return q
        leading = thin_svd(self.inside(q))[0][:, :width]
        return self._with(q._products(leading, dtype_name(leading.dtype)), width)

    def sketched_basis(
        self, psi: DrawnMatrix, sketch: Callable[[], Array | None]
    ) -> tuple[RowBlocks, Array]:
        """Return an orthonormal basis Q of the columns, and ``Psi^* Q``."""
        q = self.basis()
        return q, q.seen_by(psi)

    def seen_by(self, matrix: DrawnMatrix) -> Array:
        """Return ``Psi^* Y``; each worker draws the rows of Psi that it needs."""
        shared, pairs = once(matrix), zip(self.tasks, self.starts, strict=True)
        seen: Array
        (seen,) = compute(tree([task(adjoint_rows, shared, *pair) for pair in pairs], add_arrays))
        return seen

    def times(self, x: Array, dtype: str) -> Array:
        """Return the product with a small matrix as a Dask array, which is computed when asked for.

        Dask knows the arrays of a GPU; blocks of other libraries it passes on as they are.
        """
        meta = x if is_on_gpu(x) else None
        columns = int(x.shape[1])
        lazy: Array = array_of_rows(self._products(x, dtype), self.rows, columns, dtype, meta)
        return lazy

    def _products(self, x: Array, dtype: str) -> list[Task]:
        shared = once(x)
        return [task(cast_product, block, shared, dtype) for block in self.tasks]

    def inside(self, basis: RowBlocks) -> Array:
        """Return ``Q^* Y`` for a basis Q in the same blocks."""
        pairs = zip(basis.tasks, self.tasks, strict=True)
        inside: Array
        (inside,) = compute(tree([task(projection, *pair) for pair in pairs], add_arrays))
        return inside

    def triangle(self) -> Array:
        """Return R with ``R^* R = Y^* Y``."""
        return self.inside(self.basis())

    def beside(self, other: RowBlocks) -> RowBlocks:
        """Return the matrix with the columns of another in the same blocks beside it."""
        pairs = zip(self.tasks, other.tasks, strict=True)
        tasks = persist(*[task(beside_each_other, *pair) for pair in pairs])
        return self._with(tasks, self.columns + other.columns)

    def multiplied(self, x: Array) -> RowBlocks:
        """Return ``Y X`` in the same blocks."""
        tasks = persist(*self._products(x, dtype_name(x.dtype)))
        return self._with(tasks, int(x.shape[1]))

    def norm(self) -> float:
        """Return the Frobenius norm."""
        return math.hypot(*compute(*[task(frobenius_norm, block) for block in self.tasks]))

    def outside(self, basis: RowBlocks, inside: Array) -> Array:
        """Return R with ``R^* R = Z^* Z`` for ``Z = Y - Q (Q^* Y)``."""
        pairs, shared = zip(basis.tasks, self.tasks, strict=True), once(inside)
        blocks = compute(*[task(triangle_outside, *pair, shared) for pair in pairs])
        return qr_triangle(namespace(*blocks).concat(list(blocks), axis=0))

    def copy(self) -> RowBlocks:
        """Return the matrix, whose blocks are apart from others already."""
        return self

    def array(self) -> Array:
        """Return the whole matrix in memory."""
        blocks = compute(*self.tasks)
        return namespace(*blocks).concat(list(blocks), axis=0)


def adjoint_rows(matrix: DrawnMatrix, block: Array, start: int) -> Array:
    """Return ``Psi_i^* Y_i`` for a block of rows that begins at a row of the data."""
    return matrix.adjoint_product(block, start)


def projection(basis: Array, block: Array) -> Array:
    """Return ``Q_i^* Y_i``."""
    return product(adjoint(basis), block)


def joint_basis(blocks: list[Array]) -> list[Array]:
    """Return the rows of an orthonormal basis of stacked blocks that belong to each of them."""
    q = orthonormal_basis(namespace(*blocks).concat(blocks, axis=0))
    stops = list(itertools.accumulate(int(block.shape[0]) for block in blocks))
    return [q[start:stop, :] for start, stop in itertools.pairwise([0, *stops])]


def cast_product(block: Array, x: Array, dtype: str) -> Array:
    """Return the product of a block with a matrix in a dtype."""
    return cast(product(block, x), dtype)


def beside_each_other(x: Array, y: Array) -> Array:
    """Return the columns of two blocks."""
    return namespace(x).concat([x, y], axis=1)


def add_arrays(arrays: list[Array]) -> Array:
    """Return the sum of arrays."""
    return sum(arrays[1:], arrays[0])
