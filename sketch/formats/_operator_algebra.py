"""Products of train operators, and their builders, as functions on cores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..backend.array import Array, beside, is_array, namespace
from ..backend.plain import plain
from ..errors import ShapeError
from ..numerics.linalg import product, rescaled, rescaled_evenly, scale_exponent


def applied(a: Array, x: Array) -> Array:
    """Return the core (p c, m, q d) of a core (p, m, n, q) times one of a train, (c, n, d)."""
    xp = namespace(a, x)
    (p, m, n, q), (c, _, d) = a.shape, x.shape
    left = xp.reshape(xp.permute_dims(a, (0, 1, 3, 2)), (p * m * q, n))
    right = xp.reshape(xp.permute_dims(x, (1, 0, 2)), (n, c * d))
    both = xp.reshape(product(left, right), (p, m, q, c, d))
    return xp.reshape(xp.permute_dims(both, (0, 3, 1, 2, 4)), (p * c, m, q * d))


def composed(a: Array, b: Array) -> Array:
    """Return the core (p s, m, n, q t) of the product of cores (p, m, k, q) and (s, k, n, t)."""
    xp = namespace(a, b)
    (p, m, _, q), (s, k, n, t) = a.shape, b.shape
    both = xp.reshape(applied(a, xp.reshape(b, (s, k, n * t))), (p * s, m, q, n, t))
    return xp.reshape(xp.permute_dims(both, (0, 1, 3, 2, 4)), (p * s, m, n, q * t))


def products(
    multiply: Callable[[Array, Array], Array], ours: Sequence[Array], theirs: Sequence[Array]
) -> list[Array]:
    """Return the products of pairs of cores, none beyond the range where all together are not."""
    exponent, cores = 0, []
    for one, other in zip(ours, theirs, strict=True):
        up, down = scale_exponent(one), scale_exponent(other)
        cores.append(multiply(rescaled(one, -up), rescaled(other, -down)))
        exponent += up + down
    return rescaled_evenly(cores, exponent)


def as_matrix(x: object) -> Array:
    """Return a matrix of any kind as a dense array."""
    dense = x.toarray() if hasattr(x, "toarray") else plain(x)
    dense = dense if is_array(dense) else np.asarray(dense)
    if dense.ndim != 2:
        raise ShapeError(f"expected a matrix for each mode, got an array of shape {dense.shape}")
    return dense


def kronecker_sum_cores(matrices: Sequence[Array]) -> list[Array]:
    """Return the cores of ``sum_k I x ... x A_k x ... x I``: of rank 2, ``[[I, 0], [A_k, I]]``.

    The first bond entry says that the matrix has been, the second that it is still to come.
    """
    cores = []
    for matrix in matrices:
        xp = namespace(matrix)
        eye = xp.eye(matrix.shape[0], **beside(matrix))
        zero = xp.zeros_like(eye)
        rows = [xp.stack([eye, zero], axis=-1), xp.stack([matrix, eye], axis=-1)]
        cores.append(xp.stack(rows, axis=0))
    cores[0] = cores[0][1:, ...]
    cores[-1] = cores[-1][..., :1]
    return cores


def dense_matrix(cores: Sequence[Array]) -> Array:
    """Return the matrix (M, N) of all output and all input modes."""
    xp = namespace(cores[0])
    dense = xp.ones((1, 1, 1), **beside(cores[0]))  # (M, N, r)
    for core in cores:
        p, m, n, q = core.shape
        rows, columns, _ = dense.shape
        moved = product(xp.reshape(dense, (-1, p)), xp.reshape(core, (p, m * n * q)))
        moved = xp.permute_dims(xp.reshape(moved, (rows, columns, m, n, q)), (0, 2, 1, 3, 4))
        dense = xp.reshape(moved, (rows * m, columns * n, q))
    return dense[:, :, 0]


def as_paired_modes(matrix: Array, rows: Sequence[int], columns: Sequence[int]) -> Array:
    """Return a matrix (M, N) as a tensor of order d whose modes are pairs ``(m_k, n_k)``."""
    xp, order = namespace(matrix), len(rows)
    if tuple(matrix.shape) != (math.prod(rows), math.prod(columns)):
        raise ShapeError(
            f"a matrix of shape {tuple(matrix.shape)} is no operator from trains of shape "
            f"{tuple(columns)} to trains of shape {tuple(rows)}: it should be of shape "
            f"{(math.prod(rows), math.prod(columns))}"
        )
    pairs = [axis for k in range(order) for axis in (k, order + k)]
    split = xp.permute_dims(xp.reshape(matrix, (*rows, *columns)), pairs)
    return xp.reshape(split, [m * n for m, n in zip(rows, columns, strict=True)])


def split(core: Array, rows: int, columns: int) -> Array:
    """Return a core (r, m n, r') whose mode is a pair as one of an operator, (r, m, n, r')."""
    return namespace(core).reshape(core, (core.shape[0], rows, columns, core.shape[2]))
