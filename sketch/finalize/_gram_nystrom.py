"""The Nyström approximation of a positive semidefinite matrix, stabilised by a shift."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from ..backend.array import (
    Array,
    Namespace,
    beside,
    device_of,
    dtype_name,
    namespace,
    to_host,
    unit_roundoff,
)
from ..numerics.factorizations import (
    inverse_cholesky,
    orthonormal_basis,
    singular_values,
    thin_svd,
    wide_svd,
)
from ..numerics.linalg import adjoint, column_norms, frobenius_norm

_ATTEMPTS = 5
_MARGIN = 4.0  # of what is inverted over the rounding errors in it
_DEPENDENT = 1e-10  # columns of Omega that are less independent of others are cut in any precision,
_EVEN = 0.1  # and none that are more independent than that


@dataclass(frozen=True)
class Eigenpairs:
    """Approximate eigenvectors and eigenvalues of a positive semidefinite matrix.

    Attributes
    ----------
    vectors : array, shape (n, k)
        Orthonormal columns.
    values : array, shape (k,)
        Descending, not negative; none of them larger than the eigenvalue of the matrix of the same
        number, up to `floor`.
    floor : float
        Rounding errors of the values.
    left_out : float
        Root mean square of what sketches without one column miss of the product with it, which is
        about the Frobenius norm of what a sketch misses; infinite where it is not known.
    """

    vectors: Array
    values: Array
    floor: float
    left_out: float = math.inf


def gram_eigenpairs(gram: Array, rounding: float) -> Eigenpairs:
    """Return the eigenpairs of a positive semidefinite matrix G that has rounding errors.

    Parameters
    ----------
    gram : array, shape (n, n)
    rounding : float
        Size of the errors.
    """
    xp = namespace(gram)
    values, vectors = xp.linalg.eigh((gram + adjoint(gram)) / 2)
    descending = xp.arange(gram.shape[0] - 1, -1, -1, device=device_of(gram))
    values, vectors = xp.take(values, descending), xp.take(vectors, descending, axis=1)
    own = unit_roundoff("float64") * math.sqrt(max(1, gram.shape[0])) * _largest(values)
    floor = _MARGIN * (rounding + own)
    return Eigenpairs(vectors, xp.maximum(values, 0 * values), floor)


def gram_nystrom(y: Array, omega: Array, rounding: float) -> Eigenpairs:
    """Return the eigenpairs of ``Y (Omega^* Y)^+ Y^*`` for ``Y = G Omega`` with rounding errors.

    Parameters
    ----------
    y : array, shape (n, k)
    omega : array, shape (n, k)
        It is orthonormalised first, and Y with it. Columns that depend on others are left out.
    rounding : float
        Size of the errors in Y, were Omega orthonormal.

    Notes
    -----
    ``O(n k^2)``. Works on ``G + shift I`` with a shift above the errors, and takes the shift away
    again; where larger errors made G indefinite, by its positive eigenvalues. Without a shift the
    small eigenvalues of ``Omega^* Y``, which are rounding errors, would be divided by.

    An error E of ``G Q`` changes the eigenvalue of a vector u by about ``2 |E| |w| + |E| |w|^2``
    where ``w = (Q^* G Q)^{-1} (G Q)^* u`` is how u is combined from what was seen.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736, algorithm 3.
    """
    xp = namespace(y)
    size = frobenius_norm(y)
    own = unit_roundoff(dtype_name(y.dtype))
    share = rounding / size * math.sqrt(y.shape[0]) if size else 0.0
    columns = min(omega.shape)
    q, y, condition, back = _orthonormalized(y, omega, max(own, share))
    own *= 2 * frobenius_norm(y)
    noise = max(rounding, own) * condition
    core = adjoint(q) @ y
    shift = min(max(_MARGIN * _noise(core, int(y.shape[0])), own), _MARGIN * noise)
    core = (core + adjoint(core)) / 2
    identity = xp.eye(core.shape[0], dtype=core.dtype, device=core.device)
    for _ in range(_ATTEMPTS):
        inverse = inverse_cholesky(core + shift * identity, identity) if shift else None
        if inverse is not None:
            break
        shift *= 10
    else:
        inverse, shift = _definite_inverse(xp, core), 0.0
    left_out = math.inf if back is None else _left_out(y, inverse, back)
    v, s, uh = wide_svd(adjoint((y + shift * q) @ inverse))
    values = xp.maximum(s**2 - shift, 0 * s)
    weights = s * xp.sqrt(xp.sum(xp.abs(inverse @ v) ** 2, axis=0))
    counted = xp.where(values > shift, weights, xp.ones_like(weights))
    seen = float(xp.max(counted)) if counted.shape[0] else 1.0
    noise *= math.sqrt(q.shape[1] / max(1, q.shape[0])) * (2 * seen + seen**2) / 3
    floor = max(_MARGIN * noise, shift)
    return Eigenpairs(*_padded(adjoint(uh), values, columns), floor, left_out)


def probed_cross(residual: Array, probed: Array, u: Array) -> tuple[float, ...]:
    """Return ``2 <E, T_k> / ||E||^2`` for ``T_k = sum_{j > k} s_j u_j u_j^*``, k from 0 to r.

    Parameters
    ----------
    residual : array, shape (p, n)
        ``Theta^* E`` for Gaussian probes Theta.
    probed : array, shape (p, r)
        ``Theta^* U S``.
    u : array, shape (n, r)
        Orthonormal columns.
    """
    size = frobenius_norm(residual)
    if not size:
        return ()
    xp = namespace(u)
    pairs = xp.sum(xp.conj((residual / size) @ u) * (probed / size), axis=0)
    twice = [2 * complex(x).real for x in to_host(pairs)]
    sums = [0.0, *itertools.accumulate(reversed(twice))]
    return tuple(max(0.0, x) for x in reversed(sums))


def _left_out(y: Array, inverse: Array, back: Array) -> float:
    """Return the root mean square residual of the columns that sketches without them miss.

    With ``H = Omega^* G Omega`` the residual for column j is ``G Omega H^{-1} e_j / (H^{-1})_jj``,
    and ``G Omega H^{-1} = (G Q) X X^* R^{-*}`` for ``Omega = Q R`` and ``X X^* = (Q^* G Q)^{-1}``.

    References
    ----------
    .. [1] E. Epperly, J. Tropp, "Efficient error and variance estimation for randomized matrix
       computations", SISC 46 (2024), doi:10.1137/23M1558537, arXiv:2207.06342, section 2.
    """
    half = adjoint(inverse) @ back  # X^* R^{-*}
    missed, pivots = column_norms(y @ (inverse @ half)), column_norms(half)
    ratios = (x / p**2 for x, p in zip(missed, pivots, strict=True) if p)
    return math.hypot(*ratios) / math.sqrt(max(1, len(pivots)))


def _padded(vectors: Array, values: Array, columns: int) -> tuple[Array, Array]:
    """Return eigenpairs with further ones, of the eigenvalue zero, up to a number of columns."""
    xp, (n, known) = namespace(vectors), vectors.shape
    missing = columns - known
    if not missing:
        return vectors, values
    units = xp.eye(n, known + missing, **beside(vectors))
    others = xp.linalg.qr(xp.concat([vectors, units], axis=1), mode="reduced")[0]
    more = xp.zeros((missing,), **beside(values))
    return xp.concat([vectors, others[:, known:columns]], axis=1), xp.concat([values, more])


def _noise(core: Array, n: int) -> float:
    """Return the spectral norm of errors in ``G Q`` (n, k) that make ``Q^* G Q`` so unsymmetric.

    They are taken to be independent and alike. Half the square of their norm is unsymmetric.
    """
    k = max(1, int(core.shape[0]))
    each = frobenius_norm(core - adjoint(core)) / math.sqrt(2) / k
    return each * (math.sqrt(n) + math.sqrt(k))


def _orthonormalized(
    y: Array, omega: Array, noise: float
) -> tuple[Array, Array, float, Array | None]:
    """Return Q, ``Y R^{-1} = G Q``, how much more than of an even R its errors are, and ``R^{-*}``.

    Directions of Omega that are weaker than the cube root of the noise are left out: of the loss
    of a column and the errors that its weakness would magnify, the lesser.
    """
    xp = namespace(y)
    q = orthonormal_basis(omega)
    r = adjoint(q) @ omega
    sizes = singular_values(r)
    cut = min(max(_DEPENDENT, noise ** (1 / 3)), _EVEN) * max(sizes, default=0.0)
    kept = sum(x > cut for x in sizes)
    mean = math.sqrt(sum(x * x for x in sizes) / max(1, len(sizes)))
    condition = mean / sizes[kept - 1] if kept else 1.0
    if kept == r.shape[0] == r.shape[1]:
        back = xp.linalg.inv(adjoint(r))
        solved = adjoint(xp.linalg.solve(adjoint(r), adjoint(y)))
        return q, solved, condition, back
    u, s, vh = thin_svd(r)
    u, vh, s = u[:, :kept], vh[:kept, :], s[:kept]
    return q @ u, (y @ adjoint(vh)) / s, condition, None


def _definite_inverse(xp: Namespace, core: Array) -> Array:
    """Return X with ``X X^* = core^+``, without what rounding made indefinite."""
    values, vectors = xp.linalg.eigh(core)
    ends = [float(values[0]), float(values[-1])] if values.shape[0] else [0.0, 0.0]
    noise = max(0.0, -2 * ends[0], 1e-12 * ends[1])
    kept = values > noise
    scale = xp.where(kept, 1 / xp.sqrt(xp.where(kept, values, xp.ones_like(values))), 0 * values)
    return vectors * scale


def _largest(values: Array) -> float:
    return max((abs(float(x)) for x in values), default=0.0)
