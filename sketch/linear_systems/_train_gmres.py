"""Sketched GMRES on tensor trains: bases that are rounded, and least squares on their sketches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..backend.array import HostArray, to_host
from ..errors import NonFiniteError
from ..formats import TensorSum, TensorTrain
from ..numerics.linalg import frobenius_norm
from ..sketches import TrainEmbedding
from ._train_system import TrainSystem, compressed

_SUBTRACTED = 2  # last vectors: all that there are for symmetric matrices, but for rounding
_LONGEST = 30  # steps, after which a cycle begins anew from the residual
_SEEN = 3  # steps, over which the residual should fall
_STAGNANT = 0.9  # of the residual that is left after so many steps
_LOSSY = 0.05  # of a vector that rounding takes, from which it may make the residual stagnate
_CONDITION = -0.6  # power of the roundoff, which the condition of the sketched images may reach

Vector = HostArray


@dataclass(frozen=True)
class Cycle:
    """What one cycle of GMRES found.

    Attributes
    ----------
    correction : TensorSum
        The combination of the basis, whose image is closest to the target.
    history : list of float
        Sketched norms of what is left after each step.
    ended : bool
        Whether no further cycle would find more: rounding takes too much, or there is no more.
    """

    correction: TensorSum
    history: list[float]
    ended: bool


@dataclass(frozen=True)
class SketchedGMRES:
    """Cycles of GMRES whose basis vectors have ranks up to `rank`.

    Step j multiplies, ``w = A P v_j``, stores ``S w`` before anything is rounded, subtracts its
    components along the last two vectors, and rounds once to ``v_{j+1}`` by a sketch of the lazy
    sum. The combination that minimises ``||S (A P V y - r)||`` is thus right for the vectors as
    they are, however they were rounded.

    References
    ----------
    .. [1] A. Bucci, D. Palitta, L. Robol, "Randomized sketched TT-GMRES for linear systems with
       tensor structure", 2024, arXiv:2409.09471.
    .. [2] L. Burke, E. Carson, Y. Ma, "On the numerical stability of sketched GMRES", 2025,
       arXiv:2503.19086 (restarts where the sketched images are ill-conditioned).
    """

    system: TrainSystem
    embedding: TrainEmbedding
    rank: int
    seeds: Iterator[int]
    tell: Callable[[int], object]

    def seen(self, t: object) -> Vector:
        """Return the sketch of a tensor, in double precision."""
        sketch: Vector = to_host(self.embedding(t))
        if not np.isfinite(sketch).all():
            raise NonFiniteError(
                "products with the operator are not finite: the operator, the right-hand side or "
                "the preconditioner hold NaN or infinity, or products overflow"
            )
        return sketch.astype("complex128" if np.iscomplexobj(sketch) else "float64")

    def image(self, u: TensorTrain) -> TensorSum:
        """Return ``A P u``, lazily."""
        return self.system.applied(self.system.solution(u, 2 * self.rank, next(self.seeds)))

    def cycle(self, target: object, goal: float, limit: int, roundoff: float) -> Cycle:
        """Return the correction for what is left of b, by `limit` steps at most.

        Parameters
        ----------
        target : TensorTrain or TensorSum
            What is left.
        goal : float
            Sketched norm at which to stop.
        limit : int
        roundoff : float
        """
        left = self.seen(target)
        basis: list[TensorTrain] = []
        images = recent = np.empty((left.size, 0), left.dtype)
        weights: Vector = np.empty(0)
        history: list[float] = []
        v, along, lost = self._rounded(target, left)
        losses, ended = [lost], not along.any()
        while not ended:
            image = self.image(v)
            w = self.seen(image)
            wider = np.column_stack([images, w])
            y, remaining, condition = _least_squares(wider, left)
            if condition > roundoff**_CONDITION and basis:
                break
            basis.append(v)
            images, weights = wider, y
            history.append(remaining)
            self.tell(1)
            if remaining <= goal or len(basis) >= min(limit, _LONGEST):
                break
            recent = np.column_stack([*recent.T, along])[:, -_SUBTRACTED:]
            h = np.linalg.lstsq(recent, w, rcond=None)[0]
            new = w - recent @ h
            invariant = frobenius_norm(new) <= 10 * roundoff * frobenius_norm(w)
            ended = bool(invariant) or _stagnates(history, losses)
            if not ended:
                direction = image - TensorSum(basis[-len(h) :], h.tolist())
                v, along, lost = self._rounded(direction, new)
                losses.append(lost)
        return Cycle(TensorSum(basis or [0.0 * v], weights.tolist() or [1.0]), history, ended)

    def _rounded(self, t: object, sketch: Vector) -> tuple[TensorTrain, Vector, float]:
        """Return a rounded train of sketched norm 1, its sketch, and what was lost of t.

        Relative to the norm of t, as its sketch sees it.
        """
        v = compressed(t, self.rank, next(self.seeds))
        along = self.seen(v)
        size = frobenius_norm(along)
        if not size:
            return v, along, 1.0
        lost = frobenius_norm(sketch - along) / frobenius_norm(sketch)
        return v / size, along / size, lost


def _least_squares(images: Vector, target: Vector) -> tuple[Vector, float, float]:
    """Return y, the norm of ``images y - target``, and the condition of the scaled columns."""
    sizes = np.array([frobenius_norm(image) or 1.0 for image in images.T])
    y, _, _, values = np.linalg.lstsq(images / sizes, target, rcond=None)
    condition = float(values[0] / values[-1]) if values[-1] else np.inf
    return y / sizes, frobenius_norm(images / sizes @ y - target), condition


def _stagnates(history: list[float], losses: list[float]) -> bool:
    """Whether the last steps have hardly lowered the residual, and rounding is to blame."""
    slow = len(history) > _SEEN and history[-1] > _STAGNANT * history[-1 - _SEEN]
    return slow and max(losses[-_SEEN:]) > _LOSSY
