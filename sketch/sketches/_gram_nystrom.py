"""Gram-Nyström: principal components of a row stream in memory that does not grow with it."""

from __future__ import annotations

import numpy as np

from .._checks import checked_flag, checked_size
from ..backend.array import Array, Device, is_array, quiet, to_host
from ..errors import ArgumentError, ShapeError
from ..maps import MatrixFamilyName, TestMatrixFamily
from ..results import PrincipalComponents
from ._base import Sketch
from ._gram_spec import GramNystromSpec
from ._spec import common_fields
from ._state import Passes


def checked_scale(scale: object, n_columns: int) -> Array | None:
    """Return the numbers that columns are divided by, None where they are to be found or none.

    Raises
    ------
    ShapeError
        If there are not as many as columns.
    ArgumentError
        If they are no positive numbers.
    """
    if isinstance(scale, bool | np.bool_):
        return None
    try:
        given = np.array(to_host(scale) if is_array(scale) else scale, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"scale must be True, False or a vector of {n_columns} numbers, got {scale!r}"
        ) from None
    if given.shape != (n_columns,):
        raise ShapeError(
            f"scale needs one number for each of {n_columns} columns, got shape {given.shape}; "
            "scale=True divides by the standard deviations"
        )
    bad = np.flatnonzero(~((given > 0) & np.isfinite(given)))
    if bad.size:
        raise ArgumentError(
            f"scale must be positive and finite, got {given[bad[0]]} for column {bad[0]}; give 1 "
            "for a column that stays as it is"
        )
    return given


def narrow_width(rank: int, more: int = 20) -> int:
    """Return how wide a sketch of rows is that are much longer."""
    return 4 * rank + more


def default_width(rank: int, n_columns: int, more: int = 20) -> int:
    """Return how wide a sketch is by default: exact where that is no more than twice as much."""
    width = narrow_width(rank, more)
    return n_columns if 2 * width >= n_columns else width


class GramNystrom(Sketch[PrincipalComponents]):
    """Principal components of rows from one pass, whatever their number.

    Keeps ``Omega^* G`` for the Gram matrix ``G = sum (a - c)^* (a - c)`` of rows a about a
    provisional shift c near their mean, with their sum, number and energy, and a bound of the
    rounding errors in them. The shift is replaced by the mean at `finalize`, and exactly so: data
    whose mean is a million times their spread are safe in float32. Linear in G: sketches of
    different rows add up, ``a - b`` removes the rows of b, and ``0.9 * a`` weights all rows by 0.9.

    Parameters
    ----------
    n_columns : int
        Length of the rows.
    rank : int
        Number of principal components.
    sketch_rank : int, optional
        Columns of Omega, by default ``4 rank + 20``, or `n_columns` where that is no more than
        twice as many. With `n_columns` Omega is the identity, and the components are exact.
    center : bool
        Whether to subtract the mean.
    scale : bool or array_like, shape (n_columns,)
        True divides each column by its standard deviation, as `finalize` finds it, constant ones by
        1; or the numbers to divide by.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"``, ``"block-sign"`` or an instance.
    seed : int or None
        Fixes the test matrix; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    One pass, ``4 m n k`` operations and ``n k`` numbers for a sketch of k columns, in double
    precision whatever that of the data. Squares are summed, so that directions of less than
    ``1e-7`` of the largest singular value are lost, or of what was removed again; a warning says
    where. `GeneralizedNystrom` and `HMT` keep them.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736.
    .. [2] T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", Amer.
       Statist. 37 (1983) 242-247 (the shift).

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rows = np.random.default_rng(0).standard_normal((600, 5)) * [8, 4, 1, 1, 1]
    >>> sk = sketch.GramNystrom(5, rank=2)
    >>> for chunk in np.split(rows, 6):
    ...     sk.update(chunk)
    >>> sk.remove(rows[:100])
    >>> found = sk.finalize()
    >>> found.n_samples, bool(abs(found.components[0, 0]) > 0.99)
    (500.0, True)
    """

    spec_type = GramNystromSpec

    spec: GramNystromSpec

    def __init__(
        self,
        n_columns: int,
        rank: int,
        *,
        sketch_rank: int | None = None,
        center: bool = True,
        scale: object = False,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: object = None,
        device: Device = None,
    ) -> None:
        fields = common_fields((None, n_columns), rank, test_matrix, seed, dtype, 0)
        n = fields["shape"][1]
        width = default_width(fields["rank"], n) if sketch_rank is None else sketch_rank
        width = checked_size(width, "sketch_rank", least=min(n, max(1, fields["rank"])))
        fields |= {"rank": min(fields["rank"], n), "range_size": min(width, n)}
        given = checked_scale(scale, n)
        scales = given is not None or bool(scale)
        center = checked_flag(center, "center")
        spec = GramNystromSpec(**fields, center=center, exact=width >= n, scale=scales)
        self._set_up(spec, device)
        if given is not None:
            mine = self.accumulator
            mine.state = mine.state.having(passes=Passes(kept={"scale": given}))

    def whole(self) -> PrincipalComponents:
        """Return all components that the sketch holds, in double precision, without a warning.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sk = sketch.GramNystrom(4, rank=1)
        >>> sk.update(np.eye(5, 4))
        >>> sk.whole().rank
        4
        """
        with quiet():
            return self.spec.whole(self.accumulator.sums())

    def remove(self, chunk: object) -> None:
        """Take rows away again that were added before.

        Parameters
        ----------
        chunk : array, sparse matrix, stored dataset
            The rows.

        Raises
        ------
        ShapeError, DtypeError, NonFiniteError
            If these cannot be rows of the data; the sketch stays as it was.

        Notes
        -----
        Exact up to rounding of the largest sums ever held, which the bounds of the result allow
        for.
        """
        mine = self.accumulator
        mine.commit(mine.times(mine.contribution(chunk), -1.0))
