"""Generalized Nyström: one pass, linear, mergeable, with an error estimate for free."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array, is_complex
from .._linalg import adjoint, orthonormal_basis, rescaled, scale_exponent
from ..errors import RankError
from ..finalize import SketchedBasis, generalized_nystrom, probe_error
from ..maps import DrawnMatrix, TestMatrixFamily
from ..results import ErrorEstimate, LowRank
from ..sources import MatrixBlock
from ._base import Products
from ._finish import check_request, lifted, truncated
from ._matrix_sketch import MatrixSketch
from ._spec import MatrixSpec, checked_size, checked_width, common_fields


@dataclass(frozen=True, kw_only=True)
class GeneralizedNystromSpec(MatrixSpec):
    """Spec of a `GeneralizedNystrom` sketch; see `MatrixSpec`.

    Attributes
    ----------
    corange_size : int
        Columns of the corange's test matrix Psi.
    """

    method: ClassVar[str] = "nystrom"

    corange_size: int

    def sketch(self, chunk: Any, at: Any = None) -> GeneralizedNystrom:
        """Return the sketch of one chunk: the form for any map over a cluster."""
        sketch = GeneralizedNystrom.from_spec(self)
        sketch.update(chunk, at)
        return sketch


class GeneralizedNystrom(MatrixSketch):
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
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"`` or an instance.
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
    One pass; ``2 m n (R + l)`` operations and ``m R + n l`` numbers for widths R and l. At default
    widths the error is within about 1.4 times the best one of the same rank for singular values
    that fall like 1/i, and within a per cent for faster decay.

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
    part_axes: ClassVar[dict[str, int]] = {"range": 0, "corange": 1, "error": 1}

    spec: GeneralizedNystromSpec

    def __init__(
        self,
        shape: Any,
        rank: int,
        *,
        sketch_rank: int | None = None,
        corange_rank: int | None = None,
        test_matrix: TestMatrixFamily | str = "gaussian",
        seed: int | None = 0,
        dtype: Any = None,
        error_probes: int = 0,
        device: Any = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        range_size = 2 * fields["rank"] + 10 if sketch_rank is None else sketch_rank
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

    @property
    def corange_size(self) -> int:
        """Columns of the test matrix Psi."""
        return self.spec.corange_size

    def _test_matrices(self) -> dict[str, DrawnMatrix]:
        spec = self.spec
        widths = {
            "range": spec.range_size,
            "corange": spec.corange_size,
            "error": spec.error_probes,
        }
        return {name: spec.draw(name, width) for name, width in widths.items() if width}

    def _products(self, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        (row, col), (m, n) = at, block.shape
        products = {"range": block.right(self._maps["range"].rows(col, col + n))}
        for name in ("corange", "error"):
            if name in self._maps:
                products[name] = block.left(self._maps[name].rows(row, row + m))
        return products

    def finalize(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the approximation with its error; the stream may go on afterwards.

        Parameters
        ----------
        rank : int, optional
            Of the result, at most the range's width; by default the spec's.
        tol : float, optional
            Return the smallest rank whose estimated relative error is at most `tol`.

        Returns
        -------
        LowRank

        Raises
        ------
        RankError
            If `rank` is negative or more than the sketch holds.

        Warns
        -----
        ToleranceWarning
            If no rank that the sketch holds meets `tol`.
        """
        spec = self.spec
        keep = check_request(rank, tol, spec)
        b = self._total("range", spec.range_size).T  # (m, R)
        w = self._total("corange", spec.corange_size)  # (l, n)
        exponent = scale_exponent(b, w)
        w = rescaled(w, -exponent)
        q, c = self._basis(rescaled(b, -exponent), w)
        core = truncated(self.regression(c, w), keep, tol)
        u = q @ core.U
        if spec.error_probes:
            core = dataclasses.replace(core, error=self._certificate(u, core, exponent))
        return lifted(u, core, exponent, self._result_dtype)

    def _basis(self, b: Array, w: Array) -> tuple[Array | SketchedBasis, Array]:
        """Return an orthonormal basis Q of the range and ``Psi^* Q``."""
        if b.shape[0] > w.shape[1]:
            sketch = adjoint(self._maps["range"].adjoint_product(adjoint(w)))  # Psi^* A Omega
            if (found := SketchedBasis.found(b, sketch)) is not None:
                return found, found.sketch
        q = orthonormal_basis(b)
        return q, self._maps["corange"].adjoint_product(q)

    def regression(self, c: Array, w: Array) -> LowRank:
        """Return the approximation in the basis Q of the range, for ``C = Psi^* Q`` (l, R)."""
        same_field = (self.spec.field == "complex") == is_complex(self._result_dtype)
        return generalized_nystrom(
            c,
            w,
            unbiased=self.spec.test_matrix.gaussian_like and same_field,
            dof_each=self.spec.dof_each,
            roundoff=self._roundoff,
        )

    def _certificate(self, u: Array, core: LowRank, exponent: int) -> ErrorEstimate:
        """Estimate the error of the truncated result by the independent error sketch."""
        seen = rescaled(self._total("error", self.spec.error_probes), -exponent)  # Theta^* A
        ours = (self._maps["error"].adjoint_product(u) * core.s) @ core.Vh
        return probe_error(
            seen - ours,
            captured=core.norm(),
            columns=self.spec.range_size,
            probes=self.spec.error_probes,
            dof_each=self.spec.dof_each,
            roundoff=self._roundoff,
        )
