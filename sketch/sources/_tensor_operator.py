"""Train operators times trains, contracted through their pairs of cores."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..backend.array import Array, cast, dtype_name, namespace
from ..formats import OperatorProduct, applied
from ..numerics.cores import Core
from ..numerics.operator_cores import SPARSE_WORK, AppliedCore, OperatorCore
from ._factored import compute_dtype_of
from ._tensor_base import Contraction, TensorBlock
from ._tensor_chain import ChainContraction
from ._tensor_structured import TrainLink, first_bad_slice


class OperatorBlock(TensorBlock):
    """The product of an operator with cores A (p, m, n, q) and a train with cores X (c, n, d)."""

    def __init__(self, t: OperatorProduct) -> None:
        cores, mine = t.train.cores, t.operator.cores
        self.dtype = compute_dtype_of(*(dtype_name(core.dtype) for core in (*cores, *mine)))
        pairs = zip(t.operator.factors(self.dtype), cores, strict=True)
        self.links = [OperatorLink(a, cast(x, self.dtype)) for a, x in pairs]
        self.shape = t.shape
        self.nbytes = sum(math.prod(core.shape) * 8 for core in (*cores, *mine))

    def like(self) -> Array:
        """Return a core."""
        return self.links[0].x

    def between(self, rights: Sequence[Core]) -> Contraction:
        """Begin a contraction; see `OperatorLink` for the operations."""
        return ChainContraction(self.links, self.like(), rights)

    def find_nonfinite(self) -> tuple[int, ...] | None:
        """Return the slice of the first core of the product that is not finite."""
        return first_bad_slice([link.formed.core for link in self.links])


class OperatorLink:
    """A pair of cores A (p, m, n, q) and X (c, n, d), of the core (p c, m, q d).

    With z of the ``p m n q`` entries of A that are not zero, an interface of C columns costs
    ``C (n c d q + z c)`` operations by one core after the other, and ``C p c m q d`` by the core of
    their product, which costs ``p m n q c d`` once: the cheaper way is taken.
    """

    def __init__(self, a: OperatorCore, x: Array) -> None:
        self.a, self.x = a, x

    @functools.cached_property
    def formed(self) -> TrainLink:
        """The core of the product."""
        return TrainLink(applied(self.a.array, self.x))

    def from_right(self, right: Array) -> Array:
        """Return the product of the cores for all slices: (B, p c, m, r) from (B, q d, r)."""
        xp = namespace(self.x)
        (p, m, _, q), (c, _, d) = self.a.array.shape, self.x.shape
        blocks, _, r = right.shape
        if self._is_better_formed(blocks * r, self.a.by_inputs, q, c):
            return self.formed.from_right(right)
        columns = xp.reshape(xp.permute_dims(right, (1, 0, 2)), (q * d, blocks * r))
        moved = AppliedCore(self.a, self.x).from_right(columns)
        return xp.permute_dims(xp.reshape(moved, (p * c, m, blocks, r)), (2, 0, 1, 3))

    def from_left(self, left: Array) -> Array:
        """Return the product of the cores for all slices: (B, l, m, q d) from (B, l, p c)."""
        xp = namespace(self.x)
        (p, m, _, q), d = self.a.array.shape, self.x.shape[2]
        blocks, columns, _ = left.shape
        if self._is_better_formed(blocks * columns, self.a.by_outputs, p, d):
            return self.formed.from_left(left)
        seen = AppliedCore(self.a, self.x).from_left(xp.reshape(left, (blocks * columns, -1)))
        return xp.reshape(seen, (blocks, columns, m, q * d))

    def _is_better_formed(self, columns: int, factor: object, before: int, behind: int) -> bool:
        """Whether the core of the product is cheaper for so many columns of an interface.

        With the bonds that the train's core meets besides these, and the operator's.
        """
        (p, m, n, q), (c, _, d) = self.a.array.shape, self.x.shape
        size = p * m * n * q
        work = SPARSE_WORK * int(factor.nnz) if hasattr(factor, "nnz") else size
        apart = columns * (n * c * d * before + work * behind)
        forming = 0 if "formed" in self.__dict__ else size * c * d
        return bool(forming + columns * p * c * m * q * d < apart)
