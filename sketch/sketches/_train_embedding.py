"""A random linear map from tensors of any format to a few numbers, that keeps norms and angles."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from .._checks import checked_size
from ..backend.array import Array
from ..errors import RankError, ShapeError
from ..maps import END, Bond, StackedTrains, TensorTrainMap
from ..numerics.seeds import checked_seed
from ..results import TrainProbes
from ..sources import as_tensor_source
from ._spec import checked_axes
from ._tensor_steps import probed


@dataclass(frozen=True)
class TrainEmbedding:
    """A linear embedding ``S`` of tensors of a shape: inner products with Gaussian trains.

    ``S t`` has `size` entries, ``E ||S t||^2 = ||t||^2``, and ``S`` is linear over sums, products
    with operators and all formats: none of them is formed. So least-squares problems over trains
    become small dense ones.

    Parameters
    ----------
    shape : sequence of int
        Of the tensors.
    size : int
        Number of outputs, a multiple of `blocks`.
    rank : int
        Inner rank of the random trains.
    blocks : int
        How many independent trains there are; the outputs of one share all its cores but the
        first. One is cheapest, and enough to compare tensors with each other: it keeps angles, but
        raises or damps all norms together. Several keep norms too.
    seed : int or None
        Fixes the trains: the same numbers everywhere.

    Raises
    ------
    ShapeError, RankError
        If the sizes make no sense.

    Notes
    -----
    A train of rank R costs ``n (R^2 q + R q^2)`` operations a mode for ``q = blocks * rank``.
    ``||S t||^2 / ||t||^2`` has a variance of about
    ``((1 + 2 / rank)^(d-1) (1 + 2 blocks / size) - 1) / blocks`` at most; `law` is its law.

    References
    ----------
    .. [1] Y. Nakatsukasa, J. Tropp, "Fast and accurate randomized algorithms for linear systems
       and eigenvalue problems", SIAM J. Matrix Anal. Appl. 45 (2024), arXiv:2111.00113.
    .. [2] Z. Bujanović, D. Kressner, Olić, "Stochastic trace estimation with tensor train random
       vectors", 2026, arXiv:2606.15679.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> x = sketch.TensorTrain([np.ones((1, 5, 1))] * 6)
    >>> embed = sketch.TrainEmbedding(x.shape, size=50)
    >>> total = embed(2 * x + sketch.CPTensor(None, [np.ones((5, 1))] * 6))
    >>> total.shape, bool(np.allclose(total, 3 * embed(x)))
    ((50,), True)
    """

    shape: tuple[int, ...]
    size: int = 200
    rank: int = 20
    blocks: int = 1
    seed: int | None = 0

    def __post_init__(self) -> None:
        shape = checked_axes(self.shape)
        if None in shape or 0 in shape:
            raise ShapeError(f"an embedding needs the sizes of all modes, at least 1, got {shape}")
        size = checked_size(self.size, "size", least=1)
        blocks = checked_size(self.blocks, "blocks", least=1)
        if size % blocks:
            raise RankError(f"size must be a multiple of blocks, got {size} and {blocks}")
        rank = checked_size(self.rank, "rank", least=1)
        values = {"shape": shape, "size": size, "rank": rank, "blocks": blocks}
        for name, value in {**values, "seed": checked_seed(self.seed)}.items():
            object.__setattr__(self, name, value)

    @functools.cached_property
    def _maps(self) -> dict[str, TensorTrainMap]:
        inner = (Bond(self.blocks, self.rank),) * (len(self.shape) - 1)
        bonds = (Bond(self.blocks, self.size // self.blocks), *inner, END)
        seed = self.seed or 0
        return {"error": TensorTrainMap(seed, "error", bonds, StackedTrains())}

    @property
    def law(self) -> TrainProbes:
        """The worst-case law of ``||t|| / ||S t||``."""
        bonds = self._maps["error"].bonds[:-1]
        return TrainProbes(bonds=tuple(bond.rank for bond in bonds), blocks=self.blocks)

    def __call__(self, t: object) -> Array:
        """Return ``S t``, shape (size,).

        Parameters
        ----------
        t : array, sparse tensor, train, CP or Tucker tensor, operator product, or sum of these

        Raises
        ------
        ShapeError
            If it is of another shape.
        """
        source = as_tensor_source(t)
        if source.shape != self.shape:
            raise ShapeError(f"this embeds tensors of shape {self.shape}, got {source.shape}")
        parts = [probed(self._maps, block, at)[:, 0] for at, block in source.blocks()]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total / math.sqrt(self.size)
