"""What a test matrix is: a family of isotropic rows, drawn from seed, stream and number alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from ..backend.array import HostArray
from ..numerics.kernels import HashedRows, StructuredRows
from ..numerics.random import HOST, Bits
from ._named import chosen

MatrixFamilyName = Literal["gaussian", "sign", "sparse-sign", "block-sign"]
"""Names of families that may be given instead of an instance."""


class TestMatrixFamily(ABC):
    """A distribution of random matrices with independent isotropic rows.

    Families are frozen, hashable and printable; ``repr`` is the call that makes them. Their names
    in lower case may be given instead of an instance.

    A new family is a frozen dataclass with a `name` and the method `draw`. Rows must follow from
    the seed, the stream and their number alone, or sketches of the same data would differ with how
    the data are cut.

    Raises
    ------
    ArgumentError
        Of a name that is not known, by whatever is given it.

    Notes
    -----
    What a family costs shows twice: in drawing, and in the product. Dense rows cost ``2 m n``
    operations for each column of the sketch, those of few entries 4 to 16 for each entry of the
    data.

    References
    ----------
    .. [1] P.-G. Martinsson, J. Tropp, "Randomized numerical linear algebra: foundations and
       algorithms", Acta Numerica 29 (2020) 403-572, sections 8 and 9, arXiv:2002.01387.

    Examples
    --------
    >>> import sketch
    >>> isinstance(sketch.Gaussian(), sketch.TestMatrixFamily)
    True
    """

    __test__ = False  # not a test class, whatever pytest thinks of the name
    name: ClassVar[str]
    gaussian_like: ClassVar[bool] = False  # regression residuals measure the error without bias
    least_width: ClassVar[int] = 1  # below it columns repeat each other, or miss data altogether
    sparse: ClassVar[bool] = False

    @abstractmethod
    def draw(
        self,
        seed: int,
        stream: int,
        start: int,
        stop: int,
        width: int,
        *,
        field: str,
        bits: Bits = HOST,
    ) -> HostArray:
        """Draw rows ``start:stop`` of an endless matrix of `width` columns.

        Entries have mean 0 and mean square 1, so that ``E[omega omega^*] = I`` for each column.
        They may be drawn where `bits` are, or on the host.

        Parameters
        ----------
        seed, stream : int
            The rows follow from these, their numbers and the width alone.
        start, stop : int
            Which rows.
        width : int
            Columns.
        field : {"real", "complex"}
        bits : Bits, optional
            Where random bits are made: the host by default.

        Returns
        -------
        array, shape (stop - start, width)
            Of float64 or complex128.

        Examples
        --------
        >>> import sketch
        >>> sketch.Sign().draw(0, 0, 0, 2, 4, field="real").shape
        (2, 4)
        """


class SparseFamily(TestMatrixFamily):
    """A distribution of matrices with few entries in each row."""

    sparse: ClassVar[bool] = True

    def draw(
        self,
        seed: int,
        stream: int,
        start: int,
        stop: int,
        width: int,
        *,
        field: str,
        bits: Bits = HOST,
    ) -> HostArray:
        """Draw rows ``start:stop`` on the host, as a dense array, shape (stop - start, width)."""
        return self.hashed(seed, stream, start, stop, width, field=field).toarray()

    @abstractmethod
    def hashed(
        self, seed: int, stream: int, start: int, stop: int, width: int, *, field: str
    ) -> HashedRows:
        """Draw the same rows as `draw`, as `HashedRows`.

        Parameters
        ----------
        seed, stream, start, stop, width, field
            See `draw`.

        Returns
        -------
        HashedRows
            Columns and values of the entries that are not zero.

        Examples
        --------
        >>> import sketch
        >>> sketch.SparseSign(nnz=4).hashed(0, 0, 0, 2, 8, field="real").columns.shape
        (2, 4)
        """

    def structured(
        self, seed: int, stream: int, start: int, stop: int, width: int, *, field: str
    ) -> StructuredRows:
        """Draw the same rows in the form that dense matrices are multiplied with.

        Parameters
        ----------
        seed, stream, start, stop, width, field
            See `draw`.

        Returns
        -------
        HashedRows or GroupedRows

        Examples
        --------
        >>> import numpy as np, sketch
        >>> family, where = sketch.BlockSign(), (0, 0, 0, 5, 16)
        >>> rows = family.structured(*where, field="real").hashed().toarray()
        >>> bool(np.array_equal(rows, family.draw(*where, field="real")))
        True
        """
        return self.hashed(seed, stream, start, stop, width, field=field)


def as_family(test_matrix: TestMatrixFamily | str) -> TestMatrixFamily:
    """Return the family of that name, or the given instance."""
    return chosen(TestMatrixFamily, test_matrix, "test_matrix", "sketch.SparseSign(nnz=8)")
