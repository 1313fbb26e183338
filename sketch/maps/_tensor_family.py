"""Distributions of test tensors: how wide their trains are, and which numbers fill the cores."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from .._checks import checked_size
from ..backend.array import HostArray
from ..errors import ArgumentError, SketchWarning, warn
from ..numerics.random import HOST, Bits, normal_rows, sign_rows
from ._named import chosen

_WIDEST_TRAIN = 64

TensorFamilyName = Literal["stacked-trains", "khatri-rao"]
"""Names of families that may be given instead of an instance."""


class TestTensorFamily(ABC):
    """A distribution of test tensors: stacks of independent random tensor trains.

    Families are frozen, hashable and printable. Their names may be given instead of an instance.

    Raises
    ------
    ArgumentError
        Of a name that is not known, by whatever is given it.

    Notes
    -----
    A stack of s columns of trains of rank q costs ``s q`` operations for each entry of a sparse
    tensor, each slice of a train and each term of a CP tensor; contractions with a dense tensor
    cost about two for each entry and column, whatever q.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       section 3, arXiv:2208.02600.

    Examples
    --------
    >>> import sketch
    >>> isinstance(sketch.StackedTrains(), sketch.TestTensorFamily)
    True
    """

    __test__ = False  # not a test class, whatever pytest thinks of the name
    name: ClassVar[str]

    def check_order(self, order: int) -> None:  # noqa: B027 - most families fit every order
        """Warn where the family is not fit for tensors of an order.

        Parameters
        ----------
        order : int
            Number of modes d.

        Examples
        --------
        >>> import sketch
        >>> sketch.KhatriRao().check_order(8)
        """

    @abstractmethod
    def block_ranks(self, order: int) -> range:
        """Return the ranks that each train may have for tensors of an order, the least first.

        Parameters
        ----------
        order : int
            Number of modes d.

        Examples
        --------
        >>> import sketch
        >>> sketch.StackedTrains().block_ranks(3), sketch.KhatriRao().block_ranks(3)
        (range(8, 16), range(1, 2))
        """

    @abstractmethod
    def draw(
        self, seed: int, stream: int, start: int, stop: int, width: int, bits: Bits = HOST
    ) -> HostArray:
        """Draw rows of independent entries with mean 0 and mean square 1.

        Parameters
        ----------
        seed, stream : int
            The rows follow from these, their numbers and the width alone.
        start, stop : int
            Which rows.
        width : int
            Columns.
        bits : Bits, optional
            Where random bits are made: the host by default.

        Returns
        -------
        array of float64, shape (stop - start, width)
        """


def as_tensor_family(test_tensor: TestTensorFamily | str) -> TestTensorFamily:
    """Return the family of that name, or the given instance."""
    example = "sketch.StackedTrains(block_rank=20)"
    return chosen(TestTensorFamily, test_tensor, "test_tensor", example)


@dataclass(frozen=True)
class StackedTrains(TestTensorFamily):
    """Stacks of random tensor trains, each of a small rank: the default test tensors.

    Parameters
    ----------
    block_rank : int, optional
        Rank of each train. By default at least ``max(8, 1.25 d)``, which bounds the variance of
        squared norms whatever the order d, but 64 at most: beyond order 50 all directions are
        damped or raised together, which a sketch does not mind. The size of the sketch makes one
        train of the stack, as in the publication.
    entries : {"gaussian", "sign"}
        Signs cost a tenth of normal deviates to draw.

    Raises
    ------
    RankError
        If `block_rank` is less than 1.
    ArgumentError
        If `entries` is neither.

    Notes
    -----
    A stack of s columns costs ``s * block_rank`` operations where one train costs ``s**2``: for
    each entry of a sparse tensor, each slice of a train, each term of a CP tensor.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.
    .. [2] P. Cazeaux, M.-S. Dupuy, R. Figueroa Justiniano, "Linear-scaling tensor train sketching",
       2026, arXiv:2603.11009.

    Examples
    --------
    >>> import sketch
    >>> sk = sketch.STTA((50, 50, 50), rank=5, test_tensor=sketch.StackedTrains(entries="sign"))
    """

    name: ClassVar[str] = "stacked-trains"

    block_rank: int | None = None
    entries: Literal["gaussian", "sign"] = "gaussian"

    def __post_init__(self) -> None:
        if self.block_rank is not None:
            checked_size(self.block_rank, "block_rank", least=1)
        if not isinstance(self.entries, str) or self.entries not in ("gaussian", "sign"):
            raise ArgumentError(f'entries must be "gaussian" or "sign", got {self.entries!r}')

    def block_ranks(self, order: int) -> range:
        """Return the ranks that a train may have: up to twice the least, to divide the sizes."""
        if self.block_rank is not None:
            return range(self.block_rank, self.block_rank + 1)
        least = max(8, min(math.ceil(1.25 * order), _WIDEST_TRAIN))
        return range(least, 2 * least)

    def draw(
        self, seed: int, stream: int, start: int, stop: int, width: int, bits: Bits = HOST
    ) -> HostArray:
        """Draw rows of independent entries."""
        rows = sign_rows if self.entries == "sign" else normal_rows
        return rows(seed, stream, start, stop, width, bits)


@dataclass(frozen=True)
class KhatriRao(TestTensorFamily):
    """Khatri-Rao test tensors: each column is a product of independent Gaussian vectors.

    The cheapest ones, and the least safe: the variance of squared norms grows like ``3**d``.
    Up to order 8 results are like those of other test tensors with a few more columns; beyond, a
    warning says that errors may be larger by orders of magnitude. Error probes are never of this
    kind.

    Raises
    ------
    ArgumentError
        Of a name that is not known, where ``"khatri-rao"`` was meant.

    Notes
    -----
    A product of s columns costs s operations for each entry of a sparse tensor, as trains of rank 1
    do.

    References
    ----------
    .. [1] Z. Bujanović, D. Kressner, "Norm and trace estimation with random rank-one vectors",
       2020, arXiv:2004.06433.

    Examples
    --------
    >>> import sketch
    >>> sk = sketch.STTA((50, 50, 50), rank=5, test_tensor="khatri-rao")
    """

    name: ClassVar[str] = "khatri-rao"
    largest_order: ClassVar[int] = 8

    def check_order(self, order: int) -> None:
        """Warn beyond order 8."""
        if order > self.largest_order:
            warn(
                f"Khatri-Rao test tensors of order {order} lose accuracy: the variance of their "
                f"norms is about 3**{order}; use StackedTrains() beyond order "
                f"{self.largest_order}",
                SketchWarning,
            )

    def block_ranks(self, order: int) -> range:
        """Return the rank 1."""
        return range(1, 2)

    def draw(
        self, seed: int, stream: int, start: int, stop: int, width: int, bits: Bits = HOST
    ) -> HostArray:
        """Draw rows of independent normal entries."""
        return normal_rows(seed, stream, start, stop, width, bits)
