"""Nyström: positive semidefinite matrices in one pass, with half the error."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from ..backend.array import Array, Device, namespace
from ..errors import NotSemidefiniteError, RankError, ShapeError
from ..finalize import gram_nystrom, probe_error, probed_cross, probed_spectrum
from ..maps import DrawnMatrix, MatrixFamilyName, TestMatrixFamily
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..results import LowRank, SemidefiniteProbes
from ..sources import MatrixBlock
from ._base import Sketch
from ._finish import check_request, lifted, truncated
from ._method import Method, Products, Sum
from ._running import MatrixRun
from ._spec import MatrixSpec, checked_width, common_fields
from ._state import Passes
from ._sums import Sums
from ._tall import TallArray

_NOISE = 100.0  # rounding errors, were they all of one sign, that a core is taken to have at most


@dataclass(frozen=True, kw_only=True)
class NystromSpec(MatrixSpec, Method[MatrixBlock, DrawnMatrix]):
    """Spec of a `Nystrom` sketch; see `MatrixSpec`."""

    def maps(self) -> dict[str, DrawnMatrix]:
        """Return Omega and the error probes."""
        return {
            "range": self.draw("range", self.range_size),
            "error": self.draw("error", self.error_probes),
        }

    def sums(self, passes: Passes) -> Mapping[str, Sum]:
        """Return ``A Omega`` and ``Theta^* A``."""
        return {"range": Sum(0, (self.range_size,)), "error": Sum(1, (self.error_probes,))}

    def products(self, run: MatrixRun, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each sum."""
        (row, col), (m, n) = at, block.shape
        return {
            "range": block.right(run.maps["range"].rows(col, col + n)),
            "error": block.left(run.maps["error"].rows(row, row + m)),
        }

    def finish(self, sums: Sums, rank: object, tol: float | None) -> LowRank:
        """Return the approximation ``Y (Omega^* Y)^+ Y^*`` with its error."""
        keep = check_request(rank, tol, self)
        y = sums.tall("range").array()  # (n, l)
        exponent = scale_exponent(y)
        y = rescaled(y, -exponent)
        size = frobenius_norm(y) / self.range_size**0.5  # about that of A
        roundoff = sums.roundoff(rescaled(size, exponent))
        omega = sums.maps["range"].rows(0, int(y.shape[0])).array(y)
        _check_semidefinite(y, omega, roundoff)
        pairs = gram_nystrom(y, omega, roundoff * size)
        u, values = pairs.vectors, pairs.values
        seen = rescaled(sums.whole("error"), -exponent)  # Theta^* A
        probed = sums.maps["error"].adjoint_product(u) * values  # Theta^* U S

        residual = seen - probed @ adjoint(u)  # Theta^* (A - U S U^*)
        error = probe_error(
            residual,
            captured=frobenius_norm(values[None, :]),
            columns=self.range_size,
            probes=self.error_probes,
            dof_each=self.dof_each,
            roundoff=roundoff,
        )
        cross = probed_cross(residual, probed, u)
        law = SemidefiniteProbes(self.dof_each * self.error_probes, cross)
        error = dataclasses.replace(error, law=law)
        spectrum = probed_spectrum(
            values, "semidefinite", residual, self.error_probes, self.dof_each
        )
        spectrum = dataclasses.replace(spectrum, floor=pairs.floor)
        core = truncated(
            LowRank(u, values, adjoint(u), error, spectrum=spectrum), keep, tol, sums.shape
        )
        identity = namespace(u).eye(core.rank, dtype=u.dtype, device=u.device)
        lifting = dataclasses.replace(core, U=identity)
        result = lifted(TallArray(core.U), lifting, exponent, sums)
        return dataclasses.replace(result, Vh=adjoint(result.U))


def _check_semidefinite(y: Array, omega: Array, roundoff: float) -> None:
    """Refuse data whose core ``Omega^* A Omega`` is not what it is for semidefinite ones."""
    core = adjoint(omega) @ y
    noise = _NOISE * roundoff * frobenius_norm(omega) * frobenius_norm(y)
    unequal = frobenius_norm(core - adjoint(core)) / 2
    if unequal > noise:
        raise NotSemidefiniteError(
            "the data are not symmetric (Hermitian): the core differs from its adjoint by "
            f"{unequal / frobenius_norm(core):.2g}, relative. Feed both halves of the matrix, or "
            "use GeneralizedNystrom"
        )
    least = float(namespace(core).linalg.eigvalsh((core + adjoint(core)) / 2)[0])
    if least < -noise:
        raise NotSemidefiniteError(
            f"the data are not positive semidefinite: the core has the eigenvalue {least:.3g}, "
            f"where rounding explains {-noise:.1g}. Use GeneralizedNystrom or HMT, or check that "
            "all chunks came"
        )


class Nystrom(Sketch[LowRank]):
    """Low-rank approximation of a positive semidefinite matrix from one pass over it.

    Keeps ``Y = A Omega`` and approximates A by ``Y (Omega^* Y)^+ Y^*``, which is semidefinite
    too: of kernels, covariances, graphs' Laplacians. Linear: sketches of the same spec add,
    subtract and scale; the data need be semidefinite only when the sketch is finalized.

    Parameters
    ----------
    shape : (int, int)
        Of the data, ``(n, n)``.
    rank : int
        Rank of the result.
    sketch_rank : int, optional
        Columns of Omega; by default ``6 rank + 22``, which with the probes takes the memory of
        `GeneralizedNystrom`.
    test_matrix, seed, dtype, device : optional
        See `GeneralizedNystrom`.
    error_probes : int
        Gaussian probes that measure what the sketch missed; 8 give a 95 % interval of
        [0.68, 1.92] times the estimate. What a truncation leaves out is known, so that the interval
        is narrow where that is more.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    One pass; ``2 n^2 (l + p)`` operations and ``n (l + p)`` numbers for l columns and p probes. At
    equal memory the error is within 1.06 times the best one of rank 10 for eigenvalues 1/i, where
    generalized Nyström is within 1.36. `finalize` raises `NotSemidefiniteError` where the core
    shows that the data are not symmetric, or not semidefinite.

    Of a symmetric matrix of which one triangle is at hand, feed each block twice:
    ``sk.update(block, at=(i, j))`` and ``sk.update(block.conj().T, at=(j, i))``.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736, algorithm 3.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> x = np.linspace(0, 1, 300)
    >>> kernel = np.exp(-((x[:, None] - x) ** 2) / 0.1)
    >>> sk = sketch.Nystrom(kernel.shape, rank=8)
    >>> for start in range(0, 300, 100):
    ...     sk.update(kernel[start : start + 100], at=start)
    >>> U, s, Vh = sk.finalize()
    >>> bool(np.linalg.norm(kernel - (U * s) @ Vh) < 1e-2), bool(np.array_equal(U.T, Vh))
    (True, True)
    """

    spec_type = NystromSpec

    spec: NystromSpec

    def __init__(
        self,
        shape: object,
        rank: int,
        *,
        sketch_rank: int | None = None,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int = 8,
        device: Device = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        if None in fields["shape"] or len(set(fields["shape"])) != 1:
            raise ShapeError(
                f"a positive semidefinite matrix has a shape (n, n), got {shape!r}; neither axis "
                "can grow alone"
            )
        if not fields["error_probes"]:
            raise RankError("error_probes must be at least 1: nothing else measures the error")
        width = 6 * fields["rank"] + 22 if sketch_rank is None else sketch_rank
        width = checked_width(width, "sketch_rank", fields["rank"], fields["shape"])
        self._set_up(NystromSpec(**fields, range_size=width), device)

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size
