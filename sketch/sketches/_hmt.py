"""HMT: the randomized SVD in a few passes, each of them fed chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass

from ..backend.array import Array, Device, namespace
from ..errors import ArgumentError
from ..finalize import FusedRange, fused_basis, fused_range, leave_one_out
from ..maps import MatrixFamilyName, TestMatrixFamily
from ..numerics.linalg import rescaled, scale_exponent
from ..results import LowRank
from ._alternating import AlternatingSpec, first_product
from ._base import Sketch
from ._multi_pass import MultiPass
from ._projection import Projection
from ._spec import checked_iterations, checked_width, common_fields
from ._state import Kept, Passes
from ._sums import Sums
from ._tall import Tall, held


@dataclass(frozen=True, kw_only=True)
class HMTSpec(AlternatingSpec):
    """Spec of an `HMT` sketch; see `AlternatingSpec`."""

    def whole_axis(self, passes: Passes) -> int | None:
        """Return along which axis blocks must be whole for a reading to serve two passes.

        Whole rows, ``Y = A X`` and ``Y^* A``; whole columns, ``W = Q^* A`` and ``A W^*``. Not where
        the second one would be wide, the last one of all, or the one that the probes go with.
        """
        number = passes.done
        if number + 1 >= self.n_passes or (number == 0 and self.start_size):
            return None
        if not self.is_left(number):
            return 1
        return 0 if number + 1 != self.probed_pass else None

    def is_complete(self, passes: Passes) -> bool:
        """Whether the products of the last pass are known, by one that served both or by itself."""
        last = passes.done == self.n_passes - 1
        return last and ("back" in passes.kept or "corange" in passes.kept)

    def keep(self, sums: Sums) -> Kept:
        """Return the basis that the next pass multiplies by, and what the estimate needs."""
        number, panel = sums.number, self.panel(sums)
        if number == self.n_passes - 1:  # which may be taken again
            return {"corange": sums.whole("corange")}
        kept = self._next_basis(sums, panel)
        if self.error_probes and number == self.probed_pass:
            kept["probes"] = held(self.panel(sums, "error").copy())
        if number == 0 and not self.error_probes:  # the estimate of last resort
            inside = panel.inside(panel.basis(self.range_size))
            e = scale_exponent(inside)
            whole = self.range_size >= min(sums.shape)  # leaves nothing out
            left_out = 0.0 if whole else rescaled(leave_one_out(rescaled(inside, -e)), e)
            kept["left_out"] = namespace(inside).asarray(left_out)
        return kept

    def _next_basis(self, sums: Sums, panel: Tall) -> dict[str, object]:
        """Return what the next pass multiplies by, and what is known of its products already."""
        number = sums.number
        fused = self.passes_made(sums) == 2
        if fused and number + 2 < self.n_passes:  # the power step is done
            back = sums.whole("back")
            back = namespace(back).conj(back) if self.is_left(number) else back
            inside = panel.triangle()
            return {"basis": fused_basis(inside, back, *self.data_size(sums, inside))}
        basis = panel.basis() if number else panel.basis(self.range_size)
        kept: Kept = {"basis": held(basis)}
        if fused:
            kept |= {"inside": panel.inside(basis), "back": sums.whole("back")}
        elif number == 0 != self.probed_pass:
            kept["inside"] = panel.inside(basis)
        return kept

    # ---- result -----------------------------------------------------------------------------

    def projection(self, sums: Sums) -> Projection:
        """Return what the sums tell of the projection on the basis."""
        return sums.once("projection", lambda: Projection(self, sums, self._fused(sums)))

    def _fused(self, sums: Sums) -> FusedRange | None:
        """Return what one reading tells of both products, None where the last one has its own."""
        kept = sums.kept
        if sums.state.parts or "back" not in kept or "corange" in kept:
            return None
        inside = kept["inside"]
        return fused_range(inside, kept["back"], *self.data_size(sums, inside))

    def finish(self, sums: Sums, rank: object, tol: float | None) -> LowRank:
        """Return the approximation ``Q B`` with its error."""
        return self.projection(sums).result(rank, tol)

    def blur(
        self, sums: Sums, rank: object, tol: float | None, *, slight: bool = False
    ) -> str | None:
        """Return what one reading hides that a further one would tell; see `Method.blur`."""
        return self.projection(sums).blur(rank, tol, slight=slight)


class HMT(MultiPass, Sketch[LowRank]):
    """Randomized SVD of Halko, Martinsson and Tropp, for data that can be read again.

    The first pass accumulates ``Y = A Omega``; the last one ``B = Q^* A`` with Q a basis of Y.
    Power iterations insert two passes each, re-orthonormalised in between; half an iteration
    inserts one, so that the first pass comes from the left, ``Psi^* A`` [2]_. Every pass takes the
    same chunks, in any order and partition, and is ended by `end_pass`.

    Chunks of whole rows, each row once, serve two passes in one reading, ``Y = A X`` and ``Y^* A``
    [3]_: a stream of rows can be finalized after its first one, and ``1 + power_iters`` readings
    are enough. `passes_left` tells how many are needed still. Squares hide singular values below
    the root of a roundoff at first; where such are asked for, `finalize` warns, and one more
    reading gives them: up to `n_passes` are possible.

    Parameters
    ----------
    shape : (int or None, int or None)
        Shape of the data; one axis may be None and grows in the first pass.
    rank : int
        Rank of the result. The sketch is 10 columns wider.
    power_iters : float
        0 for spectra that fall fast, 1 or 2 for slow ones, or halves in between.
    sketch_rank : int, optional
        Width of the products by hand. No width exceeds the shorter axis.
    start_rank : int, optional
        Width of the first pass's test matrix, of whose products only the `sketch_rank` leading
        directions are kept. With sparse signs a wide start costs less than a narrow Gaussian one
        and takes away most of what the error is above the best one (from 1.47 times to 1.11 at rank
        50 and singular values 1/i): ``4 rank + 20`` is a good choice. Block signs cost the same at
        any width: ``12 rank + 60`` columns (1.03 times) see what a power step does.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"``, ``"block-sign"`` or an instance.
    seed : int or None
        Fixes the test matrices; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them.
    error_probes : int
        Gaussian columns held out in the first pass from the right, from which the error is
        estimated at any size. With 0 the estimate is made by leaving out columns of the first
        test matrix, and conservative.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.
    ArgumentError, OptionError
        If options do, or do not fit together.
    PassError
        Of a result before the passes are done, and of passes that saw different data.

    Notes
    -----
    ``2 + 2 power_iters`` passes of ``2 m n (rank + 10)`` operations each, in ``1 + power_iters``
    readings (rounded up) of whole rows; whole columns take ``2 + power_iters``. A first pass with
    sparse signs takes ``16 m n``. The wide products of a start are shorter on the side of the fewer
    rows or columns: begin a tall matrix from the left, by a half iteration or by its transpose.
    Within a pass sketches of one spec can be merged; adding data to a pass that others have left
    is refused at its end, when the products of the passes are compared.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.
    .. [2] E. Bjarkason, "Pass-efficient randomized algorithms for low-rank matrix approximation
       using any number of views", SISC 41 (2019) A2355-A2383, arXiv:1804.07531.
    .. [3] W. Yu, Y. Gu, J. Li, S. Liu, Y. Li, "Single-pass PCA of large high-dimensional data",
       IJCAI 2017, 3350-3356, doi:10.24963/ijcai.2017/468.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.diag(0.5 ** np.arange(30.0))
    >>> sk = sketch.HMT((30, 30), rank=4)
    >>> while sk.passes_left:  # once, of whole rows
    ...     for row in range(0, 30, 10):
    ...         sk.update(a[row : row + 10], at=row)
    ...     sk.end_pass()
    >>> res = sk.finalize()
    >>> [round(float(s), 6) for s in res.s]
    [1.0, 0.5, 0.25, 0.125]
    """

    spec_type = HMTSpec

    spec: HMTSpec

    def __init__(
        self,
        shape: object,
        rank: int,
        *,
        power_iters: float = 0,
        sketch_rank: int | None = None,
        start_rank: int | None = None,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int = 10,
        device: Device = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        fields |= first_product(fields, sketch_rank)
        if start_rank is not None:
            start_rank = checked_width(
                start_rank, "start_rank", fields["range_size"], fields["shape"]
            )
            if not fields["error_probes"]:
                raise ArgumentError(
                    "a sketch with a start_rank estimates its error by probes, got error_probes=0"
                )
        power_iters = checked_iterations(power_iters)
        spec = HMTSpec(**fields, power_iters=power_iters, start_size=start_rank)
        self._set_up(spec, device)

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size

    def begin_at(self, basis: Array, n_rows: int, *, norm: float | None, rounding: float) -> None:
        """Take a basis of the rows' space in the place of the first pass, one from the left.

        For what another reading of the data has found already.

        Parameters
        ----------
        basis : array, shape (n, k)
            Orthonormal columns, as many as the sketch is wide.
        n_rows : int
            Of the data.
        norm : float or None
            Their Frobenius norm, where it is known.
        rounding : float
            Of rounding errors in products with them, as a Frobenius norm of the data.

        Raises
        ------
        PassError
            If the first pass is not from the left, or has begun.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> a = np.diag(0.5 ** np.arange(30.0))
        >>> sk = sketch.HMT((30, 30), rank=4, power_iters=0.5)
        >>> sk.begin_at(np.eye(30, 14), 30, norm=None, rounding=0.0)
        >>> while sk.passes_left:
        ...     sk.update(a)
        ...     sk.end_pass()
        >>> [round(float(s), 6) for s in sk.finalize().s]
        [1.0, 0.5, 0.25, 0.125]
        """
        begun = self.spec.begun_at(basis, n_rows, norm=norm, rounding=rounding)
        self.accumulator.begin(begun)
