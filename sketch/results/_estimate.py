"""What an estimate says: a value, intervals by its law, whether a tolerance is met."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

from .._checks import checked_share
from ..backend.array import quiet
from ..pictures import html
from ._laws import Certain, Law

Kind = Literal["exact", "unbiased", "conservative", "heuristic"]

_CERTAIN = Certain()
_MISSED = 0.05  # how often a tolerance that is said to be met may be missed


@dataclass(frozen=True)
class Estimate:
    """The part of `ErrorEstimate` that says how large the error is, and how sure that is."""

    residual: float
    norm: float
    kind: Kind
    method: str
    floor: float
    truncation: float = 0.0
    losses: tuple[float, ...] = ()
    law: Law = _CERTAIN
    orthogonal: bool = True
    also: Self | None = None

    @property
    def _ratio(self) -> float:
        return self.truncation / self.residual if self.residual else math.inf

    @property
    def loss(self) -> float:
        """What the losses may add up to."""
        return math.fsum(self.losses)

    @property
    def value(self) -> float:
        """The estimate, absolute; within the interval of the other one, where there are two."""
        if self.also is None:
            return self._value
        low, high = self.also.interval()
        return min(max(low, self._value), high)

    @property
    def _value(self) -> float:
        taken = self.law.taken(self.truncation) if self.residual else 0.0
        if not taken:
            return math.hypot(self.residual, self.truncation) + self.loss
        return self.residual * math.sqrt(max(0.0, 1 - taken + self._ratio**2)) + self.loss

    @property
    def relative(self) -> float:
        """The estimate relative to the norm of the data; 0 for zero data."""
        return self.value / self.norm if self.norm > 0 else 0.0

    @property
    def attributes(self) -> dict[str, float | str]:
        """The estimate as plain values, for datasets and files of other libraries."""
        return {
            "error": self.value,
            "relative_error": self.relative,
            "error_kind": self.kind,
            "error_method": self.method,
        }

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        how = f"({self.kind}, {self.method})"
        if self.kind == "heuristic":
            return f"{self.value:.4g}, relative {self.relative:.4g} {how}"
        low, high = self.interval()
        interval = f"95 % interval [{low:.4g}, {high:.4g}]"
        return f"{self.value:.4g}, relative {self.relative:.4g}, {interval} {how}"

    def _repr_html_(self) -> str:
        facts = {
            "value": f"{self.value:.4g}",
            "relative": f"{self.relative:.4g}",
            "kind": f"{self.kind}, by {self.method}",
        }
        if self.kind != "heuristic":
            low, high = self.interval()
            facts["95 % interval"] = f"[{low:.4g}, {high:.4g}]"
        return html.card("ErrorEstimate", facts)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval that holds the error with at least the given probability.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        low, high : float
            Absolute. Both allow for the floor; ``low`` is 0 where the floor hides the error.

        Raises
        ------
        ValueError
            If the estimate is heuristic, so that no law is known, or `confidence` is not in (0, 1).
        """
        confidence = checked_share(confidence, "confidence")
        tail = (1 - confidence) / 2
        if self.kind == "heuristic":
            raise ValueError(
                f"the estimate by {self.method} is heuristic: no law is known for it, hence no "
                "interval. verify(result, data) measures the error; sketches with error_probes=10 "
                "estimate one that has an interval"
            )
        if self.also is None:
            return self._interval(tail)
        both = self._interval(tail / 2), self.also._interval(tail / 2)
        lows, highs = zip(*both, strict=True)
        if max(lows) > min(highs):  # one of them misses
            return min(lows), max(highs)
        return max(lows), min(highs)

    def _interval(self, tail: float) -> tuple[float, float]:
        """Return both quantiles of this estimate alone, with its floor."""
        low, high = self._before_loss(tail)
        for loss in self.losses:
            low, high = max(low - loss, loss - high, 0.0), high + loss
        hidden = self._value <= self.floor
        return 0.0 if hidden else max(0.0, low - self.floor), high + self.floor

    def _before_loss(self, tail: float) -> tuple[float, float]:
        """Return both quantiles of the error of the result before its loss."""
        if self.residual == 0:
            return self.truncation, self.truncation
        with quiet():
            low, high = self.law.interval(self._ratio, tail)
        return self.residual * low, self.residual * high

    @property
    def relative_bound(self) -> float:
        """What the relative error is at most, but for one case in 20; itself without a law."""
        if self.kind == "heuristic" or not self.norm > 0:
            return self.relative
        return self._most() / self.norm

    def meets(self, tol: float) -> bool:
        """Whether the relative error is at most `tol`, but for one case in 20.

        Parameters
        ----------
        tol : float
        """
        if not self.relative <= tol:
            return False
        if self.kind == "heuristic" or self.residual == 0:
            return True
        if self.also is not None:
            return self._most() <= tol * self.norm
        most = (tol * self.norm - self.loss) / self.residual
        with quiet():
            return most > 0 and self.law.exceeds(most, self._ratio) <= _MISSED

    def slack(self, tol: float) -> float:
        """Return the relative loss that a rounding may add to stay within `tol`.

        As what is lost points anywhere, squares add up; but for one case in 20.

        Parameters
        ----------
        tol : float
            Relative error to stay within.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.svd(np.diag(0.5 ** np.arange(30.0)), rank=10).error
        >>> error.slack(1e-2) < 1e-2, error.slack(1e-9)
        (True, 0.0)
        """
        if not self.meets(tol) or self.norm == 0:
            return 0.0
        return math.sqrt(max(0.0, tol**2 - self.relative_bound**2))

    def _most(self) -> float:
        """Return the upper end that the error exceeds in one case of 20, without the floor."""
        if self.also is not None:
            return self.interval(1 - 2 * _MISSED)[1] - self.floor
        return self._before_loss(_MISSED)[1] + self.loss
