"""Generalized Nyström, declared: three products with each block, one regression at the end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ..backend.array import Array, is_complex
from ..files.archive import Header
from ..finalize import generalized_nystrom, probe_error
from ..maps import DrawnMatrix
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..results import ErrorEstimate, LowRank
from ..sources import MatrixBlock
from ._finish import check_request, lifted, truncated
from ._method import Method, Products, Sum
from ._running import MatrixRun
from ._spec import MatrixSpec
from ._state import Passes
from ._sums import Sums
from ._tall import Basis


@dataclass(frozen=True, kw_only=True)
class GeneralizedNystromSpec(MatrixSpec, Method[MatrixBlock, DrawnMatrix]):
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

    def products(self, run: MatrixRun, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each sum."""
        (row, col), (m, n) = at, block.shape
        products = {"range": block.right(run.maps["range"].rows(col, col + n))}
        for name in ("corange", "error"):
            if name in run.maps:
                products[name] = block.left(run.maps[name].rows(row, row + m))
        return products

    def finish(self, sums: Sums, rank: object, tol: float | None) -> LowRank:
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
        core = truncated(whole, keep, tol, sums.shape, measured)
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
