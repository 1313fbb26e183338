"""The narrow waist: all that a method may ask of a matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from ..backend.array import Array
from ..backend.protocols import DaskArray
from ..errors import DtypeError
from ..formats import Axes
from ..numerics.factor_rows import FactorRows, GivenRows
from ..numerics.linalg import adjoint

Window = tuple[Array, float]
"""Some rows and columns, and the Frobenius norm of the rounding errors that were made for them."""


class MatrixSource(ABC):
    """A matrix of any format, seen as blocks that are read one after the other.

    Attributes
    ----------
    shape : tuple
        ``(m, n)``; m is None where it shows only as blocks come.
    dtype : str
        The dtype that products come in.
    widens : bool
        Whether later blocks may come in a wider dtype.
    nbytes : int
        Bytes that one pass reads, for progress; 0 where unknown.
    single_use : bool
        Whether the data can be read once only.
    by_products : bool
        Whether only products with the matrix tell its entries.
    sparse : bool
        Whether entries are few and are multiplied one by one.
    on_disk : bool
        Whether reading takes its time, so that it pays to read ahead.
    off_host : bool
        Whether the data lie in the memory of a GPU.
    dask_array : array of Dask or None
        That the data are, whose chunks are worked on in parallel; else None.
    axes : Axes or None
        Names and labels of the data; of rows that come in chunks, those of the first one.
    column_chunk : int
        How many whole columns lie together, where windows of these cost less to read than some
        whole rows do; else 0.
    """

    shape: tuple[int | None, int]
    dtype: str
    widens: bool = False
    nbytes: int
    single_use: bool = False
    by_products: bool = False
    sparse: bool = False
    on_disk: bool = False
    off_host: bool = False
    dask_array: DaskArray | None = None
    axes: Axes | None = None
    column_chunk: int = 0

    @abstractmethod
    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield ``((row, col), block)``, what must be read in blocks of at most `limit` bytes."""

    def row_blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield blocks like `blocks`, of whole rows where the format can give them."""
        return self.blocks(limit)

    def whole_blocks(
        self, axis: int, limit: int | None = None
    ) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield blocks like `blocks`, along the whole of an axis where that reads nothing twice."""
        return self.blocks(limit)

    def window(self, rows: slice, columns: slice) -> Window:
        """Return some rows and columns as a dense array, and the norm of rounding errors in it.

        Raises
        ------
        DtypeError
            If the format cannot tell them.
        """
        raise DtypeError(
            f"whole rows are needed and a {type(self).__name__} cannot give them within a sum; "
            "convert it to an array or to a sparse matrix first"
        )


class MatrixBlock(MatrixSource):
    """A matrix A seen through its products with test matrices: all that a method may ask.

    Attributes
    ----------
    rounding : float
        Frobenius norm of the rounding errors that were made to have the entries.
    """

    shape: tuple[int, int]
    rounding: float = 0.0

    @abstractmethod
    def right(self, omega: FactorRows) -> Array:
        """Return ``(A Omega)^T``, shape (k, m), for Omega (n, k)."""

    @abstractmethod
    def left(self, psi: FactorRows) -> Array:
        """Return ``Psi^* A``, shape (k, n), for Psi (m, k)."""

    def right_and_back(self, omega: FactorRows, width: int) -> tuple[Array, Array]:
        """Return ``Y^T = (A Omega)^T`` (k, m), and ``Y_w^* A`` (w, n) of its first w columns.

        Both from one reading of the matrix.
        """
        y = self.right(omega)
        return y, self.left(GivenRows(y[:width, :].T))

    def left_and_back(self, psi: FactorRows, width: int) -> tuple[Array, Array]:
        """Return ``W = Psi^* A`` (k, n), and ``(A W_w^*)^T`` (w, m) of its first w rows."""
        w = self.left(psi)
        return w, self.right(GivenRows(adjoint(w[:width, :])))

    def blocks(self, limit: int | None = None) -> Iterator[tuple[tuple[int, int], MatrixBlock]]:
        """Yield the matrix itself, in one block."""
        yield (0, 0), self

    def brought(self, like: Array) -> MatrixBlock:
        """Return the matrix where `like` is, if it can go there; else its products will."""
        return self

    def norm(self) -> float | None:
        """Return the Frobenius norm, None where it is not at hand or blocks overlap (sums)."""
        return None

    def column_squares(self) -> Array:
        """Return the sum of the squares of each column, shape (n,).

        Raises
        ------
        DtypeError
            If they are not at hand.
        """
        raise DtypeError(
            f"the variances of the columns of a {type(self).__name__} are not known; convert the "
            "data first, or give the scale as a vector"
        )

    def find_nonfinite(self) -> tuple[int, int] | None:
        """Return the position of a NaN or an infinity, where one can be found."""
        return None
