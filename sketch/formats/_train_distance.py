"""The distance of two tensor trains, at the price of matrix products where these resolve it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..backend.array import Array, beside, namespace, quiet, unit_roundoff, widened
from ..numerics.factorizations import inverse_cholesky
from ..numerics.linalg import adjoint, rescaled
from ._tensor_train import TensorTrain
from ._train_sweeps import left_orthogonalized, top_exponent

_INDEPENDENT = 1e-8  # least eigenvalue of Gram matrices with a diagonal of 1


def distance_and_norm(x: TensorTrain, y: TensorTrain) -> tuple[float, float, float]:
    """Return ``||x - y||``, ``||y||``, and to how much of the distance products resolve it.

    With orthonormal left interfaces ``Q_k`` of x and ``Q_k P_k`` the projection of those of y,
    ``y - x`` is a sum of terms ``(Q_{k-1} x I) V_k Y_k`` that are orthogonal to each other, of
    which the ``V_k = P_{k-1} C_k - X_k P_k`` are small matrices, formed without loss, and ``Y_k``
    is what y has behind mode k. So the squares of the terms add up, by the Gram matrices of
    ``Y_k`` alone: ``n R^3`` operations a mode for ranks R of y. Where rows of a ``Y_k`` depend on
    each other, so that terms of y may cancel, QRs of the difference take their place.
    """
    if 0 in y.shape:
        return 0.0, 0.0, 0.0
    with quiet():
        squares = _squares(x, y)
    if squares is None:
        return (x - y).norm(), y.norm(), 0.0
    distance, norm = (math.sqrt(value) for value in squares)
    return distance, norm, max(y.ranks, default=1) * unit_roundoff("float64") / _INDEPENDENT


def _squares(x: TensorTrain, y: TensorTrain) -> tuple[float, float] | None:
    """Return ``||x - y||^2`` and ``||y||^2``, or None where rounding would show in them."""
    cores = [widened(core) for core in y.cores]
    grams = list(_grams_behind(cores))
    if not all(_is_independent(gram) for gram, _ in grams[1:-1]):
        return None
    xp, total, exponent = namespace(*cores), 0.0, 0
    projected = xp.ones((1, 1), **beside(cores[0]))  # P_k (r, R) times a power of two
    ours = left_orthogonalized([widened(core) for core in x.cores], x.ndim - 1)
    for mode, (q, core, (gram, behind)) in enumerate(zip(ours, cores, grams[-2::-1], strict=True)):
        a, n, b = core.shape
        moved = xp.reshape(projected @ xp.reshape(core, (a, n * b)), (-1, b))
        q = xp.reshape(q, (-1, q.shape[2]))
        if mode < x.ndim - 1:
            projected = adjoint(q) @ moved
            missed = moved - q @ projected
        else:
            missed = moved - rescaled(q, -exponent)
        square = complex(xp.sum((missed @ gram) * xp.conj(missed))).real
        total += rescaled(max(0.0, square), 2 * exponent + behind)
        step = top_exponent(projected)
        projected, exponent = rescaled(projected, -step), exponent + step
    gram, behind = grams[-1]
    norm = rescaled(complex(gram[0, 0]).real, behind)
    return (total, norm) if 0 < total < math.inf and 0 < norm < math.inf else None


def _grams_behind(cores: Sequence[Array]) -> Iterator[tuple[Array, int]]:
    """Yield the Gram matrices of what is behind the modes, from the last one, up to powers of 2.

    The one before the first mode comes at the end.
    """
    xp = namespace(*cores)
    gram, exponent = xp.ones((1, 1), **beside(cores[0])), 0
    yield gram, exponent
    for core in reversed(cores):
        a, n, b = core.shape
        rows = xp.reshape(xp.reshape(core, (a * n, b)) @ gram, (a, n * b))
        gram = rows @ adjoint(xp.reshape(core, (a, n * b)))
        step = top_exponent(gram)
        gram, exponent = rescaled(gram, -step), exponent + step
        yield gram, exponent


def _is_independent(gram: Array) -> bool:
    """Whether vectors are far from dependent, whatever their norms, by their Gram matrix."""
    xp = namespace(gram)
    sizes = xp.sqrt(xp.abs(xp.linalg.diagonal(gram)))
    if not bool(xp.all(xp.isfinite(gram))) or not bool(xp.all(sizes > 0)):
        return False
    cosines = gram / sizes[:, None] / sizes[None, :]
    identity = xp.eye(gram.shape[0], dtype=gram.dtype, device=gram.device)
    inverse = inverse_cholesky(cosines - _INDEPENDENT * identity, identity)
    return inverse is not None and bool(xp.all(xp.isfinite(inverse)))
