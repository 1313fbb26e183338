"""Matrix Market files in all their forms.

References
----------
R. F. Boisvert, R. Pozo, K. A. Remington, The Matrix Market exchange formats: initial design,
NISTIR 5935, 1996.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from ..backend.array import HostArray
from ..errors import StateFileError
from ._entry_files import EntryFile, from_zero, wrong_count
from ._numbers import Indices, LineForm, Numbers
from ._text_blocks import Block, TextBlocks, trimmed, words_of
from ._triangle import Triangle

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

    def loaded(self) -> object:
        """Return the data in memory if they are small, else the file itself."""
        if not self._array:
            return super().loaded()
        if self.dtype.itemsize * self.shape[0] * self.shape[1] > _DENSE_BYTES:
            return self
        dense = np.zeros(self.shape, self.dtype, order="F")
        for piece in self.pieces():
            dense[piece.coords] = piece.data
        return dense

    def _nbytes(self) -> int:
        """Return the bytes that the entries take in memory, those of both triangles."""
        return super()._nbytes() * (1 if self._symmetry == "general" else 2)

    def _entries(self, lines: TextBlocks, size: int) -> Iterator[Numbers]:
        """Yield indices and values of blocks of lines; of symmetric matrices both triangles."""
        self._read_head(lines)
        triangle = Triangle(self._symmetry)
        seen = 0
        for block, indices, numbers in self._numbers(lines, size):
            if seen + len(numbers) > self._promised:
                found = f"more follow (up to line {block.before + block.n_lines})"
                raise wrong_count(self.path, self._promised, found)
            if self._array:
                indices = self._column_order(np.arange(seen, seen + len(numbers)))
            else:
                self._check(indices, block, lines)
            values = self._values(numbers)
            seen += len(numbers)
            if self._symmetry != "general":
                for bad, reason in triangle.faults(indices, values):
                    self._refuse_where(bad, block, lines, reason)
                indices, values = triangle.mirrored(indices, values)
            yield from_zero(indices, 1 - self._array), values
        if seen != self._promised:
            raise wrong_count(self.path, self._promised, f"{seen} lines follow")

    def _read_head(self, lines: TextBlocks) -> None:
        """Read the banner, the comments, and the line with the sizes."""
        line = lines.line()
        while line is not None and trimmed(line.removeprefix(_BOM)) == b"":
            line = lines.line()
        self._read_banner(trimmed((line or b"").removeprefix(_BOM)), lines)
        line = lines.line()
        while line is not None and (not line or line.startswith(b"%")):
            line = lines.line()
        if line is None:
            raise StateFileError(f"{self.path}: no line with the sizes; the file is cut off")
        expected = "rows and columns" if self._array else "rows, columns and entries"
        words = words_of(line)
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
        words = [word.decode("latin-1").lower() for word in words_of(banner)]
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
            or words[3:] == ["unsigned-integer", "skew-symmetric"]
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

    def _check(self, indices: Indices, block: Block, lines: TextBlocks) -> None:
        """Refuse indices, which count from 1, outside of the shape."""
        for axis, name in enumerate(("row", "column")):
            of_axis, size = indices[axis], self.shape[axis]
            if of_axis.min() < 1 or of_axis.max() > size:
                reason = f"the {name} is not within 1 and {size}"
                self._refuse_where((of_axis < 1) | (of_axis > size), block, lines, reason)

    def _column_order(self, entries: Indices) -> Indices:
        """Return rows and columns of entries of an array, which stand column by column."""
        n = self.shape[0]
        if self._symmetry == "general":
            return np.stack([entries % n, entries // n])
        strict = int(self._symmetry == "skew-symmetric")
        starts = np.cumsum([0, *range(n - strict, 0, -1)])
        columns = np.searchsorted(starts, entries, side="right") - 1
        return np.stack([entries - starts[columns] + columns + strict, columns])

    def _values(self, numbers: HostArray) -> HostArray:
        if self._field == "pattern":
            return np.ones(len(numbers))
        if self._field == "complex":
            return numbers.view(np.complex128)[:, 0]
        return numbers[:, 0]
