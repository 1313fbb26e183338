"""Test matrices as objects: rows on demand, in the form that is asked for, the last ones kept."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from dataclasses import dataclass

import numpy as np

from ..backend.array import (
    Array,
    HostArray,
    brought,
    cast,
    cuts,
    dtype_name,
    is_complex,
    is_off_host,
    moved,
    namespace,
    promote,
    to_host,
)
from ..numerics.device_bits import bits_for
from ..numerics.kernels import HashedRows, StructuredRows, side_by_side
from ..numerics.linalg import adjoint, product
from ..numerics.random import HOST, Bits
from ..running.cache import RecentValues
from ._family import SparseFamily, TestMatrixFamily

STREAMS = {"range": 1, "corange": 2, "error": 3, "norm": 4}
"""Which 64-bit stream of random bits each test matrix of a sketch is drawn from."""

_PANEL = 1 << 40  # between the streams of two panels: those of trains lie below
_DRAWN_BYTES = 16_000_000  # at most so much of a test matrix is drawn at once at finalize
_KEPT_BYTES = 64_000_000  # of each test matrix, the rows drawn last


class Rows:
    """A range of rows of a test matrix, drawn when a source asks and in the form it asks for."""

    def __init__(self, matrix: DrawnMatrix | FixedMatrix, start: int, stop: int) -> None:
        self._matrix = matrix
        self._start = start
        self._stop = stop

    def array(self, like: Array) -> Array:
        """Return the rows as an array in the namespace, dtype and device of `like`."""
        return self._matrix.array_rows(self._start, self._stop, like)

    def hashed(self, dtype: str) -> HashedRows | None:
        """Return the rows as `HashedRows` where the test matrix is sparse."""
        return self._matrix.hashed_rows(self._start, self._stop, dtype)

    def structured(self, dtype: str) -> StructuredRows | None:
        """Return the rows in a form that multiplies dense data faster than a dense array."""
        return self._matrix.structured_rows(self._start, self._stop, dtype)

    def part(self, start: int, stop: int) -> Rows:
        """Return rows ``start:stop`` of these rows."""
        return Rows(self._matrix, self._start + start, self._start + stop)


@dataclass
class DrawnMatrix:
    """A random matrix of `width` columns and as many rows as are asked for.

    Keeps the rows it drew last: a stream of row blocks needs the same rows of Omega each time, and
    tiles those of Psi as well. Threads may share it.

    A matrix that was widened stands in panels beside each other, each of them an isotropic matrix
    from a stream of its own: the first columns stay what they were.

    Attributes
    ----------
    family : TestMatrixFamily
    seed, stream : int
    width : int
    field : {"real", "complex"}
    panels : tuple of int
        Widths of the panels; one by default.
    first_panel : int
        Number of the first one.
    """

    family: TestMatrixFamily
    seed: int
    stream: int
    width: int
    field: str = "real"
    panels: tuple[int, ...] = ()
    first_panel: int = 0
    _kept: RecentValues = dataclasses.field(
        default_factory=lambda: RecentValues(_KEPT_BYTES), init=False, repr=False, compare=False
    )

    def panel(self, number: int, width: int) -> DrawnMatrix:
        """Return a panel alone."""
        return DrawnMatrix(
            self.family, self.seed, self.stream, width, self.field, first_panel=number
        )

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start:stop``, not yet drawn."""
        return Rows(self, start, stop)

    def array_rows(self, start: int, stop: int, like: Array) -> Array:
        """Draw rows in the namespace, dtype and device of `like`."""
        key = (start, stop, dtype_name(like.dtype), type(like), str(getattr(like, "device", "")))
        return self._kept.get(
            key,
            lambda: self._drawn(start, stop, like),
            lambda rows: 8 * math.prod(rows.shape),
        )

    def adjoint_product(self, x: Array, first: int = 0) -> Array:
        """Return ``Omega^* x`` for the rows of Omega from a first one on, drawn in blocks.

        Parameters
        ----------
        x : array, shape (m, k)
        first : int
            Row of Omega that belongs to the first one of x.
        """
        step = max(1, _DRAWN_BYTES // (16 * self.width))
        blocks = cuts(int(x.shape[0]), step)
        seen = (self._adjoint_block(first + b.start, x[b, :]) for b in blocks)
        return functools.reduce(operator.add, seen)

    def _adjoint_block(self, start: int, x: Array) -> Array:
        on_host, stop = isinstance(x, np.ndarray), start + int(x.shape[0])
        dtype = dtype_name(x.dtype)
        form = self.structured_rows(start, stop, dtype) if on_host else None
        summed = None if form is None else form.conj().product_of_dense(x)
        if summed is not None:
            return summed
        few = self.hashed_rows(start, stop, dtype) if on_host else None
        if few is not None:
            return few.adjoint_product(to_host(x))
        return product(adjoint(self.array_rows(start, stop, x)), x)

    def sample(self) -> HostArray:
        """Return a few rows, by which installations compare what they draw."""
        return to_host(self._drawn(0, 4, np.empty(0)))

    def _drawn(self, start: int, stop: int, like: Array) -> Array:
        few = self.structured_rows(start, stop, "float64") if is_off_host(like) else None
        if few is not None:
            return brought(few.hashed().spread(like), like)
        return brought(self._draw(start, stop, bits_for(like)), like)

    def _draw(self, start: int, stop: int, bits: Bits = HOST) -> HostArray:
        few = self.structured_rows(start, stop, "float64") if bits is HOST else None
        if few is not None:
            return few.hashed().toarray()
        drawn = [
            self.family.draw(self.seed, stream, start, stop, width, field=self.field, bits=bits)
            for stream, width in self._streams
        ]
        if len(drawn) == 1:
            return drawn[0]
        return bits.xp.concatenate(drawn, axis=1)  # type: ignore[no-any-return]

    @functools.cached_property
    def _streams(self) -> list[tuple[int, int]]:
        """The stream and the width of each panel."""
        widths = self.panels or (self.width,)
        numbers = range(self.first_panel, self.first_panel + len(widths))
        return [(self.stream + n * _PANEL, w) for n, w in zip(numbers, widths, strict=True)]

    def structured_rows(self, start: int, stop: int, dtype: str) -> StructuredRows | None:
        """Draw rows in a form that multiplies dense data fast, None where the family has none."""
        family = self.family
        if not isinstance(family, SparseFamily):
            return None
        if self.field == "complex":
            dtype = promote(dtype, "complex64")
        return self._kept.get(
            (start, stop, "structured", dtype),
            lambda: self._structured(family, start, stop).astype(dtype),
            lambda rows: rows.nbytes,
        )

    def hashed_rows(self, start: int, stop: int, dtype: str) -> HashedRows | None:
        """Draw rows in hashed form, or return None as well."""
        form = self.structured_rows(start, stop, dtype)
        if form is None or isinstance(form, HashedRows):
            return form
        if self.field == "complex":
            dtype = promote(dtype, "complex64")
        return self._kept.get(
            (start, stop, "hashed", dtype),
            lambda: form.hashed().astype(dtype),
            lambda rows: rows.nbytes,
        )

    def _structured(self, family: SparseFamily, start: int, stop: int) -> StructuredRows:
        drawn = [
            family.structured(self.seed, stream, start, stop, width, field=self.field)
            for stream, width in self._streams
        ]
        return drawn[0] if len(drawn) == 1 else side_by_side(form.hashed() for form in drawn)


@dataclass
class ProbedMatrix(DrawnMatrix):
    """A dense random matrix with `probes` further columns of another draw beside it.

    One product serves both.
    """

    probes: DrawnMatrix | None = None

    def _drawn(self, start: int, stop: int, like: Array) -> Array:
        rows = super()._drawn(start, stop, like)
        if self.probes is None:
            return rows
        beside = self.probes.array_rows(start, stop, like)
        return namespace(rows).concat([rows, beside], axis=1)

    def hashed_rows(self, start: int, stop: int, dtype: str) -> HashedRows | None:
        """Return None: the columns beside are dense, whatever the family."""
        return None

    def structured_rows(self, start: int, stop: int, dtype: str) -> StructuredRows | None:
        """Return None as well."""
        return None


@dataclass(frozen=True)
class FixedMatrix:
    """An explicit matrix in the role of a test matrix: the bases of power iterations.

    Random columns may stand beside it: one product serves both.
    """

    array: Array
    probes: DrawnMatrix | None = None

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start:stop``."""
        return Rows(self, start, stop)

    def array_rows(self, start: int, stop: int, like: Array) -> Array:
        """Return rows where `like` is and in its dtype."""
        rows = moved(cast(self.array[start:stop, :], _joint_dtype(self.array, like)), like)
        if self.probes is None:
            return rows
        return namespace(rows).concat([rows, self.probes.array_rows(start, stop, rows)], axis=1)

    def hashed_rows(self, start: int, stop: int, dtype: str) -> None:
        """Return None: the matrix is dense."""
        return None

    def structured_rows(self, start: int, stop: int, dtype: str) -> None:
        """Return None as well."""
        return None


def _joint_dtype(basis: Array, like: Array) -> str:
    """Return the precision of `like`, in the complex field where the basis is complex."""
    name = dtype_name(like.dtype)
    return promote(name, "complex64") if is_complex(dtype_name(basis.dtype)) else name
