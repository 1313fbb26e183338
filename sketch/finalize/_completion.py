"""Completion of rows at hand: a start, alternating least squares, and a ridge that is found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NonFiniteError
from ..numerics.alternating import (
    OtherSide,
    Ridge,
    column_equations,
    entries_at,
    row_factors,
)
from ..numerics.known_rows import KnownRows, Reals
from ..numerics.linalg import frobenius_norm, rescaled, scale_exponent
from ..numerics.random import entry_words, normal_rows

_STREAM = 6  # of random bits, beside those of test matrices and seeds
_STEPS_OF_START = 4  # of subspace iteration
_SWEEPS, _WITHOUT_RIDGE = 40, 200  # at most
_SETTLED = 1e-3  # change of predictions, relative, below which sweeps stop
_MISFITS = 10.0  # misfits that count as predictions there, where data are nearly of the rank
_ROUNDING = 1e-14  # relative change of predictions by rounding alone
_LARGEST_RIDGE, _RIDGE_STEP = 0.1, 10**-0.5  # over the spread of the entries
_UNCHOSEN_RIDGE = 0.01  # where too few entries are known to choose
_RIDGES = 24  # at most: down to rounding errors
_BIAS = 30.0  # entries of value zero that a bias is estimated with, for each such ridge; 1 at most
_EXACT = 1e-9  # of the scale: an error that no ridge makes smaller
_SWEEPS_EACH = 3  # while a ridge is sought
_LARGEST_SHARE, _CHOOSING = 0.1, 20_000  # and number of the entries that choose
_CHOOSING_SEED = 0x5851F42D4C957F2D  # by which they differ from those that measure the error
_WATCHED = 200  # rows and columns of predictions that sweeps are to settle
_FITTED = 20_000  # known entries that tell the misfit
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, eq=False)
class Split:
    """Rows with some of their known entries held out.

    Attributes
    ----------
    rows : KnownRows
        Without them.
    at : (ndarray, ndarray)
        Rows and columns of those held out.
    values : ndarray
        Theirs.
    """

    rows: KnownRows
    at: tuple[NDArray[np.intp], NDArray[np.intp]]
    values: Reals

    def residuals(self, left: Reals, columns: OtherSide) -> Reals:
        """Return the errors at the held-out entries over the scale, for factors of the rows."""
        (i, j), ridge = self.at, columns.ridge
        values = (self.values - ridge.level) / ridge.scale
        return values - columns.offsets[j] - entries_at(i, j, left, columns.design)


def split(rows: KnownRows, numbers: NDArray[np.intp], seed: int, share: float) -> Split:
    """Hold out a share of the known entries, by hashing (seed, number of the row, column)."""
    i, j = rows.places()
    out = entry_words(seed, numbers, i, j) < np.uint64(share * 2.0**64)
    return Split(rows.restricted(~out), (i[out], j[out]), rows.at_places()[out])


@dataclass(frozen=True, eq=False)
class Fit:
    """Factors of the columns, and how they were found.

    Attributes
    ----------
    columns : ndarray, shape (n, K)
        Factors with a bias at the end.
    ridge : Ridge
    errors : ndarray
        At the entries held out, over the scale.
    """

    columns: Reals
    ridge: Ridge
    errors: Reals

    @property
    def rmse(self) -> float:
        """Root mean square of the errors, infinity where there are none."""
        return _rms(self.errors) if self.errors.size else math.inf

    def is_as_good_as(self, best: Fit) -> bool:
        """Whether the squared errors are larger by no more than the error of their mean."""
        excess = self.errors**2 - best.errors**2
        return bool(excess.mean() <= excess.std() / math.sqrt(max(1, excess.size)))


def fitted(
    rows: KnownRows,
    numbers: NDArray[np.int64],
    ranks: Sequence[int],
    weight: float | None,
    biases: bool,
    seed: int,
    settled: float = _SETTLED,
) -> Fit:
    """Return the fit of a rank and, where none is given, a ridge that entries held out choose.

    These are a share of their own. From a spectral start, ridges are tried from a large one down,
    each from the columns of the one before; of the ranks the smallest, and of the ridges the
    largest is taken that is as good as the best. All rows are fitted with it then, until sweeps
    change predictions by less than a share that counts as `settled`.
    """
    units = _units(rows, biases)
    tried = []
    if weight is None or len(ranks) > 1:
        share = min(_LARGEST_SHARE, _CHOOSING / max(1, rows.n_known))
        part = split(rows, numbers, seed ^ _CHOOSING_SEED, share)
        for rank in ranks:
            start = _start(part.rows, rank, units, seed)
            tried.append(_best(_path(part, start, _weights(weight, units, part.values.size))))
        chosen = _best(tried)
    else:
        start = _start(rows, ranks[0], units, seed)
        chosen = Fit(start, _with_weight(units, weight / units.scale), np.empty(0))
    return _settled(rows, chosen, settled)


def _best(fits: Sequence[Fit]) -> Fit:
    """Return the first of some fits that is as good as the best."""
    best = min(fits, key=lambda fit: fit.rmse)
    if not best.errors.size:
        return fits[0]
    if math.isnan(best.rmse):
        raise NonFiniteError("sums of entries are beyond the range of doubles; scale the data")
    return next(fit for fit in fits if fit.is_as_good_as(best))


def _units(rows: KnownRows, biases: bool) -> Ridge:
    """Return the mean of the known entries, where it is taken off, and their spread."""
    values = rows.at_places()
    exponent = scale_exponent(values)
    scaled = rescaled(values, -exponent)
    level = float(scaled.mean()) if biases and values.size else 0.0
    spread = frobenius_norm((scaled - level)[None, :]) / math.sqrt(max(1, values.size))
    level, spread = math.ldexp(level, exponent), math.ldexp(spread, exponent)
    return _with_weight(Ridge(0.0, 0.0 if biases else None, level, spread or 1.0), 1.0)


def _with_weight(units: Ridge, weight: float) -> Ridge:
    """Return a ridge whose biases are free where there is little noise, as its weight tells."""
    bias_weight = None if units.bias_weight is None else min(1.0, _BIAS * weight)
    return dataclasses.replace(units, weight=weight, bias_weight=bias_weight)


def _weights(weight: float | None, units: Ridge, choosing: int) -> list[Ridge]:
    """Return the ridges to choose from: the one that is given, or a series."""
    if weight is not None:
        return [_with_weight(units, weight / units.scale)]
    if not choosing:
        return [_with_weight(units, _UNCHOSEN_RIDGE)]
    series = (_LARGEST_RIDGE * _RIDGE_STEP**step for step in range(_RIDGES))
    return [_with_weight(units, each) for each in series]


def _path(part: Split, columns: Reals, ridges: list[Ridge]) -> list[Fit]:
    """Return the fits of a series of ridges, until two have made the error larger."""
    fits: list[Fit] = []
    least, worse = math.inf, 0
    for ridge in ridges:
        for _ in range(_SWEEPS_EACH):
            before = columns
            columns, left, side = swept(part.rows, columns, ridge)
        fits.append(Fit(before, ridge, part.residuals(left, side)))
        worse = 0 if fits[-1].rmse < least else worse + 1
        least = min(least, fits[-1].rmse)
        if worse == 2 or least <= _EXACT:
            break
    return fits


def _settled(rows: KnownRows, fit: Fit, settled: float) -> Fit:
    """Return a fit after as many sweeps as change its predictions by more than a share.

    That share is of predictions with noise, and of the misfit where there is next to none: low-rank
    data are found to rounding.
    """
    columns, known = fit.columns, _some(rows)
    before: Reals | None = None
    for _ in range(_SWEEPS if fit.ridge.weight else _WITHOUT_RIDGE):
        columns, left, side = swept(rows, columns, fit.ridge)
        some = (
            left[:: max(1, len(left) // _WATCHED)]
            @ side.design[:: max(1, len(columns) // _WATCHED)].T
        )
        if before is not None:
            size, misfit = _rms(some), _MISFITS * _rms(known.residuals(left, side))
            if _rms(some - before) <= max(settled * min(size, misfit), _ROUNDING * size):
                break
        before = some
    return dataclasses.replace(fit, columns=columns)


def _some(rows: KnownRows) -> Split:
    """Return the rows beside some of their known entries, evenly spread."""
    (i, j), count = rows.places(), rows.n_known
    places = np.unique((np.arange(min(count, _FITTED)) * _GOLDEN % 1 * count).astype(np.intp))
    return Split(rows, (i[places], j[places]), rows.at_places()[places])


def _rms(values: Reals) -> float:
    """Return the root mean square, zero of nothing."""
    return math.sqrt(float(np.mean(values**2))) if values.size else 0.0


def swept(rows: KnownRows, columns: Reals, ridge: Ridge) -> tuple[Reals, Reals, OtherSide]:
    """Return columns after a sweep, and the rows' factors for the columns that were given."""
    side = OtherSide(columns, ridge)
    left = row_factors(rows, side)
    return ridge.solved(column_equations(rows, left, ridge), columns.shape[1]), left, side


