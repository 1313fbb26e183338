"""Sweeps of cross approximation: nested sets of indices, and the train that interpolates on them.

Before mode k there are left indices I_k (r_k, k), each an index of I_{k-1} and one of its mode;
behind it right indices J_k (s_k, d-k-1), likewise. A sweep from the left takes the entries at
``I_k x n_k x J_k`` as a matrix T, whose numerical rank and dominant rows give I_{k+1}. The train of
the cores ``Q Q[rows]^{-1}``, ``T = Q R``, is exact at all of ``I_k x n_k x J_k``, where T has this
rank. A sweep from the right is that of the tensor with its modes reversed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..backend.array import to_host, unit_roundoff
from ..numerics.factorizations import pivoted_qr
from ..numerics.index_keys import IndexKeys, Points
from ..numerics.linalg import rescaled, scale_exponent
from ..numerics.maxvol import dominant_rows
from ._evaluations import Evaluations
from ._function_block import Values


class CrossSweeps:
    """The sets of indices of a cross approximation, improved by sweeps to and fro.

    Parameters
    ----------
    entries : Evaluations
        Of the function.
    start : array, shape (p, d)
        Multi-indices to begin with.
    """

    def __init__(self, entries: Evaluations, start: Points) -> None:
        self._entries = entries
        sizes = entries.shape
        self._far = [_distinct(start[:, k + 1 :], sizes[k + 1 :]) for k in range(len(sizes))]
        self._is_reversed = False

    def sweep(self, limits: Sequence[int]) -> list[Values]:
        """Return the cores of the train of another sweep, opposite to the last one.

        Parameters
        ----------
        limits : sequence of int
            The largest rank of each of the d - 1 bonds.
        """
        flip = -1 if self._is_reversed else 1
        sizes, limits = self._entries.shape[::flip], limits[::flip]
        near, cores = [np.zeros((1, 0), np.int64)], []
        for mode, size in enumerate(sizes):
            points = _crossed(near[-1], size, self._far[mode])
            values = self._entries(points[:, ::flip])
            before, behind = len(near[-1]), len(self._far[mode])
            if mode == len(sizes) - 1:
                cores.append(values.reshape(before, size, 1))
                break
            unfolding, roundoff = values.reshape(-1, behind), unit_roundoff(self._entries.dtype)
            rows, core = _interpolated(unfolding, limits[mode], roundoff)
            near.append(points.reshape(before * size, behind, -1)[rows, 0, : mode + 1])
            cores.append(core.reshape(before, size, -1))
        # what lies behind a mode on the way back, nearest first
        self._far = [chosen[:, ::-1] for chosen in near[::-1]]
        self._is_reversed = not self._is_reversed
        return cores if flip == 1 else [core.transpose(2, 1, 0) for core in cores[::-1]]

    def enrich(self, points: Points) -> None:
        """Add the ends of multi-indices (p, d) to the sets that the next sweep goes towards."""
        flip = -1 if self._is_reversed else 1
        points, sizes = points[:, ::flip], self._entries.shape[::flip]
        self._far = [
            _distinct(np.concatenate([far, points[:, mode + 1 :]]), sizes[mode + 1 :])
            for mode, far in enumerate(self._far)
        ]


def _crossed(near: Points, size: int, far: Points) -> Points:
    """Return all of near x size x far, shape (a n b, d), the last index fastest."""
    a, b = len(near), len(far)
    indices = np.arange(size)[None, :, None, None]
    parts = (near[:, None, None, :], indices, far[None, None, :, :])
    whole = [np.broadcast_to(part, (a, size, b, part.shape[-1])) for part in parts]
    return np.concatenate(whole, axis=-1).reshape(a * size * b, -1)


def _interpolated(t: Values, limit: int, roundoff: float) -> tuple[NDArray[np.intp], Values]:
    """Return dominant rows of T (m, s), at most `limit`, and the coefficients of all (m, r)."""
    q, _, columns = pivoted_qr(rescaled(t, -scale_exponent(t)), roundoff)
    if not columns:  # zeros: a bond of rank one through a zero core
        return np.zeros(1, np.intp), np.zeros((len(t), 1))
    return dominant_rows(to_host(q[:, :limit]))


def _distinct(points: Points, shape: Sequence[int]) -> Points:
    """Return the multi-indices of an array, each once, in their order."""
    if not shape:
        return points[:1]
    _, first = np.unique(IndexKeys(shape)(points), return_index=True)
    return points[np.sort(first)]
