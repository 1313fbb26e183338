"""A linear system whose unknown is a tensor train: its products and its true residual."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..backend.array import dtype_name, unit_roundoff
from ..decompose import exact_error
from ..errors import DtypeError, NonFiniteError, ShapeError
from ..formats import (
    TensorSum,
    TensorTrain,
    TTOperator,
    as_exact_train,
    rounded_from,
    squared_norm,
)
from ..numerics.linalg import frobenius_norm, rescaled_evenly
from ..results import ErrorEstimate, known_square, rounding_floor
from ..sketches import STTA, TrainEmbedding, fed
from ..sources import as_tensor_source

Preconditioner = TTOperator | Callable[[TensorTrain], TensorTrain]

_EXACT_WORK = 4e10  # multiply-adds of a QR of the residual, above which probes estimate it
_WIDER, _MORE = 1.5, 5  # of sketches for roundings: as much as their vectors are worth
_RESOLVED = 1e4  # by which a square has to exceed what rounding may change in it
_PROBES = 16  # independent trains, as a sketch of order up to 10 has


@dataclass(frozen=True)
class TrainSystem:
    """``sum(operators) x = b``, preconditioned from the right: ``x = P u``."""

    operators: tuple[TTOperator, ...]
    b: TensorTrain
    preconditioner: Preconditioner | None

    def in_units(self) -> tuple[TrainSystem, int, int]:
        """Return the system with a right-hand side, and operators, of a norm about 1.

        Returns
        -------
        system : TrainSystem
        of_x, of_b : int
            Exponents of the powers of two that its solution and its right-hand side are to be
            multiplied by. Operators that are preconditioned are left as they are.
        """
        preconditioned = self.preconditioner is not None
        size = 0.0 if preconditioned else max(part.norm() for part in self.operators)
        of_a, of_b = math.frexp(size)[1], math.frexp(self.b.norm())[1]
        parts = [TTOperator(rescaled_evenly(part.cores, -of_a)) for part in self.operators]
        b = TensorTrain(rescaled_evenly(self.b.cores, -of_b))
        return TrainSystem(tuple(parts), b, self.preconditioner), of_b - of_a, of_b

    def solution(self, u: TensorTrain, rank: int, seed: int) -> TensorTrain:
        """Return ``x = P u``, of ranks up to `rank` where the preconditioner makes them grow."""
        if self.preconditioner is None:
            return u
        if isinstance(self.preconditioner, TTOperator):
            product = self.preconditioner @ u
            grows = product.ranks != u.ranks
            return compressed(product, rank, seed) if grows else product.to_tensor_train()
        x = self.preconditioner(u)
        if not isinstance(x, TensorTrain):
            raise DtypeError(f"the preconditioner should return a train, not a {type(x).__name__}")
        if x.shape != u.shape:
            raise ShapeError(
                f"the preconditioner returned a train of shape {x.shape} for one of shape {u.shape}"
            )
        return x

    def applied(self, x: TensorTrain) -> TensorSum:
        """Return ``A x``, lazily."""
        return TensorSum([operator @ x for operator in self.operators])

    def residual(self, x: TensorTrain, seed: int) -> ErrorEstimate:
        """Return the error of ``A x`` as an approximation of b: the true residual.

        Exact, by inner products where these resolve it, or by QRs where their cost allows it; else
        by probes that nothing else has seen.
        """
        product = self.applied(x)
        by_products = _by_inner_products(self.b - product, self.b.norm())
        if by_products is not None:
            return by_products
        ranks = exact_ranks(self.b - product)
        dtype = dtype_name((self.b - x).dtype)
        if _qr_work(x.shape, ranks) <= _EXACT_WORK:
            train = as_exact_train(product, max(ranks, default=1))
            assert train is not None
            return exact_error(train, self.b, *rounded_from(self.b - product))
        rank = max(8, math.ceil(1.25 * x.ndim))
        probes = TrainEmbedding(x.shape, size=_PROBES * rank, rank=rank, blocks=_PROBES, seed=seed)
        norm = self.b.norm()
        floor = rounding_floor(norm, max(ranks), unit_roundoff(dtype))
        return ErrorEstimate(
            residual=frobenius_norm(probes(self.b - product)[:, None]),
            norm=norm,
            kind="unbiased",
            method="tensor-train probes",
            floor=math.sqrt(x.ndim) * floor,
            law=probes.law,
        )


def _by_inner_products(difference: TensorSum, norm: float) -> ErrorEstimate | None:
    """Return the norm of a difference as an error, or None where too much of it cancels."""
    try:
        square, rounding = squared_norm(difference)
    except (NonFiniteError, OverflowError):
        return None
    if not _RESOLVED * rounding < square < math.inf:
        return None
    return known_square(square, rounding, norm)


def compressed(t: object, rank: int, seed: int) -> TensorTrain:
    """Return a train of ranks up to `rank` from one `STTA` sketch, without an error estimate."""
    ranks = [min(rank, r) for r in exact_ranks(t)]
    return sketched(t, ranks, seed).finalize(ranks)


def sketched(t: Any, ranks: Sequence[int], seed: int) -> STTA:
    """Return the sketch of a lazy sum for a result of such ranks."""
    wide = [math.ceil(_WIDER * rank) + _MORE for rank in ranks]
    sk = STTA(t.shape, list(ranks), sketch_rank=wide, seed=seed, error_probes=0)
    source = as_tensor_source(t)
    return fed(sk, source, check_finite=False, memory=None, progress=False)


def exact_ranks(t: Any) -> list[int]:
    """Return the ranks of a train, a product, or a sum of these as one train."""
    terms = getattr(t, "terms", (t,))
    return [sum(ranks) for ranks in zip(*(term.ranks for term in terms), strict=True)]


def _qr_work(shape: Sequence[int], ranks: Sequence[int]) -> int:
    """Return the multiply-adds of a sweep of QRs over a train."""
    bonds = zip([1, *ranks], shape, [*ranks, 1], strict=True)
    return sum(n * a * b * (a + b) for a, n, b in bonds)
