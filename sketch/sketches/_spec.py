"""Specs: frozen descriptions from which all test matrices of a sketch follow."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from .._checks import as_number, checked_size
from ..backend.array import compute_dtype, dtype_name, is_complex
from ..errors import DtypeError, RankError, ShapeError
from ..files.archive import Header
from ..maps import (
    STREAMS,
    DrawnMatrix,
    Gaussian,
    Identity,
    TestMatrixFamily,
    as_family,
    family_from_header,
    family_to_header,
)
from ..numerics.seeds import checked_seed
from ..sources import MatrixSource, as_matrix_source

Shape = tuple[int | None, int | None]

_MOST_ITERATIONS = 1000  # of a power step: more tell nothing, and each reads the data


@dataclass(frozen=True, kw_only=True)
class MatrixSpec:
    """What two sketches must share to be combined: sizes, test matrices and seed.

    Attributes
    ----------
    shape : tuple
        ``(m, n)``; one of them may be None, an axis that grows.
    rank : int
        Rank of the result.
    range_size : int
        Columns of the range's test matrix Omega.
    test_matrix : TestMatrixFamily
    seed : int
    dtype : str or None
        Dtype of the data, or None to follow them. A complex dtype makes the test matrices complex.
    error_probes : int
        Extra Gaussian probes that estimate the error.
    identity : bool
        Whether the identity takes the place of a test matrix as wide as its axis is long; states
        of version 0.1 have a random one there.
    """

    filled_axes: ClassVar[dict[str, int]] = {"range": 1}  # by the test matrices of a range

    shape: Shape
    rank: int
    range_size: int
    test_matrix: TestMatrixFamily
    seed: int
    dtype: str | None
    error_probes: int
    identity: bool = False

    @property
    def full(self) -> int:
        """The largest rank that the data can have, as far as their shape is known."""
        return largest_rank(self.shape)

    @property
    def field(self) -> str:
        """``"real"`` or ``"complex"``: the field of the test matrices."""
        return "complex" if self.dtype is not None and is_complex(self.dtype) else "real"

    @property
    def dof_each(self) -> int:
        """Degrees of freedom of the square of one entry of the test matrices."""
        return 2 if self.field == "complex" else 1

    def draw(
        self, stream: str, width: int, panels: tuple[int, ...] = (), first_panel: int = 0
    ) -> DrawnMatrix:
        """Return a test matrix of this spec; error probes are always Gaussian."""
        family = Gaussian() if stream == "error" else self.test_matrix
        axis = self.filled_axes.get(stream)
        if self.identity and axis is not None and width == self.shape[axis]:
            family = Identity()
        number = STREAMS[stream]
        return DrawnMatrix(family, self.seed, number, width, self.field, panels, first_panel)

    def as_source(self, chunk: object) -> MatrixSource:
        """Return the adapter of a chunk."""
        return as_matrix_source(chunk)

    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, object]) -> int:
        """Return about how many bytes sums, bases and factors take, and Omega."""
        rows = self.range_size + self.error_probes
        columns = getattr(self, "corange_size", self.range_size) + self.error_probes
        both = rows * shape[0] + columns * shape[1]
        return 8 * self.dof_each * (3 * both + rows * shape[1])

    def to_header(self) -> Header:
        """Describe the spec in plain values, for a state file."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**values, "test_matrix": family_to_header(self.test_matrix)}

    @classmethod
    def from_header(cls, header: Header) -> Self:
        """Rebuild a spec from `to_header`."""
        family = family_from_header(TestMatrixFamily, header["test_matrix"])
        return cls(**{**header, "test_matrix": family, "shape": tuple(header["shape"])})


def common_fields(
    shape: object,
    rank: object,
    test_matrix: TestMatrixFamily | str,
    seed: object,
    dtype: object,
    error_probes: object,
) -> dict[str, Any]:
    """Check the arguments that all matrix sketches share and return them as spec fields."""
    shape = _checked_shape(shape)
    return {
        "shape": shape,
        "rank": min(checked_size(rank, "rank"), largest_rank(shape)),
        "test_matrix": as_family(test_matrix),
        "seed": checked_seed(seed),
        "dtype": None if dtype is None else compute_dtype(named_dtype(dtype)),
        "error_probes": checked_size(error_probes, "error_probes"),
        "identity": True,
    }


def all_seeing(family: TestMatrixFamily, width: int) -> TestMatrixFamily:
    """Return a family whose matrices of a width can be relied on alone: Gaussian for few signs.

    Two of few columns of signs may be alike, and all of them orthogonal to the data.
    """
    return family if width >= family.least_width else Gaussian()


def largest_rank(shape: Shape) -> int:
    """Return the largest rank that data can have, as far as their shape is known."""
    return min(size for size in shape if size is not None)


def checked_width(value: object, name: str, rank: int, shape: Shape) -> int:
    """Return the columns of a product, no more than the data can fill."""
    width = checked_size(value, name, least=1)
    fits = min(width, max(1, largest_rank(shape)))
    if fits < rank:
        raise RankError(f"{name} must be at least {rank}, got {width}")
    return fits


def checked_iterations(value: Any) -> float:
    """Return a number of power iterations, which may be a half."""
    twice = 2 * as_number(value)
    if not twice.is_integer() or twice < 0:
        raise RankError(f"power_iters must be 0, 0.5, 1 or a further half, got {value!r}")
    if twice > 2 * _MOST_ITERATIONS:
        raise RankError(
            f"power_iters={value!r} would read the data as often; give {_MOST_ITERATIONS} at most"
        )
    return int(value) if twice % 2 == 0 else twice / 2


def _checked_shape(shape: object) -> Shape:
    sizes = checked_axes(shape)
    if len(sizes) != 2:
        raise ShapeError(f"a matrix sketch needs a shape (m, n), got {shape!r}")
    return sizes[0], sizes[1]


def checked_axes(shape: Any) -> tuple[int | None, ...]:
    """Return the sizes of all axes, at most one of them None."""
    try:
        sizes = [None if size is None else operator.index(size) for size in shape]
    except TypeError:
        raise ShapeError(
            f"a shape must be a sequence of integers, one of them perhaps None, got {shape!r}"
        ) from None
    if not sizes or sizes.count(None) > 1 or any(n is not None and n < 0 for n in sizes):
        raise ShapeError(
            "a shape needs at least one axis, no negative size, and one axis at most that grows "
            f"(None); got {shape!r}"
        )
    return tuple(sizes)


def named_dtype(dtype: Any) -> object:
    """Return a dtype of any library from what a user may write."""
    import numpy as np

    if hasattr(dtype, "dtype") and not isinstance(dtype, type):
        raise DtypeError(f"{dtype!r} is no dtype; give its .dtype, if that is meant")
    try:
        return np.dtype(dtype)
    except TypeError:
        return dtype_name(str(dtype))
