"""Rows with missing entries, of every format: what is known of them, some rows at a time."""

from __future__ import annotations

import copy
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend.array import Array, cuts, gathered, is_complex, is_dask, to_host
from ..backend.protocols import DaskArray
from ..errors import DtypeError, NonFiniteError, ShapeError
from ..numerics.known_rows import KnownRows
from ..running.tasks import computed_chunks
from ._base import MatrixBlock, MatrixSource
from ._chunked import ChunkedSource, is_chunks
from ._dense import DenseSource
from ._opened import is_path, opened
from ._registry import as_matrix_source
from ._rows import RowsSource
from ._sparse import SparseSource
from ._tiles import BLOCK_BYTES

_BLOCK_BYTES = 64_000_000  # of values and their pattern, in double precision


class KnownBlock:
    """Some rows, and where they begin among those of the source."""

    def __init__(self, rows: KnownRows, dtype: str) -> None:
        self.rows, self.dtype, self.shape = rows, dtype, rows.shape
        self.nbytes = int(rows.counts.sum()) * 16

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return where an infinity is."""
        bad = np.flatnonzero(~np.isfinite(self.rows.at_places()))
        if not bad.size:
            return None
        row, column = (int(index[bad[0]]) for index in self.rows.places())
        return row, column

    def norm(self) -> None:
        """Return None: of entries that are not known there is none."""

    def brought(self, like: Array) -> KnownBlock:
        """Return the block: completions are made on the host."""
        return self


class KnownSource:
    """A matrix some of whose entries are missing.

    Stored entries of sparse formats are known, zeros too. NaN stands for an entry that is missing,
    everywhere, and so does what is masked.

    Parameters
    ----------
    source : MatrixSource
        That can give whole rows.

    Raises
    ------
    DtypeError
        If entries are complex, or the format cannot tell which entries it holds.
    """

    def __init__(self, source: MatrixSource) -> None:
        self._source = RowsSource(source)
        self.shape, self.dtype, self.nbytes = source.shape, source.dtype, source.nbytes
        self.single_use, self.on_disk = source.single_use, source.on_disk
        self.off_host = source.off_host
        self.axes = source.axes
        self.widens, self.dask_array = source.widens, self._source.dask_array
        if is_complex(self.dtype):
            raise DtypeError(
                "completion is for real entries; complete real and imaginary parts apart"
            )

    def in_order(self) -> KnownSource:
        """Return the source with the chunks of a Dask array one after the other."""
        new = copy.copy(self)
        new.dask_array = None
        return new

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], KnownBlock]]:
        """Yield ``((row, 0), block)`` of whole rows, each once."""
        chunked = self._source.dask_array
        whole = self._source.blocks(limit) if chunked is None else _row_chunks(chunked, limit)
        for (row, col), block in whole:
            for start, rows in _known(block, limit or _BLOCK_BYTES):
                known = KnownBlock(rows, block.dtype)
                bad = known.find_nonfinite()
                if bad is not None:
                    place = tuple(map(operator.add, bad, (row + start, col)))
                    raise NonFiniteError(
                        f"the chunk holds an infinity, first at index {place} of it; clean it, or "
                        "make it NaN if the entry is missing"
                    )
                yield (row + start, col), known

    def whole_blocks(
        self, axis: int, limit: int | None = None
    ) -> Iterator[tuple[tuple[int, int], KnownBlock]]:
        """Yield blocks like `blocks`, whose rows are whole."""
        return self.blocks(limit)


def as_known_source(a: object, width: int | None = None) -> KnownSource:
    """Return the adapter of rows with missing entries in any accepted format.

    Raises
    ------
    ShapeError
        If the rows do not have as many entries as they should.
    """
    source = a if isinstance(a, KnownSource) else KnownSource(_matrix_source(a))
    if width not in (None, source.shape[1]):
        raise ShapeError(f"expected rows of {width} entries, got shape {source.shape}")
    return source


def _matrix_source(a: Any) -> MatrixSource:
    a = opened(a, missing="nan") if is_path(a) else _unmasked(a)
    if is_chunks(a) and not isinstance(a, MatrixSource):
        return ChunkedSource(a, _matrix_source)
    return as_matrix_source(a)


def _row_chunks(a: DaskArray, limit: int | None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
    """Yield the rows of a Dask array chunk by chunk, in the formats that its chunks have.

    A format tells what is known: made dense, a sparse chunk would be known everywhere. Small chunks
    are computed together.
    """
    most = max(1, (limit or BLOCK_BYTES) // (8 * max(1, a.shape[1])))
    tops = list(itertools.accumulate(a.chunks[0], initial=0))
    for chunks in _runs(a.chunks[0], most):
        top, end = tops[chunks.start], tops[chunks.stop]
        if end - top > most:  # one chunk alone
            pieces = [slice(top + c.start, top + c.stop) for c in cuts(end - top, most)]
            values: Iterable[object] = (gathered(a[rows, :]) for rows in pieces)
        else:
            pieces = [
                slice(*pair) for pair in itertools.pairwise(tops[chunks.start : chunks.stop + 1])
            ]
            values = computed_chunks(a, chunks)
        for rows, value in zip(pieces, values, strict=True):
            source = _matrix_source(value)
            if source.shape != (rows.stop - rows.start, a.shape[1]):
                raise ShapeError(
                    f"rows {rows.start} to {rows.stop} of a Dask array of shape {a.shape} are of "
                    f"shape {source.shape}; its chunks are not as large as it says"
                )
            for (row, col), block in source.row_blocks(limit):
                yield (row + rows.start, col), block


def _runs(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Yield runs of neighbouring sizes whose sum is at most so much, or of one that is larger."""
    first = total = 0
    for number, size in enumerate(sizes):
        if number > first and total + size > most:
            yield slice(first, number)
            first, total = number, 0
        total += size
    if first < len(sizes):
        yield slice(first, len(sizes))


def _unmasked(a: object) -> Any:
    """Return an array with NaN where it is masked; anything else as it is."""
    if isinstance(a, np.ma.MaskedArray):
        return np.ma.filled(a.astype(np.result_type(a.dtype, np.float32)), np.nan)
    if is_dask(a):
        return a.map_blocks(_unmasked, dtype=np.result_type(a.dtype, np.float32))
    return a


def _known(block: MatrixBlock, limit: int) -> Iterator[tuple[int, KnownRows]]:
    """Yield what is known of a block, in runs of rows."""
    if isinstance(block, SparseSource):
        yield 0, KnownRows.of_sparse(block.by_rows())
    elif isinstance(block, DenseSource):
        for rows in cuts(block.shape[0], max(1, limit // (16 * max(1, block.shape[1])))):
            yield rows.start, KnownRows.of_dense(to_host(block.array[rows, :]))
    else:
        raise DtypeError(
            f"a {type(block).__name__} does not tell which of its entries are known; give an array "
            "with NaN where they are missing, or a sparse matrix of those that are known"
        )
