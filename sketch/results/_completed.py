"""A completed matrix: factors of its columns, of its rows where they are at hand, and its error."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from ..backend.array import HostArray, silent
from ..errors import PassError, ShapeError
from ..files import archive
from ..files.archive import Header
from ..formats import carrying_seeds, check_columns, refuse_large
from ..numerics.alternating import OtherSide, Ridge, entries_at, row_factors
from ..numerics.known_rows import KnownRows, Reals
from ..sources import as_known_source
from ._completed_forms import CompletedForms
from ._error import ErrorEstimate
from ._low_rank_entries import as_indices

_FACTS = ("n_rows", "n_short", "dtype")


@carrying_seeds("of")
@dataclass(frozen=True, eq=False)
class Completed(CompletedForms):
    """The matrix ``mean + U @ diag(s) @ Vh``, found from some of its entries.

    Attributes
    ----------
    columns : array, shape (n, rank + 1)
        Factors of the columns, their biases at the end.
    ridge : Ridge
        What kept the factors small, with the level and the scale of the entries.
    rmse : ErrorEstimate
        Of the root mean square of (entry - prediction) over entries that were not known.
    n_rows : int
        Rows that the columns were found from.
    n_short : int
        Of these, rows with fewer than `rank` known entries, which the ridge carries.
    dtype : str
        Of predictions.
    moments : array, shape (rank + 1, rank + 1)
        Sum of the squares of the rows' factors, estimated from some of them where not all are here.
    rows : array, shape (m, rank + 1), optional
        Factors of the rows, their biases at the end; see `of`.

    Raises
    ------
    PassError
        Of what needs factors of the rows, where they are not at hand: take `of`.

    Notes
    -----
    ``(m + n)(rank + 1)`` numbers. An entry costs ``2 rank`` operations, a new row with p known
    entries ``p rank^2 + rank^3 / 3``.

    References
    ----------
    .. [1] Y. Koren, R. Bell, C. Volinsky, "Matrix factorization techniques for recommender
       systems", Computer 42 (2009) 30-37, doi:10.1109/MC.2009.263: factors, biases and the ridge.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rng = np.random.default_rng(0)
    >>> a = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 40))
    >>> known = np.where(rng.random(a.shape) < 0.5, a, np.nan)
    >>> found = sketch.complete(known, rank=3)
    >>> bool(np.allclose(found.predict([0, 7], [1, 2]), a[[0, 7], [1, 2]], atol=1e-3))
    True
    """

    columns: Reals
    ridge: Ridge
    rmse: ErrorEstimate
    n_rows: int
    n_short: int
    dtype: str
    moments: Reals
    rows: Reals | None = None

    # ---- its form -----------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """``(m, n)``."""
        return self.n_rows if self.rows is None else len(self.rows), len(self.columns)

    @property
    def rank(self) -> int:
        """Of the factors; biases of rows make ``U @ diag(s) @ Vh`` one wider."""
        return int(self.columns.shape[1]) - 1

    @property
    def penalty(self) -> float:
        """The weight lambda of the squares of the factors, as `Completion` takes it."""
        return self.ridge.weight * self.ridge.scale

    @property
    def mean(self) -> HostArray:
        """What is predicted in a row of which nothing is known, shape (n,)."""
        return np.asarray(self._scaled(self.columns[:, -1]), self.dtype)

    @property
    def s(self) -> HostArray:
        """Singular values of the completed rows about `mean`, descending."""
        return np.asarray(self.ridge.scale * self._decomposed[1], self.dtype)

    @property
    def Vh(self) -> HostArray:
        """Orthonormal rows, shape (k, n)."""
        return (self._decomposed[2] @ self._basis[0].T).astype(self.dtype)

    @property
    def U(self) -> HostArray:
        """Orthonormal columns, shape (m, k).

        Raises
        ------
        PassError
            If the factors of the rows are not at hand.
        """
        left = self._decomposed[0]
        if left is None:
            raise _no_rows("U")
        return left.astype(self.dtype)

    @functools.cached_property
    def _width(self) -> int:
        return self.rank + (self.ridge.bias_weight is not None)

    @functools.cached_property
    def _side(self) -> OtherSide:
        return OtherSide(self.columns, self.ridge)

    @functools.cached_property
    def _basis(self) -> tuple[Reals, Reals]:
        """Q (n, k) and R with ``Q R`` the columns as rows are multiplied with them."""
        q, r = np.linalg.qr(self._side.design[:, : self._width])
        return q, r

    @functools.cached_property
    def _decomposed(self) -> tuple[Reals | None, Reals, Reals]:
        """U, s, and the rotation (k, k) of the basis that makes Vh of it."""
        r, width = self._basis[1], self._width
        if self.rows is not None:
            u, s, turn = np.linalg.svd(self.rows[:, :width] @ r.T, full_matrices=False)
            return u, s, turn
        squares, vectors = np.linalg.eigh(r @ self.moments[:width, :width] @ r.T)
        return None, np.sqrt(np.maximum(squares[::-1], 0)), vectors[:, ::-1].T

    # ---- predictions --------------------------------------------------------------------------

    @silent
    def predict(self, rows: object, cols: object) -> HostArray:
        """Return the entries at some places.

        Parameters
        ----------
        rows, cols : array_like of int, shape (p,)
            Negative indices count from the end.

        Returns
        -------
        array, shape (p,)

        Raises
        ------
        PassError
            If the factors of the rows are not at hand.
        ShapeError
            If an index is out of range.
        """
        if self.rows is None:
            raise _no_rows("predict")
        i = as_indices(rows, self.shape[0], "row")
        j = as_indices(cols, self.shape[1], "column")
        if i.shape != j.shape:
            raise ShapeError(f"rows and cols must match, got shapes {i.shape}, {j.shape}")
        found = self._side.offsets[j] + entries_at(i, j, self.rows, self._side.design)
        return np.asarray(self._scaled(found), self.dtype)

    @silent
    def to_array(self) -> HostArray:
        """Return the dense matrix, shape (m, n).

        Returns
        -------
        array, shape (m, n)

        Raises
        ------
        PassError
            If the factors of the rows are not at hand.
        """
        if self.rows is None:
            raise _no_rows("to_array")
        return self._predicted(self.rows)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> HostArray:
        """Return the dense matrix where NumPy asks for an array, up to 2 GB."""
        refuse_large("matrix", self.shape, "float64")
        return np.asarray(self.to_array(), dtype=dtype)

    def of(self, rows: object) -> Completed:
        """Return the completion of some rows by the same columns.

        Parameters
        ----------
        rows : array, sparse matrix, stored dataset, path, Dask array, or iterable of row chunks
            Of shape (m, n), with missing entries as `sketch.complete` takes them. Read once.

        Returns
        -------
        Completed
            With factors of these rows, ``8 m (rank + 1)`` bytes.
        """
        left = np.concatenate([np.empty((0, self.rank + 1)), *self._factors(rows)])
        return dataclasses.replace(self, rows=left, moments=left.T @ left)

    @silent
    def transform(self, rows: object) -> HostArray:
        """Return the coordinates of rows along `Vh`, about `mean`.

        Parameters
        ----------
        rows : what `of` takes

        Returns
        -------
        array, shape (m, k)
            Of a Dask array one that is not computed yet.
        """
        return self._of_chunks(rows, self._coordinates, len(self.s))

    def _coordinates(self, rows: object) -> HostArray:
        turn = self.ridge.scale * self._decomposed[2] @ self._basis[1]
        parts = [left[:, : self._width] @ turn.T for left in self._factors(rows)]
        return np.concatenate([np.empty((0, len(turn))), *parts]).astype(self.dtype)

    @silent
    def inverse_transform(self, coordinates: object) -> HostArray:
        """Return the rows of given coordinates, shape (m, n).

        Parameters
        ----------
        coordinates : array_like, shape (m, k)

        Returns
        -------
        array, shape (m, n)

        Raises
        ------
        ShapeError
            If there is another number of coordinates.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> a = np.outer(np.arange(1.0, 31), np.arange(1.0, 21))
        >>> found = sketch.complete(np.where(np.eye(30, 20) > 0, np.nan, a), rank=1)
        >>> rows = found.inverse_transform(found.transform(a[:3]))
        >>> bool(np.allclose(rows, a[:3], rtol=1e-3))
        True
        """
        given = np.asarray(coordinates)
        if given.ndim != 2 or given.shape[1] != len(self.s):
            raise ShapeError(f"expected coordinates (m, {len(self.s)}), got shape {given.shape}")
        return np.asarray(given @ self.Vh + self.mean, self.dtype)

    @silent
    def fill(self, rows: object) -> HostArray:
        """Return rows as a dense array: what is known as it is, and predictions elsewhere.

        Parameters
        ----------
        rows : what `of` takes

        Returns
        -------
        array, shape (m, n)
            Of a Dask array one that is not computed yet.
        """
        return self._of_chunks(rows, self._filled, self.shape[1])

    def _filled(self, rows: object) -> HostArray:
        parts = [np.empty((0, self.shape[1]), self.dtype)]
        for known in self._known(rows):
            filled = self._predicted(row_factors(known, self._side))
            i, j = known.places()
            filled[i, j] = known.at_places()
            parts.append(filled)
        return np.concatenate(parts)

    def _of_chunks(self, rows: object, of: Callable[[object], HostArray], width: int) -> HostArray:
        """Return what becomes of rows, lazily of those of a Dask array."""
        source = as_known_source(rows, self.shape[1])
        if source.dask_array is None:
            return of(source)
        chunks = source.dask_array.chunks[0], (width,)
        meta = np.empty((0, 0), self.dtype)
        lazy: HostArray = source.dask_array.map_blocks(of, chunks=chunks, meta=meta)
        return lazy

    def _known(self, rows: object) -> Iterator[KnownRows]:
        source = as_known_source(rows, self.shape[1])
        check_columns(self._axes, source.axes, "the rows")
        for _, block in source.blocks():
            yield block.rows

    def _factors(self, rows: object) -> Iterator[Reals]:
        return (row_factors(known, self._side) for known in self._known(rows))

    def _predicted(self, left: Reals) -> HostArray:
        product = left @ self._side.design.T
        product += self._side.offsets
        return np.asarray(self._scaled(product), self.dtype)

    def _scaled(self, values: Reals) -> Reals:
        """Return values of the model in the units of the entries."""
        return self.ridge.level + self.ridge.scale * values

    # ---- files ----------------------------------------------------------------------------------

    def _archived(self) -> tuple[archive.Header, archive.Arrays]:
        header: archive.Header = {"rmse": self.rmse.to_header()}
        header |= {name: getattr(self, name) for name in _FACTS}
        header |= {"ridge": dataclasses.asdict(self.ridge)}
        arrays = {"columns": self.columns, "moments": self.moments}
        if self.rows is not None:
            arrays["rows"] = self.rows
        return header, arrays

    @classmethod
    def from_archive(cls, header: archive.Header, arrays: archive.Arrays) -> Completed:
        """Rebuild a result from what `save` wrote."""
        facts: Header = {name: header[name] for name in _FACTS} | arrays
        return cls(
            **facts,
            ridge=Ridge(**header["ridge"]),
            rmse=ErrorEstimate.from_header(header["rmse"]),
        )

    def __repr__(self) -> str:
        m, n = self.shape
        return (
            f"Completed(shape=({m}, {n}), rank={self.rank}, dtype={self.dtype}, "
            f"ridge={self.penalty:.3g}, rmse={self.rmse.value:.4g})"
        )


def _no_rows(what: str) -> PassError:
    return PassError(
        f"{what} needs the factors of the rows, which a stream does not keep; give the rows once "
        "more: found.of(rows)"
    )
