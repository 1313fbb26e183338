"""Multi-indices drawn at random where a tensor train is large."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..backend.array import Array, HostArray, cuts, to_host
from ._train_sweeps import orthogonalized

_BLOCK_ENTRIES = 4_000_000  # of the arrays that points are drawn from at once


def sampled_points(cores: Sequence[Array], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return multi-indices (p, d), each with probability ``|entry|^2 / norm^2``.

    One mode after the other from its conditional distribution, which the cores show once all behind
    are orthogonal [1]_: ``O(d n r^2)`` operations for each. The train must not be zero.

    Parameters
    ----------
    cores : sequence of array, shapes (r_{k-1}, n_k, r_k)
    uniform : array, shape (p, d)
        Independent and uniform in [0, 1).

    References
    ----------
    .. [1] A. Ferris, G. Vidal, "Perfect sampling with unitary tensor networks", Phys. Rev. B 85
       (2012) 165146, arXiv:1201.3974.
    """
    chain = [to_host(core) for core in orthogonalized(cores, 0)]
    chain[0] = chain[0] / np.abs(chain[0]).max()  # probabilities do not depend on the scale
    step = max(1, _BLOCK_ENTRIES // max(core.shape[1] * core.shape[2] for core in chain))
    return np.concatenate([_drawn(chain, uniform[cut]) for cut in cuts(len(uniform), step)])


def _drawn(chain: list[HostArray], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    points = np.zeros(uniform.shape, np.int64)
    each, before = np.arange(len(points)), np.ones((len(points), 1))
    for mode, core in enumerate(chain):
        a, n, b = core.shape
        slices = (before @ core.reshape(a, n * b)).reshape(-1, n, b)
        chances = np.cumsum(np.sum(np.abs(slices) ** 2, axis=2), axis=1)
        above = chances > uniform[:, mode, None] * chances[:, -1:]
        points[:, mode] = np.argmax(above, axis=1)
        before = slices[each, points[:, mode]]
        before /= np.linalg.norm(before, axis=1, keepdims=True)
    return points
