"""Generalized Nyström: one pass, linear, mergeable, with an error estimate for free."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from .._checks import checked_size
from ..backend.array import Array, Device, is_complex
from ..errors import RankError
from ..files.archive import Header
from ..finalize import generalized_nystrom, probe_error
from ..maps import DrawnMatrix, MatrixFamilyName, TestMatrixFamily
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..results import ErrorEstimate, LowRank
from ..sources import MatrixBlock
from ._base import Sketch
from ._finish import check_request, lifted, truncated
from ._method import Method, Products, Sum
from ._running import Run
from ._spec import MatrixSpec, checked_width, common_fields
from ._state import Passes
from ._sums import Sums
from ._tall import Basis
from ._widening import widened


@dataclass(frozen=True, kw_only=True)
class GeneralizedNystromSpec(MatrixSpec, Method):
    """Spec of a `GeneralizedNystrom` sketch; see `MatrixSpec`.

    Attributes
    ----------
    corange_size : int
        Columns of the corange's test matrix Psi.
    panels : tuple of (int, int)
        Widths of the panels of both test matrices, where they were widened.
    first_panel : int
        Number of the first one.
    """

    method: ClassVar[str] = "nystrom"

    corange_size: int
    panels: tuple[tuple[int, int], ...] = ()
    first_panel: int = 0

    def maps(self) -> dict[str, DrawnMatrix]:
        """Return Omega, Psi and the error probes."""
        ranges, coranges = zip(*self.panels, strict=True) if self.panels else ((), ())
        maps = {
            "range": self.draw("range", self.range_size, ranges, self.first_panel),
            "corange": self.draw("corange", self.corange_size, coranges, self.first_panel),
        }
        if self.error_probes:
            maps["error"] = self.draw("error", self.error_probes)
        return maps

    def widened(self, rank: int) -> tuple[Self, Self]:
        """Return the specs of the columns that a sketch of a rank has more, and of all of them."""
        width, per_column = range_width(rank), self.corange_size / self.range_size
        further = width - self.range_size, math.ceil(per_column * width) - self.corange_size
        known = self.panels or ((self.range_size, self.corange_size),)
        more = dataclasses.replace(
            self,
            rank=0,
            range_size=further[0],
            corange_size=further[1],
            error_probes=0,
            identity=False,
            panels=(),
            first_panel=len(known),
        )
        wide = dataclasses.replace(
            self,
            rank=rank,
            range_size=width,
            corange_size=self.corange_size + further[1],
            identity=False,
            panels=(*known, further),
        )
        return more, wide

    @classmethod
    def from_header(cls, header: Header) -> Self:
        """Rebuild a spec from `to_header`."""
        return super().from_header(
            {**header, "panels": tuple(map(tuple, header.get("panels", ())))}
        )

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return ``A Omega``, ``Psi^* A`` and ``Theta^* A``."""
        sums = {"range": Sum(0, (self.range_size,)), "corange": Sum(1, (self.corange_size,))}
        return sums | ({"error": Sum(1, (self.error_probes,))} if self.error_probes else {})

    def products(self, run: Run, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each sum."""
        (row, col), (m, n) = at, block.shape
        products = {"range": block.right(run.maps["range"].rows(col, col + n))}
        for name in ("corange", "error"):
            if name in run.maps:
                products[name] = block.left(run.maps[name].rows(row, row + m))
        return products

    def finish(self, sums: Sums, rank: Any, tol: float | None) -> LowRank:
        """Return the approximation ``Q (Psi^* Q)^+ W`` with its error."""
        keep = check_request(rank, tol, self)
        y, w = sums.tall("range"), sums.whole("corange")  # (m, R), (l, n)
        exponent = scale_exponent(w)
        y, w = y.rescaled(-exponent), rescaled(w, -exponent)

        def sketched() -> Array | None:  # Psi^* A Omega, where the rows are the longer side
            few = sums.shape[0] > sums.shape[1]
            return adjoint(sums.maps["range"].adjoint_product(adjoint(w))) if few else None

        q, c = y.sketched_basis(sums.maps["corange"], sketched)
        norm = frobenius_norm(w) / (self.corange_size**0.5)
        roundoff = sums.roundoff(rescaled(norm, exponent))
        same_field = (self.field == "complex") == is_complex(sums.dtype)
        whole = generalized_nystrom(
            c,
            w,
            unbiased=self.test_matrix.gaussian_like and same_field,
            dof_each=self.dof_each,
            roundoff=roundoff,
        )
        measured = None
        if self.error_probes:
            measured = self._certificate(sums, q, whole, exponent, roundoff)
        core = truncated(whole, keep, tol, measured)
        return lifted(q, core, exponent, sums)

    def _certificate(
        self, sums: Sums, q: Basis, whole: LowRank, exponent: int, roundoff: float
    ) -> Callable[[int], ErrorEstimate]:
        """Return the error of each truncation by the independent error sketch."""
        seen = rescaled(sums.whole("error"), -exponent)  # Theta^* A
        ours = q.seen_by(sums.maps["error"]) @ whole.U * whole.s  # Theta^* Q U S

        def error(rank: int) -> ErrorEstimate:
            return probe_error(
                seen - ours[:, :rank] @ whole.Vh[:rank, :],
                captured=frobenius_norm(whole.s[None, :rank]),
                columns=self.range_size,
                probes=self.error_probes,
                dof_each=self.dof_each,
                roundoff=roundoff,
                orthogonal=False,
            )

        return error


def range_width(rank: int) -> int:
    """Return the columns of Omega for a rank."""
    return 2 * rank + 10


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
        the rows or twice Omega's width.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"``, ``"block-sign"`` or an instance. Block signs
        multiply dense data about as fast as they are read, where numba is installed.
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
        options = {"check_finite": check_finite, "memory": memory, "progress": progress}
        new = type(self).from_spec(wide)
        stays = bool(self.accumulator.state.blocks)
        new.accumulator = widened(self.accumulator, data, more, wide, stays=stays, **options)
        return new

    @property
    def corange_size(self) -> int:
        """Columns of the test matrix Psi."""
        return self.spec.corange_size

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size