def _start(rows: KnownRows, rank: int, units: Ridge, seed: int) -> Reals:
    """Return columns that begin in the leading space of second moments.

    ``R^T R`` without its diagonal, for R the known entries about the biases: which entries are
    known changes its diagonal only, on average [1]_.

    References
    ----------
    .. [1] P.-L. Loh, M. Wainwright, "High-dimensional regression with noisy and missing data:
       provable guarantees with non-convexity", Ann. Statist. 40 (2012) 1637-1664,
       arXiv:1109.3714, section 2.2.
    """
    n = rows.shape[1]
    columns = np.zeros((n, rank + 1))
    if units.bias_weight is not None:
        columns = swept(rows, columns, units)[0]
    fixed = units.level / units.scale + columns[:, -1]
    j = rows.places()[1]
    diagonal = np.bincount(j, (rows.at_places() / units.scale - fixed[j]) ** 2, n)
    basis = normal_rows(seed, _STREAM, 0, n, rank)
    for _ in range(_STEPS_OF_START):
        shifted, plain = rows.right(fixed[:, None] * basis, basis)
        inner = plain / units.scale - shifted
        known, values = rows.left(inner, inner)
        moments = values / units.scale - fixed[:, None] * known
        basis = np.linalg.qr(moments - diagonal[:, None] * basis)[0]
    columns[:, :-1] = basis * (math.sqrt(n) / rank**0.25)
    return columns
