"""An error estimate: a value, where it comes from, and how far it can be trusted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .._checks import checked_share
from ..backend.array import quiet
from ..files.archive import Header
from ..numerics.linalg import rescaled
from ..pictures import html
from ._first_format import of_first_format
from ._laws import Certain, Law, law_from_header, law_to_header

Kind = Literal["exact", "unbiased", "conservative", "heuristic"]

_CERTAIN = Certain()
_MISSED = 0.05  # how often a tolerance that is said to be met may be missed
_ROUNDOFF = 10.0  # of a decomposition, times the root of its columns, in roundoffs


@dataclass(frozen=True)
class ErrorEstimate:
    """An estimate of the Frobenius norm of (data - result).

    Attributes
    ----------
    residual : float
        The estimated part: what the sketch did not see.
    norm : float
        Frobenius norm of the data, itself estimated where unknown.
    kind : {"exact", "unbiased", "conservative", "heuristic"}
        ``exact`` up to rounding; ``unbiased`` in the mean of the square; ``conservative`` too large
        in the mean; ``heuristic`` without any guarantee and without an interval.
    method : str
        The estimator, in a word.
    floor : float
        Below this, rounding hides the error.
    truncation : float
        A known part: what a truncation left out, which adds up with the residual in squares.
    losses : tuple of float
        Known distances from result to result since then, whose angles to the error are unknown.
    law : Law
        Of the truth over `residual`, in the worst case.
    orthogonal : bool
        Whether the residual is orthogonal to what a further truncation leaves out.
    also : ErrorEstimate, optional
        Another estimate of the same error, from what is known of it otherwise. Intervals are those
        that both have in common, each at half the chance to miss.

    Raises
    ------
    ValueError
        Of an interval where no law is known.

    Notes
    -----
    Intervals come from the law, so they cover the truth at least as often as they say whatever the
    residual; see ``sketch/results/_laws.py``. Losses widen them by the triangle inequality.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Streaming low-rank matrix approximation
       with an application to scientific simulation", SISC 41 (2019), section 6, arXiv:1902.08651.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> res = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5)
    >>> bool(np.isclose(res.error.value, 0.5**5 / np.sqrt(0.75), rtol=1e-2)), res.error.kind
    (True, 'exact')
    >>> print(sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error)
    3, relative 0.6, 95 % interval [3, 3] (exact, TT-SVD)
    """

    residual: float
    norm: float
    kind: Kind
    method: str
    floor: float
    truncation: float = 0.0
    losses: tuple[float, ...] = ()
    law: Law = _CERTAIN
    orthogonal: bool = True
    also: ErrorEstimate | None = None

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
    def attributes(self) -> dict[str, Any]:
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

    # ---- what was done to the result --------------------------------------------------------

    def truncated(self, tail: float, rank: int) -> ErrorEstimate:
        """Return the estimate after a further truncation to `rank` that leaves out `tail`.

        Parameters
        ----------
        tail : float
            Root of the sum of squares of what is left out.
        rank : int

        Returns
        -------
        ErrorEstimate

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.svd(np.diag([4.0, 3.0, 0.0]), rank=2).error
        >>> round(error.truncated(3.0, 1).value, 6)
        3.0
        """
        if not self.orthogonal or self.loss or self.also is not None:
            return self.widened(tail)
        truncation = math.hypot(self.truncation, tail)
        return dataclasses.replace(self, truncation=truncation, law=self.law.truncated(rank))

    def widened(self, loss: float) -> ErrorEstimate:
        """Return the estimate of another result, which is at this known distance.

        Parameters
        ----------
        loss : float
            The distance.

        Returns
        -------
        ErrorEstimate

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error
        >>> low, high = error.widened(0.5).interval()
        >>> round(low, 6), round(high, 6)
        (2.5, 3.5)
        """
        if loss == 0:
            return self
        kind = self.kind if self.kind == "heuristic" or loss <= self.floor else "conservative"
        also = self.also and self.also.widened(loss)
        return dataclasses.replace(self, losses=(*self.losses, loss), kind=kind, also=also)

    def known_besides(self, other: ErrorEstimate) -> ErrorEstimate:
        """Return the estimate with another one of the same error beside it.

        Parameters
        ----------
        other : ErrorEstimate
            By another estimator.

        Returns
        -------
        ErrorEstimate
            Whose intervals are what both have in common.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error
        >>> error.known_besides(error).method
        'TT-SVD, TT-SVD'
        """
        return dataclasses.replace(self, method=f"{self.method}, {other.method}", also=other)

    def of_closer(self) -> ErrorEstimate:
        """Return the estimate of a result that is at least as close to the data: a bound.

        Returns
        -------
        ErrorEstimate

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error
        >>> error.of_closer().kind
        'conservative'
        """
        blur = self.law.blur if isinstance(self.law, Certain) else 0.0
        return dataclasses.replace(
            self,
            kind=self.kind if self.kind == "heuristic" else "conservative",
            law=self.law.from_above(),
            floor=self.floor + blur * self.residual,
            also=self.also and self.also.of_closer(),
        )

    def rounded(self, roundoff: float) -> ErrorEstimate:
        """Return the estimate after rounding errors of at most this size.

        Parameters
        ----------
        roundoff : float
            In the Frobenius norm.

        Returns
        -------
        ErrorEstimate

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error
        >>> error.rounded(0.1).floor > 0.1 > error.floor
        True
        """
        also = self.also and self.also.rounded(roundoff)
        return dataclasses.replace(self, floor=self.floor + roundoff, also=also)

    def scaled(self, factor: complex) -> ErrorEstimate:
        """Return the estimate where data and result were multiplied by a number.

        Parameters
        ----------
        factor : complex

        Returns
        -------
        ErrorEstimate

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error
        >>> round(error.scaled(-2.0).value, 6), round(error.rescaled(1).value, 6)
        (6.0, 6.0)
        """
        return self._resized(lambda x: x * abs(factor))

    def rescaled(self, exponent: int) -> ErrorEstimate:
        """Return the estimate where both were multiplied by ``2**exponent``.

        Parameters
        ----------
        exponent : int

        Returns
        -------
        ErrorEstimate
        """
        return self._resized(lambda x: float(rescaled(x, exponent)))

    def _resized(self, resized: Callable[[float], float]) -> ErrorEstimate:
        return dataclasses.replace(
            self,
            residual=resized(self.residual),
            truncation=resized(self.truncation),
            losses=tuple(map(resized, self.losses)),
            norm=resized(self.norm),
            floor=resized(self.floor),
            also=self.also and self.also._resized(resized),
        )

    # ---- files ------------------------------------------------------------------------------

    def to_header(self) -> Header:
        """Describe the estimate in plain values, for a file.

        Returns
        -------
        dict
            Of numbers and strings alone.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> error = sketch.tt_svd(np.diag([3.0, 0.0, 4.0]), rank=1).error
        >>> sketch.ErrorEstimate.from_header(error.to_header()) == error
        True
        """
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        also = self.also and self.also.to_header()
        return {**values, "law": law_to_header(self.law), "also": also}

    @classmethod
    def from_header(cls, header: Header) -> ErrorEstimate:
        """Rebuild an estimate from `to_header`.

        Parameters
        ----------
        header : dict

        Returns
        -------
        ErrorEstimate
        """
        if "law" not in header:
            header = of_first_format(header)
        known = {"losses": tuple(header.get("losses", ())), "law": law_from_header(header["law"])}
        also = header.get("also") and cls.from_header(header["also"])
        return cls(**{**header, **known, "also": also})


def rounding_floor(norm: float, columns: int, roundoff: float, summing: float = 0.0) -> float:
    """Return the size of errors that rounding makes in a sketch of so many columns.

    Parameters
    ----------
    norm : float
        Of the data.
    columns : int
        The backward error of an SVD of k columns grows like ``sqrt(k)`` roundoffs, and is
        no smaller for a few columns than for some ten.
    roundoff : float
        Of the products.
    summing : float
        What else the sums in a product may be off by, relative to them, see `summing_error`.
    """
    return (_ROUNDOFF * math.sqrt(columns + 16) * roundoff + summing) * norm
