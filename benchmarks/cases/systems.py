"""Linear systems in trains beside GMRES with deterministic rounding, and norms by products."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp

import sketch
from sketch.bench import Method, Work, normal_matrix

TOL = 3e-4
GRID, VALUES = 24, 15
System = tuple[Any, Any, Any]  # operator, right-hand side, approximate inverse


@functools.lru_cache(maxsize=1)
def patchwork(patches: int) -> System:
    """Return operator, right-hand side and the inverse at the mean of a diffusion problem."""
    step = sp.diags_array([1.0, -1.0], offsets=[0, -1], shape=(GRID + 1, GRID))
    eye, one = sp.eye_array(GRID), sp.eye_array(VALUES)
    slopes = sp.vstack([sp.kron(step, eye), sp.kron(eye, step)]).tocsr()
    owners = np.arange(slopes.shape[0]) * 4 * patches // slopes.shape[0]  # every fourth strip
    plain = slopes.T @ slopes
    pieces = [slopes[owners == 4 * k].T @ slopes[owners == 4 * k] for k in range(patches)]
    scales = np.linspace(0.0, 1.0, VALUES)
    terms = [sketch.TTOperator.kronecker([plain] + [one] * patches)]
    for k, piece in enumerate(pieces):
        others = [sp.diags_array(scales) if j == k else one for j in range(patches)]
        terms.append(sketch.TTOperator.kronecker([piece, *others]))
    operator = sum(terms).round(tol=1e-13)
    mean = np.linalg.inv((plain + scales.mean() * sum(pieces)).toarray())
    b = sketch.TensorTrain.ones(operator.in_shape)
    return operator, b / b.norm(), sketch.TTOperator.kronecker([mean] + [one] * patches)


def residual(system: System) -> Any:
    operator, b, _ = system
    return lambda x: (operator @ x - b).norm() / b.norm()


def solved(system: System) -> sketch.TensorTrain:
    return solution(system).x


def off_told(system: System) -> Any:
    """Return by which share the residual that a solution tells is not its true one."""
    true = residual(system)
    return lambda found: abs(found.residual.relative / true(found.x) - 1)


def solution(system: System) -> sketch.Solution:
    operator, b, inverse = system
    return sketch.solve(operator, b, rank=60, tol=TOL, preconditioner=inverse)


def by_svds(x: sketch.TensorTrain, rank: int) -> sketch.TensorTrain:
    """Return a train rounded by QRs and thin SVDs, as most libraries do."""
    cores = list(x.cores)
    for k in range(len(cores) - 1, 0, -1):
        r, n, s = cores[k].shape
        q, left = np.linalg.qr(cores[k].reshape(r, n * s).T)
        cores[k], cores[k - 1] = q.T.reshape(-1, n, s), cores[k - 1] @ left.T
    for k in range(len(cores) - 1):
        r, n, s = cores[k].shape
        u, sigma, v = np.linalg.svd(cores[k].reshape(r * n, s), full_matrices=False)
        cores[k] = u[:, :rank].reshape(r, n, -1)
        behind = sigma[:rank, None] * v[:rank]
        cores[k + 1] = np.tensordot(behind, cores[k + 1], axes=1)
    return sketch.TensorTrain(cores)


def by_grams(x: sketch.TensorTrain, rank: int) -> sketch.TensorTrain:
    """Return a train as our own library rounds it, by Gram matrices where they resolve it."""
    return x.round(rank)


def deterministic_gmres(
    rounded: Any, system: System, rank: int = 44, steps: int = 6
) -> sketch.TensorTrain:
    """Return x of GMRES whose products and vectors are rounded by truncated SVDs.

    Rank and steps are the least for a true residual of 3e-4.
    """
    operator, b, inverse = system
    basis, h = [b / b.norm()], np.zeros((steps + 1, steps))
    for j in range(steps):
        w = (operator @ (inverse @ basis[j]).to_tensor_train()).to_tensor_train()
        w = rounded(w, rank)
        h[: j + 1, j] = [v.dot(w) for v in basis]
        w = sum((-float(c) * v for c, v in zip(h[: j + 1, j], basis, strict=True)), w)
        w = rounded(w, rank)
        h[j + 1, j] = w.norm()
        basis.append(w / w.norm())
    y = np.linalg.lstsq(h, b.norm() * np.eye(steps + 1)[0], rcond=None)[0]
    u = sum(float(c) * v for c, v in zip(y, basis, strict=False))
    return (inverse @ rounded(u, rank)).to_tensor_train()


def off_nuclear_norm(a: np.ndarray[Any, Any]) -> Any:
    exact = np.sum(np.sqrt(np.linalg.eigvalsh(a.T @ a)))
    return lambda x: abs(float(x) / exact - 1)


def called(call: Any) -> Method:
    return Method(lambda data: functools.partial(call, data))


WORKS: dict[str, Work] = {
    "patches": Work(
        f"diffusion, {GRID} x {GRID} points, {{}} patches of {VALUES} conductivities; residual",
        ((2,), (4,), (9,)),
        patchwork,
        {
            "sketch solve": called(solved),
            "deterministic GMRES": called(functools.partial(deterministic_gmres, by_grams)),
            "deterministic GMRES, QR and SVD": called(
                functools.partial(deterministic_gmres, by_svds)
            ),
        },
        residual,
    ),
    "patches-told": Work(
        "the same, {} patches of " + f"{VALUES}; residual that is told over the true one, less 1",
        ((2,), (4,), (9,)),
        patchwork,
        {"sketch solve": called(solution)},
        off_told,
    ),
    "nuclear-norm": Work(
        "nuclear norm of {:,} x {:,}",
        ((1000, 300), (3000, 1000), (30_000, 1000)),
        normal_matrix,
        {
            "sketch schatten_norm": called(lambda a: sketch.schatten_norm(a)),
            "NumPy svd": called(lambda a: np.sum(np.linalg.svd(a, compute_uv=False))),
        },
        off_nuclear_norm,
    ),
}
