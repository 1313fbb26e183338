"""What the sketches of matrices share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ..results import LowRank
from ..sources import MatrixSource, as_matrix_source
from ._spec import MatrixSpec
from ._stream import StreamedSketch


class MatrixSketch(StreamedSketch):
    """A sketch that ends in a `LowRank` matrix."""

    part_axes: ClassVar[dict[str, int]]

    spec: MatrixSpec

    def _as_source(self, chunk: Any) -> MatrixSource:
        return as_matrix_source(chunk)

    def _part_axis(self, name: str) -> int:
        return self.part_axes[name]

    def _bytes_needed(self, shape: tuple[int, ...]) -> int:
        spec = self.spec
        rows = spec.range_size + spec.error_probes
        columns = getattr(spec, "corange_size", spec.range_size) + spec.error_probes
        both = rows * shape[0] + columns * shape[1]
        return 8 * spec.dof_each * (3 * both + rows * shape[1])  # sums, bases, factors; Omega

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size

    @abstractmethod
    def finalize(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the low-rank matrix that the sums determine."""
