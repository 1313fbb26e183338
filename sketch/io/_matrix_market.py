"""Matrix Market files in all their forms.

References
----------
R. F. Boisvert, R. Pozo, K. A. Remington, The Matrix Market exchange formats: initial design,
NISTIR 5935, 1996.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StateFileError
from ._entry_files import EntryFile, wrong_count
from ._numbers import LineForm
from ._text_blocks import TextBlocks

_FIELDS = {  # numbers that make up a value, and their type
    "real": (1, np.dtype(np.float64)),
    "double": (1, np.dtype(np.float64)),
    "complex": (2, np.dtype(np.float64)),
    "integer": (1, np.dtype(np.int64)),
    "unsigned-integer": (1, np.dtype(np.uint64)),
    "pattern": (0, np.dtype(np.int64)),
}
_SYMMETRIES = ("general", "symmetric", "skew-symmetric", "hermitian")
_DENSE_BYTES = 256_000_000  # up to here an array is held in memory whole
_BOM = b"\xef\xbb\xbf"


class MatrixMarketFile(EntryFile):
    """A matrix in a Matrix Market file; of symmetric ones both triangles are given.

    Files of `array` format are read as entries too, which stand in columns.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        with TextBlocks(path) as lines:
            self._read_head(lines)
            least = 2 * max(1, self._form.columns) * self._promised - 1
            if least > lines.room():
                found = f"but {lines.room():.0f} bytes of text cannot hold them"
                raise wrong_count(path, self._promised, found)

    def pieces(self, limit: int | None = None) -> Iterator[Any]:
        """Yield `scipy.sparse.coo_array` of the whole shape, which sum up to the data."""
        with TextBlocks(self.path) as lines:
            self._read_head(lines)
            seen, upper, lower = 0, False, False
            for text, indices, numbers in self._numbers(lines, limit):
                if seen + len(indices) > self._promised:
                    found = f"more follow (up to line {lines.number + text.count(bytes([10]))})"
                    raise wrong_count(self.path, self._promised, found)
                indices = self._indices(indices, seen, text, lines)
                values = self._values(numbers)
                seen += len(indices)
                if self._symmetry != "general":
                    above = indices[:, 0] < indices[:, 1]
                    below = indices[:, 0] > indices[:, 1]
                    upper, lower = upper or bool(above.any()), lower or bool(below.any())
                    self._check_triangle(
                        above if lower else below, upper and lower, values, indices, text, lines
                    )
                    indices, values = self._mirrored(indices, values)
                yield self._placed(indices, values)
        if seen != self._promised:
            raise wrong_count(self.path, self._promised, f"{seen} lines follow")

    def loaded(self) -> Any:
        """Return the data in memory if they are small, else the file itself."""
        if not self._array:
            return super().loaded()
        if self.dtype.itemsize * self.shape[0] * self.shape[1] > _DENSE_BYTES:
            return self
        dense = np.zeros(self.shape, self.dtype, order="F")
        for piece in self.pieces():
            dense[piece.coords] = piece.data
        return dense

    def _read_head(self, lines: TextBlocks) -> None:
        """Read the banner, the comments, and the line with the sizes."""
        line = lines.line()
        while line is not None and line.removeprefix(_BOM).strip() == b"":
            line = lines.line()
        self._read_banner((line or b"").removeprefix(_BOM).strip(), lines)
        line = lines.line()
        while line is not None and (not line or line.startswith(b"%")):
            line = lines.line()
        if line is None:
            raise StateFileError(f"{self.path}: no line with the sizes; the file is cut off")
        expected = "rows and columns" if self._array else "rows, columns and entries"
        words = line.split()
        if len(words) != (2 if self._array else 3) or not all(
            re.fullmatch(rb"\+?[0-9]{1,18}", word) for word in words
        ):
            raise lines.refuse(lines.number, line, f"expected the numbers of {expected}")
        rows, columns, *entries = map(int, words)
        if self._symmetry != "general" and rows != columns:
            raise lines.refuse(lines.number, line, f"a {self._symmetry} matrix must be square")
        self.shape = (rows, columns)
        self._promised = entries[0] if entries else self._stored(rows, columns)
        self.nnz = self._promised

    def _read_banner(self, banner: bytes, lines: TextBlocks) -> None:
        words = banner.decode("latin-1").lower().split()
        expected = (
            "expected the banner %%MatrixMarket matrix, coordinate or array, one of "
            f"{', '.join(_FIELDS)}, and one of {', '.join(_SYMMETRIES)}"
        )
        if (
            len(words) != 5
            or not re.fullmatch("%{1,2}matrixmarket", words[0])
            or words[1] != "matrix"
            or words[2] not in ("array", "coordinate")
            or words[3] not in _FIELDS
            or words[4] not in _SYMMETRIES
            or words[2:4] == ["array", "pattern"]
        ):
            raise lines.refuse(lines.number, banner, expected)
        self._array, self._field, self._symmetry = words[2] == "array", words[3], words[4]
        values, dtype = _FIELDS[self._field]
        self._form = LineForm(0 if self._array else 2, values, dtype)
        self.dtype = np.dtype({"complex": "c16", "pattern": "f8"}.get(self._field, dtype))

    def _stored(self, rows: int, columns: int) -> int:
        """Return how many entries of an array stand in the file."""
        if self._symmetry == "general":
            return rows * columns
        return (
            rows * (rows - 1) // 2 if self._symmetry == "skew-symmetric" else rows * (rows + 1) // 2
        )

    def _indices(
        self, indices: NDArray[np.int64], seen: int, text: bytes, lines: TextBlocks
    ) -> NDArray[np.int64]:
        """Return rows and columns from 0."""
        if self._array:
            return self._column_order(np.arange(seen, seen + len(indices)))
        for axis, name in enumerate(("row", "column")):
            of_axis, size = indices[:, axis], self.shape[axis]
            reason = f"the {name} is not within 1 and {size}"
            self._refuse_where((of_axis < 1) | (of_axis > size), text, lines, reason)
        return indices - 1

    def _column_order(self, entries: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return rows and columns of entries of an array, which stand column by column."""
        n = self.shape[0]
        if self._symmetry == "general":
            return np.stack([entries % n, entries // n], axis=1)
        strict = int(self._symmetry == "skew-symmetric")
        starts = np.cumsum([0, *range(n - strict, 0, -1)])
        columns = np.searchsorted(starts, entries, side="right") - 1
        return np.stack([entries - starts[columns] + columns + strict, columns], axis=1)

    def _values(self, numbers: NDArray[Any]) -> NDArray[Any]:
        if self._field == "pattern":
            return np.ones(len(numbers))
        if self._field == "complex":
            return np.ascontiguousarray(numbers).view(np.complex128)[:, 0]
        return np.ascontiguousarray(numbers[:, 0])

    def _check_triangle(
        self,
        other: NDArray[np.bool_],
        both: bool,
        values: NDArray[Any],
        indices: NDArray[np.int64],
        text: bytes,
        lines: TextBlocks,
    ) -> None:
        """Refuse what a matrix of this symmetry cannot have."""
        if both:
            reason = (
                f"a {self._symmetry} matrix is given by one triangle, and entries on both sides of "
                "the diagonal stand here; write general if both are meant"
            )
            self._refuse_where(other, text, lines, reason)
        diagonal = indices[:, 0] == indices[:, 1]
        wrong = {
            "skew-symmetric": values != 0,
            "hermitian": np.imag(values) != 0,
        }.get(self._symmetry)
        if wrong is not None:
            reason = f"a {self._symmetry} matrix cannot have this on its diagonal"
            self._refuse_where(diagonal & wrong, text, lines, reason)

    def _mirrored(
        self, indices: NDArray[np.int64], values: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the entries of both triangles."""
        off = indices[:, 0] != indices[:, 1]
        mirror = values[off]
        if self._symmetry == "hermitian":
            mirror = mirror.conj()
        elif self._symmetry == "skew-symmetric":
            mirror = -mirror
        return (
            np.concatenate([indices, indices[off][:, ::-1]]),
            np.concatenate([values, mirror]),
        )
