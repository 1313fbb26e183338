"""Tall matrices whose blocks of rows are results of tasks, in whatever array library these use."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._array import Array, cast, is_on_gpu, namespace
from .._dask import Task, array_of_rows, compute, once, persist, task, tree
from .._linalg import adjoint, frobenius_norm, orthonormal_basis, product


@dataclass(frozen=True)
class RowBlocks:
    """A tall matrix in blocks of rows.

    Attributes
    ----------
    tasks : sequence of Task
        One for each block.
    rows : sequence of int
        How many it has.
    columns : int
    """

    tasks: Sequence[Task]
    rows: Sequence[int]
    columns: int

    def orthonormalized(self) -> RowBlocks:
        """Return an orthonormal basis of the columns, computed: it stays where it is.

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
        return RowBlocks(persist(*blocks), self.rows, min(sum(self.rows), self.columns))

    def times(self, x: Array, dtype: str) -> RowBlocks:
        """Return the product with a small matrix in a dtype; its tasks are not computed."""
        shared = once(x)
        tasks = [task(cast_product, block, shared, dtype) for block in self.tasks]
        return RowBlocks(tasks, self.rows, int(x.shape[1]))

    def inside(self, basis: RowBlocks) -> Array:
        """Return ``Q^* Y`` for a basis Q in the same blocks."""
        pairs = zip(basis.tasks, self.tasks, strict=True)
        (inside,) = compute(tree([task(projection, *pair) for pair in pairs], add_arrays))
        return inside

    def norm_outside(self, basis: RowBlocks, inside: Array) -> float:
        """Return the norm of ``Y - Q (Q^* Y)``."""
        pairs, shared = zip(basis.tasks, self.tasks, strict=True), once(inside)
        return math.hypot(*compute(*[task(norm_outside, *pair, shared) for pair in pairs]))

    def as_dask(self, like: Array, dtype: str) -> Any:
        """Return the Dask array of the blocks.

        Dask knows the arrays of a GPU; blocks of other libraries it passes on as they are.
        """
        meta = like if is_on_gpu(like) else None
        return array_of_rows(self.tasks, self.rows, self.columns, dtype, meta)


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


def norm_outside(basis: Array, block: Array, inside: Array) -> float:
    """Return the norm of ``Y_i - Q_i (Q^* Y)``."""
    return frobenius_norm(block - product(basis, inside))


def add_arrays(arrays: list[Array]) -> Array:
    """Return the sum of arrays."""
    return sum(arrays[1:], arrays[0])
