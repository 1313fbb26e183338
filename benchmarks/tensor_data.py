"""The tensors that benchmarks and experiments sketch, defined exactly; see their docstrings."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp

import sketch


def cp_decaying(
    shape: tuple[int, ...] = (10,) * 5, terms: int = 100, power: float = 5.0
) -> sketch.CPTensor:
    """Return weights k^-power and normalised Gaussian factors (NumPy's legacy seed 179)."""
    rng = np.random.RandomState(179)
    factors = [rng.normal(size=(n, terms)) for n in shape]
    factors = [f / np.linalg.norm(f, axis=0) for f in factors]
    return sketch.CPTensor(np.arange(1, terms + 1.0) ** -power, factors)


def hilbert(n: int = 5, order: int = 7) -> np.ndarray[Any, Any]:
    """Return 1 / (1 + i_1 + ... + i_d)."""
    return 1 / (1 + functools.reduce(np.add, np.ix_(*[np.arange(float(n))] * order)))


def square_root(n: int = 10, order: int = 5) -> np.ndarray[Any, Any]:
    """Return sqrt(abs(x_1 + ... + x_d)) on a grid of [-0.2, 2], of norm 1."""
    x = functools.reduce(np.add, np.ix_(*[np.linspace(-0.2, 2, n)] * order))
    root = np.sqrt(np.abs(x))
    return np.asarray(root / np.linalg.norm(root))


def random_train(rng: Any, shape: tuple[int, ...], rank: int) -> sketch.TensorTrain:
    """Return a train with Gaussian cores and a mean square norm of 1."""
    ranks = [1, *[rank] * (len(shape) - 1), 1]
    cores = [
        (rng.standard_normal((a * n, b)) / np.sqrt(a * n)).reshape(a, n, b)
        for a, n, b in zip(ranks[:-1], shape, ranks[1:], strict=True)
    ]
    return sketch.TensorTrain(cores)


def published_draws(seed: int) -> Any:
    """Return the generator of the published sums: NumPy's old one.

    With it the published errors of TT-SVD, which is deterministic, come out to all their digits.
    The published trains of falling weights come out with neither generator, but alike.
    """
    return np.random.RandomState(seed)


def decaying_train(
    rng: Any, shape: tuple[int, ...], rank: int, lo: float, mode: str
) -> sketch.TensorTrain:
    """Return an orthogonalised Gaussian train whose cores got decaying singular values.

    Ranks are trimmed; each core, unfolded to its squarer matrix of smaller side m, has its singular
    values replaced by, or multiplied with, ``10^(lo (j-1) / (m-1))``, j = 1..m; `mode` is "replace"
    (then also times ``sqrt(m)``) or "multiply".
    """
    d = len(shape)
    sizes = [float(n) for n in shape]
    ranks = [1]
    for k in range(1, d):
        full = min(np.prod(sizes[:k]), np.prod(sizes[k:]))
        ranks.append(int(min(rank, full)))
    ranks.append(1)
    cores = []
    for k, n in enumerate(shape):
        a, b = ranks[k], ranks[k + 1]
        z = rng.standard_normal((a * n, b))
        z = np.linalg.qr(z)[0] if k < d - 1 else z / np.sqrt(a * n)
        square = z.reshape(a, n * b) if min(a, n * b) >= min(a * n, b) else z.reshape(a * n, b)
        u, s, vh = np.linalg.svd(square, full_matrices=False)
        m = len(s)
        fade = 10 ** (lo * np.arange(m) / max(1, m - 1))
        s = fade * np.sqrt(m) if mode == "replace" else s * fade
        cores.append(((u * s) @ vh).reshape(a, n, b))
    return sketch.TensorTrain(cores)


def dense_of_train(n: int, order: int, rank: int, noise: float) -> np.ndarray[Any, Any]:
    """Return a dense tensor: a train of falling singular values, and white noise beside it."""
    t = decaying_train(np.random.default_rng(0), (n,) * order, rank, -4.0, "replace").to_array(
        max_bytes=2**40
    )
    t /= np.linalg.norm(t)
    if noise:
        rng = np.random.default_rng(1)
        for part in t:
            part += noise / np.sqrt(t.size) * rng.standard_normal(part.shape)
    return t


def sparse_blocks(n: int, order: int, terms: int, occupied: int) -> sp.coo_array:
    """Return a sum of rank-one tensors with weights k^-2, each on a block of few indices a mode."""
    rng = np.random.default_rng(0)
    coords, values = [], []
    for k in range(terms):
        places = [rng.choice(n, occupied, replace=False) for _ in range(order)]
        factors = [rng.standard_normal(occupied) for _ in range(order)]
        coords.append(np.stack([x.ravel() for x in np.meshgrid(*places, indexing="ij")]))
        values.append((k + 1.0) ** -2 * functools.reduce(np.multiply.outer, factors).ravel())
    return sp.coo_array(
        (np.concatenate(values), tuple(np.concatenate(coords, axis=1))), shape=(n,) * order
    )


def train_plus_sparse(scale: float = 1 / 25) -> tuple[sketch.TensorTrain, sp.coo_array]:
    """Return a random train of rank 5, scaled, and 100 random entries."""
    rng = published_draws(179)
    train = random_train(rng, (10,) * 5, 5)
    flat = rng.choice(10**5, 100, replace=False)
    values = rng.standard_normal(100) * np.logspace(-3, -20, 100)
    coords = np.unravel_index(flat, (10,) * 5)
    return scale * train, sp.coo_array((values, coords), shape=(10,) * 5)


def sum_of_trains() -> list[tuple[float, sketch.TensorTrain]]:
    """Return 20 random trains of rank 3 with coefficients from 1 down to 1e-20."""
    rng = published_draws(179)
    return [(float(c), random_train(rng, (10,) * 5, 3)) for c in np.logspace(0, -20, 20)]
