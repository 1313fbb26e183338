"""Generalized Nyström: one pass, linear, mergeable, with an error estimate for free."""

from __future__ import annotations

from .._checks import checked_size
from ..backend.array import Device
from ..errors import RankError
from ..maps import MatrixFamilyName, TestMatrixFamily
from ..results import LowRank
from ..running.reading import Reading
from ._base import Sketch
from ._generalized_nystrom_spec import GeneralizedNystromSpec, range_width
from ._spec import all_seeing, checked_width, common_fields
from ._widening import widened


class GeneralizedNystrom(Sketch[LowRank]):
    """Low-rank approximation from one pass over the data.

    Keeps ``B = A Omega`` and ``W = Psi^* A`` and approximates A by ``Q (Psi^* Q)^+ W`` with Q a
    basis of B's range. Linear: sketches of the same spec add, subtract and scale.

    Parameters
    ----------
    shape : (int or None, int or None)
        Shape of the data; one axis may be None and grows as chunks are appended.
    rank : int
        Rank of the result. The sketch is wider: ``2 rank + 10`` columns for the range, twice that
        for the corange.
    sketch_rank, corange_rank : int, optional
        Width of Omega and of Psi by hand; the corange at least as wide as the range. No width
        exceeds what the data can fill: the shorter axis for Omega, for Psi
        the rows or twice Omega's width. Where block signs are compiled, a wider Psi costs memory
        and little else: at ``2 rank`` and ``8 rank`` columns the error is smaller by a tenth, and
        at ``12 rank`` and ``30 rank`` it is within 2% of that after a power step, of singular
        values 1/i, from one reading.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"``, ``"block-sign"`` or an instance. Block signs
        multiply dense data about as fast as they are read, where numba is installed. Where Psi has
        fewer than 24 columns, signs could miss data altogether, and Gaussian ones take their place.
    seed : int or None
        Fixes the test matrices; sketches can be merged only where they share it. None draws a
        fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them. Give it for complex data, so that the test
        matrices are complex too and the error estimate exact in its law.
    error_probes : int
        Gaussian probes of an independent error sketch, a certificate for the truncated result;
        10 give a 95 % interval of [0.70, 1.75] times the estimate. None are needed for the default
        estimate.
    device : str or array, optional
        Where the sketch lives, and what comes from elsewhere is brought: ``"gpu"``, ``"gpu:1"``,
        or an array that lives there. By default where the data are.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    One pass, and ``m R + n l`` numbers for widths R and l. ``8 m n`` additions where block signs
    are compiled, else ``2 m n (R + l)`` operations. At default widths the error is within about 1.4
    times the best one of the same rank for singular values that fall like 1/i, and within a per
    cent for faster decay.

    References
    ----------
    .. [1] Y. Nakatsukasa, "Fast and stable randomized low-rank matrix approximation", 2020,
       arXiv:2009.11392.
    .. [2] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Practical sketching algorithms for low-rank
       matrix approximation", SIMAX 38 (2017) 1454-1485, arXiv:1609.00048.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.random.default_rng(0).standard_normal((300, 5)) @ np.ones((5, 200))
    >>> sk = sketch.GeneralizedNystrom((None, 200), rank=5)
    >>> for chunk in np.split(a, 3):
    ...     sk.update(chunk)
    >>> res = sk.finalize()
    >>> res.shape, bool(np.allclose(res.to_array(), a))
    ((300, 200), True)
    """

    spec_type = GeneralizedNystromSpec

    spec: GeneralizedNystromSpec

    def __init__(
        self,
        shape: object,
        rank: int,
        *,
        sketch_rank: int | None = None,
        corange_rank: int | None = None,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "block-sign",
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int = 0,
        device: Device = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        range_size = range_width(fields["rank"]) if sketch_rank is None else sketch_rank
        range_size = checked_width(range_size, "sketch_rank", fields["rank"], fields["shape"])
        corange_size = 2 * range_size if corange_rank is None else corange_rank
        corange_size = checked_size(corange_size, "corange_rank")
        if (rows := fields["shape"][0]) is not None:
            corange_size = min(corange_size, max(rows, 2 * range_size))
        if corange_size < range_size:
            raise RankError(
                f"corange_rank={corange_size} is less than the range's {range_size} columns; the "
                "default is twice as many, and 1.5 times as many is a sensible least"
            )
        fields["test_matrix"] = all_seeing(fields["test_matrix"], corange_size)
        self._set_up(
            GeneralizedNystromSpec(**fields, range_size=range_size, corange_size=corange_size),
            device,
        )

    def widen(
        self,
        data: object,
        rank: int,
        *,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
    ) -> GeneralizedNystrom:
        """Return a wider sketch of the same data, which are read for the new columns alone.

        Parameters
        ----------
        data : array, sparse matrix, LinearOperator, stored dataset, sum, or iterable of row chunks
            All that the sketch has seen.
        rank : int
            Of the wider sketch, whose test matrices are ``2 rank + 10`` columns wide and in
            proportion. The first columns stay what they were.
        check_finite, memory, progress
            See `update`.

        Returns
        -------
        GeneralizedNystrom
            Of the same seed; the old one stays as it is.

        Raises
        ------
        RankError
            If that is not wider, or wider than the data.
        PassError
            If the data are others than those of the sketch.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> a = np.random.default_rng(0).standard_normal((300, 9)) @ np.ones((9, 200))
        >>> sk = sketch.GeneralizedNystrom((300, 200), rank=5)
        >>> sk.update(a)
        >>> wide = sk.widen(a, rank=10)
        >>> sk.range_size, wide.range_size
        (20, 30)
        """
        rank = checked_size(rank, "rank")
        if not self.range_size < range_width(rank) <= self.spec.full:
            raise RankError(
                f"rank={rank} takes {range_width(rank)} columns, the sketch has "
                f"{self.range_size} of {self.spec.full} that the data can fill; begin anew"
            )
        more, wide = self.spec.widened(rank)
        how: Reading = {"check_finite": check_finite, "memory": memory, "progress": progress}
        new = type(self).from_spec(wide)
        new.accumulator = widened(self.accumulator, data, more, wide, **how)
        return new

    @property
    def corange_size(self) -> int:
        """Columns of the test matrix Psi."""
        return self.spec.corange_size

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size
