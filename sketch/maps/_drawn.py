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
    cuts,
    dtype_name,
    is_off_host,
    namespace,
    promote,
    to_host,
)
from ..numerics.device_bits import bits_for
from ..numerics.kernels import HashedRows, StructuredRows, side_by_side
from ..numerics.linalg import adjoint, product
from ..running.cache import RecentValues
from ._family import SparseFamily, TestMatrixFamily

STREAMS = {"range": 1, "corange": 2, "error": 3, "norm": 4}
"""Which 64-bit stream of random bits each test matrix of a sketch is drawn from."""

_PANEL = 1 << 40  # between the streams of two panels: those of trains lie below
_DRAWN_BYTES = 16_000_000  # at most so much of a test matrix is drawn at once at finalize
_KEPT_BYTES = 64_000_000  # of each test matrix, the rows drawn last
_HOST = np.empty(0)


@dataclass(frozen=True)
class Rows:
    """A range of rows of a test matrix, drawn when a source asks and in the form it asks for."""

    matrix: DrawnMatrix
    start: int
    stop: int

    def array(self, like: Array) -> Array:
        """Return the rows as an array in the namespace, dtype and device of `like`."""
        where = dtype_name(like.dtype), type(like), str(getattr(like, "device", ""))
        return self.matrix.recent.get(
            (self.start, self.stop, *where),
            lambda: self.matrix.drawn(self.start, self.stop, like),
            lambda rows: 8 * math.prod(rows.shape),
        )

    def structured(self, dtype: str) -> StructuredRows | None:
        """Return the rows in a form that multiplies dense data faster than a dense array."""
        family = self.matrix.sparse_family
        if family is None:
            return None
        if self.matrix.field == "complex":
            dtype = promote(dtype, "complex64")
        return self.matrix.recent.get(
            (self.start, self.stop, "structured", dtype),
            lambda: self.matrix.structured(family, self.start, self.stop).astype(dtype),
            lambda rows: rows.nbytes,
        )

    def hashed(self, dtype: str) -> HashedRows | None:
        """Return the rows as `HashedRows` where the test matrix is sparse."""
        form = self.structured(dtype)
        if form is None or isinstance(form, HashedRows):
            return form
        return self.matrix.recent.get(
            (self.start, self.stop, "hashed", dtype), form.hashed, lambda rows: rows.nbytes
        )


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
    recent: RecentValues = dataclasses.field(
        default_factory=lambda: RecentValues(_KEPT_BYTES), init=False, repr=False, compare=False
    )

    def panel(self, number: int, width: int) -> DrawnMatrix:
        """Return a panel alone."""
        return DrawnMatrix(
            self.family, self.seed, self.stream, width, self.field, first_panel=number
        )

    def beside(self, probes: DrawnMatrix) -> ProbedMatrix:
        """Return the matrix with the columns of error probes beside it."""
        same = self.family, self.seed, self.stream, self.width, self.field
        return ProbedMatrix(*same, self.panels, self.first_panel, probes=probes)

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start:stop``, not yet drawn."""
        return Rows(self, start, stop)

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
        seen = (
            _adjoint_product(self.rows(first + b.start, first + b.stop), x[b, :]) for b in blocks
        )
        return functools.reduce(operator.add, seen)

    def sample(self) -> HostArray:
        """Return a few rows, by which installations compare what they draw."""
        return to_host(self.drawn(0, 4, _HOST))

    # ---- what rows are made of --------------------------------------------------------------

    @property
    def sparse_family(self) -> SparseFamily | None:
        """The family, where it has rows of few entries."""
        return self.family if isinstance(self.family, SparseFamily) else None

    def drawn(self, start: int, stop: int, like: Array) -> Array:
        """Draw rows in the namespace, dtype and device of `like`: there where that is a GPU."""
        few = self.rows(start, stop).structured("float64")
        if few is not None:
            return brought(few.hashed().spread(like if is_off_host(like) else _HOST), like)
        bits = bits_for(like)
        panels = [
            self.family.draw(self.seed, stream, start, stop, width, field=self.field, bits=bits)
            for stream, width in self._streams()
        ]
        return brought(panels[0] if len(panels) == 1 else bits.xp.concatenate(panels, axis=1), like)

    def structured(self, family: SparseFamily, start: int, stop: int) -> StructuredRows:
        """Draw rows in a form that multiplies dense data fast."""
        panels = [
            family.structured(self.seed, stream, start, stop, width, field=self.field)
            for stream, width in self._streams()
        ]
        return panels[0] if len(panels) == 1 else side_by_side(form.hashed() for form in panels)

    def _streams(self) -> list[tuple[int, int]]:
        """Return the stream and the width of each panel."""
        widths = self.panels or (self.width,)
        return [(self.stream + n * _PANEL, w) for n, w in enumerate(widths, self.first_panel)]


def _adjoint_product(rows: Rows, x: Array) -> Array:
    if isinstance(x, np.ndarray):
        dtype = dtype_name(x.dtype)
        form = rows.structured(dtype)
        summed = None if form is None else form.conj().product_of_dense(x)
        if summed is not None:
            return summed
        few = rows.hashed(dtype)
        if few is not None:
            return few.adjoint_product(to_host(x))
    return product(adjoint(rows.array(x)), x)


@dataclass
class ProbedMatrix(DrawnMatrix):
    """A dense random matrix with `probes` further columns of another draw beside it.

    One product serves both.
    """

    probes: DrawnMatrix | None = None

    @property
    def sparse_family(self) -> None:
        """None: the columns beside are dense, whatever the family."""
        return None

    def drawn(self, start: int, stop: int, like: Array) -> Array:
        """Draw rows with those of the probes beside them."""
        rows = super().drawn(start, stop, like)
        assert self.probes is not None
        return namespace(rows).concat([rows, self.probes.rows(start, stop).array(like)], axis=1)
