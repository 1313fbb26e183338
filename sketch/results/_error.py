"""An error estimate: where it comes from, and what becomes of it when its result is changed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from ..files.archive import Header
from ..numerics.linalg import rescaled
from ._estimate import Estimate
from ._first_format import of_first_format
from ._laws import Certain, law_from_header, law_to_header

_ROUNDOFF = 10.0  # of a decomposition, times the root of its columns, in roundoffs


@dataclass(frozen=True)
class ErrorEstimate(Estimate):
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


def known_square(square: float, rounding: float, norm: float) -> ErrorEstimate:
    """Return the exact error of this square, which rounding may have changed by so much.

    Parameters
    ----------
    square : float
        Positive, and large beside the next.
    rounding : float
    norm : float
        Of the data.
    """
    value = math.sqrt(square)
    return ErrorEstimate(
        residual=0.0,
        truncation=value,
        norm=norm,
        kind="exact",
        method="inner products",
        floor=rounding / value,
    )


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

    Notes
    -----
    LAPACK takes entries of a bidiagonal matrix for zero below ``u^(-1/8)`` roundoffs u, within 10
    and 100 [1]_. One large singular value beside small ones shows it: in double precision the error
    is then some 90 roundoffs, whatever the number of columns.

    References
    ----------
    .. [1] J. Demmel, W. Kahan, "Accurate singular values of bidiagonal matrices", SIAM J. Sci.
       Stat. Comput. 11 (1990) 873-912, doi:10.1137/0911052; LAPACK, xBDSQR, TOLMUL.
    """
    taken_for_zero = min(max(10.0, roundoff**-0.125), 100.0) if roundoff else 0.0
    roundoffs = math.hypot(_ROUNDOFF * math.sqrt(columns + 16), taken_for_zero)
    return (roundoffs * roundoff + summing) * norm
