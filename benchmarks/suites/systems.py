"""Linear systems in trains beside GMRES with deterministic rounding, and norms by products."""

from __future__ import annotations

import functools

import numpy as np
import scipy.sparse as sp

import sketch

from .common import Case, dense_matrix, sizes

TOL = 3e-4


class Patches(Case):
    """A diffusion problem of 24 x 24 points, over the patches of unknown conductivity: 15^patches.

    The reference has its best settings for a true residual of about 3e-4, six steps at rank 52.
    """

    params = (["solve", "deterministic"], sizes(2, 4, 9))
    param_names = ("method", "patches")

    def prepare(self, method, patches):
        operator, b, inverse = patchwork(patches)

        def residual(x):
            return (operator @ x - b).norm() / b.norm()

        if method == "deterministic":
            return lambda: deterministic_gmres(operator, b, inverse, 52, 6), residual
        call = functools.partial(sketch.solve, operator, b, rank=60, tol=TOL)
        return lambda: call(preconditioner=inverse).x, residual


class NuclearNorm(Case):
    """The nuclear norm of a matrix of 1,000 columns and singular values 1/i, over its rows."""

    params = (["schatten", "svd"], sizes(3_000, 30_000))
    param_names = ("method", "rows")

    def prepare(self, method, rows):
        a = dense_matrix(rows)
        exact = np.sum(np.sqrt(np.linalg.eigvalsh(a.T @ a)))
        if method == "svd":
            return lambda: np.sum(np.linalg.svd(a, compute_uv=False)), lambda x: abs(x / exact - 1)
        return lambda: float(sketch.schatten_norm(a)), lambda x: abs(x / exact - 1)


@functools.lru_cache(maxsize=1)
def patchwork(patches, grid=24, values=15):
    """Return operator, right-hand side and the inverse at the mean of a diffusion problem."""
    step = sp.diags_array([1.0, -1.0], offsets=[0, -1], shape=(grid + 1, grid))
    eye, one = sp.eye_array(grid), sp.eye_array(values)
    slopes = sp.vstack([sp.kron(step, eye), sp.kron(eye, step)]).tocsr()
    owners = np.arange(slopes.shape[0]) * 4 * patches // slopes.shape[0]  # every fourth strip
    plain = slopes.T @ slopes
    pieces = [slopes[owners == 4 * k].T @ slopes[owners == 4 * k] for k in range(patches)]
    scales = np.linspace(0.0, 1.0, values)
    terms = [sketch.TTOperator.kronecker([plain] + [one] * patches)]
    for k, piece in enumerate(pieces):
        others = [sp.diags_array(scales) if j == k else one for j in range(patches)]
        terms.append(sketch.TTOperator.kronecker([piece, *others]))
    operator = sum(terms).round(tol=1e-13)
    mean = np.linalg.inv((plain + scales.mean() * sum(pieces)).toarray())
    b = sketch.TensorTrain.ones(operator.in_shape)
    return operator, b / b.norm(), sketch.TTOperator.kronecker([mean] + [one] * patches)


def deterministic_gmres(operator, b, inverse, rank, steps):
    """Return x of GMRES whose products and vectors are rounded by truncated SVDs."""
    basis, h = [b / b.norm()], np.zeros((steps + 1, steps))
    for j in range(steps):
        w = (operator @ (inverse @ basis[j]).to_tensor_train()).to_tensor_train().round(rank)
        h[: j + 1, j] = [v.dot(w) for v in basis]
        w = sum((-float(c) * v for c, v in zip(h[: j + 1, j], basis, strict=True)), w).round(rank)
        h[j + 1, j] = w.norm()
        basis.append(w / w.norm())
    y = np.linalg.lstsq(h, b.norm() * np.eye(steps + 1)[0], rcond=None)[0]
    u = sum(float(c) * v for c, v in zip(y, basis, strict=False)).round(rank)
    return (inverse @ u).to_tensor_train()
