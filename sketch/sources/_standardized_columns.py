"""The columns of a matrix as rows of another one, about their means and in units of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .._checks import nonfinite_entry
from ..backend.array import Array, HostArray, cuts, to_host, unit_roundoff
from ..numerics.kernels import Workspace
from ._base import MatrixBlock, MatrixSource
from ._dense import DenseSource, sum_of_squares
from ._windows import column_mean

_TILE_BYTES = 8_000_000  # of columns at once: what is made of them stays in cache
_CONSTANT = 4.0  # roundoffs of a mean that are no spread


class StandardizedColumns(MatrixSource):
    """The matrix ``((A - 1 mean) / scale)^T`` of a dense source A (m, n) that gives windows.

    Each block holds whole columns of A, which tell their own mean and spread: no reading is spent
    on these, and no mean is so far from zero that products lose digits.

    Parameters
    ----------
    source : MatrixSource
    center : bool
        Whether the mean is subtracted.
    scale : bool or array, shape (n,)
        Whether columns are divided by their standard deviations, constant ones by 1; or the numbers
        to divide by.
    check_finite : bool
        Refuse NaN and infinity.

    Attributes
    ----------
    mean, scale : ndarray, shape (n,)
        What was subtracted, and by what columns were divided, once they were read.
    """

    def __init__(
        self, source: MatrixSource, *, center: bool, scale: bool | Array, check_finite: bool
    ) -> None:
        m, n = source.shape
        assert m is not None
        self.shape, self.dtype, self.nbytes = (n, m), source.dtype, source.nbytes
        self.on_disk = source.on_disk
        self._source, self._center, self._check_finite = source, center, check_finite
        self._by_spread = scale is True
        dtype = np.result_type(source.dtype, np.float64)
        self.mean: HostArray = np.zeros(n, dtype)
        self.scale: HostArray = np.ones(n) if isinstance(scale, bool) else to_host(scale)
        self._is_known = np.zeros(n, bool)
        self._memory = Workspace()

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield whole columns of A as rows, as many as its own chunks hold or more."""
        n, m = len(self.mean), self.shape[1]
        bytes_each = max(1, m) * np.dtype(np.result_type(self.dtype, np.float64)).itemsize
        chunk = self._source.column_chunk
        fitting = min(limit or _TILE_BYTES, _TILE_BYTES) // bytes_each
        for columns in cuts(n, max(1, fitting // chunk) * chunk):
            window = to_host(self._source.window(slice(0, m), columns)[0])
            if not self._is_known[columns].all():
                self._learn(window, columns)
            yield (columns.start, 0), DenseSource(self._standardized(window, columns))

    def _standardized(self, window: HostArray, columns: slice) -> HostArray:
        """Return columns less their means over their scales, as rows."""
        made = self._memory.empty(window.T.shape, self.dtype)
        mean, scale = self.mean[columns], self.scale[columns]
        np.subtract(window, mean, out=made.T, casting="same_kind")
        return np.multiply(made, (1 / scale)[:, None], out=made, casting="same_kind")

    def _learn(self, window: HostArray, columns: slice) -> None:
        """Keep the means and standard deviations of columns that are read for the first time."""
        mean, m = to_host(column_mean(window)), len(window)
        if self._check_finite and not np.isfinite(mean).all():
            bad = DenseSource(window).find_nonfinite()
            if bad is not None:
                raise nonfinite_entry((bad[0], columns.start + bad[1]))
        if self._center:
            self.mean[columns] = mean
        if self._by_spread:
            squares = to_host(sum_of_squares(np.subtract(window, mean)))
            blur = (_CONSTANT * unit_roundoff("float64") * np.abs(mean)) ** 2 * m
            spread = np.sqrt(squares / max(m - 1, 1))
            self.scale[columns] = np.where(squares > blur, spread, 1.0)
        self._is_known[columns] = True
