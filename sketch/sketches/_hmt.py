"""HMT: the randomized SVD in a few linear passes, each of them fed chunk by chunk."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array, beside, namespace, smallest_normal
from .._linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..errors import ArgumentError, PassError
from ..finalize import (
    hmt,
    identity_error,
    leave_one_out,
    leave_one_out_error,
    probe_error,
    summing_error,
)
from ..maps import DrawnMatrix, FixedMatrix, ProbedMatrix, TestMatrixFamily
from ..results import ErrorEstimate, LowRank
from ..sources import MatrixBlock
from ._base import MultiPassSketch
from ._finish import check_request, lifted, truncated
from ._method import Products, Sum
from ._running import Run
from ._spec import MatrixSpec, checked_iterations, checked_width, common_fields
from ._state import Passes
from ._sums import Sums
from ._tall import Tall, TallArray, as_tall, held

_BLURRED = 0.01  # relative rounding error of products that nothing can be told from


@dataclass(frozen=True, kw_only=True)
class HMTSpec(MatrixSpec):
    """Spec of an `HMT` sketch; see `MatrixSpec`.

    Attributes
    ----------
    power_iters : float
        Steps of subspace iteration, two passes each; a multiple of one half.
    start_size : int or None
        Columns of the first pass's test matrix, where they are not `range_size`.
    """

    method: ClassVar[str] = "hmt"
    filled_axes: ClassVar[dict[str, int]] = {"range": 1, "corange": 0}
    follows_norm: ClassVar[bool] = True

    power_iters: float
    start_size: int | None = None

    @property
    def n_passes(self) -> int:
        """Passes over the data."""
        return 2 + round(2 * self.power_iters)

    @property
    def begins_left(self) -> bool:
        """Whether the first pass multiplies from the left; the last one always does."""
        return self.n_passes % 2 == 1

    @property
    def probed_pass(self) -> int:
        """The pass that the error probes go with: the first one that multiplies by few columns."""
        return 1 if self.begins_left or self.start_size else 0

    @property
    def first_width(self) -> int:
        """Columns of the first pass's test matrix."""
        return self.start_size or self.range_size

    def maps(self) -> dict[str, DrawnMatrix]:
        """Return the test matrix of the first pass and the error probes."""
        maps = {"first": self.draw("corange" if self.begins_left else "range", self.first_width)}
        if self.error_probes:
            maps["error"] = self.draw("error", self.error_probes)
            maps["both"] = ProbedMatrix(**_init_fields(maps["first"]), probes=maps["error"])
        return maps

    # ---- one pass ---------------------------------------------------------------------------

    def is_left(self, number: int) -> bool:
        """Whether a pass multiplies from the left, as the last one does."""
        return (self.n_passes - min(number, self.n_passes - 1)) % 2 == 1

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return the product of a pass, and that of the error probes which go with one."""
        number = min(passes.done, self.n_passes - 1)
        width = int(passes.kept["basis"].shape[1]) if number else self.first_width
        axis, name = (1, "corange") if self.is_left(number) else (0, "range")
        probed = self.error_probes > 0 and number == self.probed_pass
        return {name: Sum(axis, (width,))} | (
            {"error": Sum(axis, (self.error_probes,))} if probed else {}
        )

    def products(self, run: Run, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to the product of this pass, and to that of the probes."""
        number = run.passes.done
        left = self.is_left(number)
        name, axis = ("corange", 0) if left else ("range", 1)
        start, size = at[axis], block.shape[axis]
        times = block.left if left else block.right
        probes = run.maps.get("error") if number == self.probed_pass else None
        apart = block.sparse or run.first_row > 0 or (not number and self.test_matrix.sparse)
        if probes is not None and not apart:  # one product serves both
            both = times(_factor(run, number, probes).rows(start, start + size))
            width = run.sums[name].width[0]
            return {name: both[:width, :], "error": both[width:, :]}
        shift = run.first_row if number and left else 0
        factor = _factor(run, number, None).rows(start - shift, start - shift + size)
        products = {name: times(factor)}
        if probes is not None:
            products["error"] = times(probes.rows(start, start + size))
        return products

    def keep(self, sums: Sums) -> dict[str, Any]:
        """Return the basis that the next pass multiplies by, and what the estimate needs."""
        number, panel = sums.number, self._panel(sums, self._name(sums))
        basis = panel.basis() if number else panel.basis(self.range_size)
        kept: dict[str, Any] = {"basis": held(basis)}
        if self.error_probes and number == self.probed_pass:
            kept["probes"] = held(self._panel(sums, "error").copy())
        elif number == 0:
            kept["inside"] = panel.inside(basis)
        if number == 0 and not self.error_probes:  # the estimate of last resort
            inside = panel.inside(basis)
            e = scale_exponent(inside)
            whole = self.range_size >= min(sums.shape)  # leaves nothing out
            left_out = 0.0 if whole else rescaled(leave_one_out(rescaled(inside, -e)), e)
            kept["left_out"] = namespace(inside).asarray(left_out)
        return kept

    def _name(self, sums: Sums) -> str:
        return "corange" if self.is_left(sums.number) else "range"

    def _panel(self, sums: Sums, name: str) -> Tall:
        """Return a tall product of this pass: ``A Z``, or ``A^* Q`` from the left."""
        if self.is_left(sums.number):
            return TallArray(adjoint(sums.whole(name)))
        return sums.tall(name)

    def _probed(self, sums: Sums) -> Tall:
        """Return the tall product with the probes: ``A G``, or ``A^* G`` from the left."""
        if sums.number != self.probed_pass:
            return as_tall(sums.kept["probes"])
        return self._panel(sums, "error")

    def check(self, sums: Sums) -> None:
        """Refuse a pass that saw other data than an earlier one did from the other side."""
        number, probed = sums.number, self.probed_pass
        if number == probed == 1:
            panel = self._panel(sums, self._name(sums))
            _compare(sums, "first", sums.kept["inside"], panel)
        elif (number - probed) % 2 and number and "error" in sums.maps:
            inside = as_tall(sums.kept["probes"]).inside(as_tall(sums.kept["basis"]))
            _compare(sums, "error", inside, self._panel(sums, self._name(sums)))

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: Any, tol: float | None) -> LowRank:
        """Return the approximation ``Q B`` with its error."""
        keep = check_request(rank, tol, self)
        b, q = sums.whole("corange"), as_tall(sums.kept["basis"])
        exponent = scale_exponent(b)
        b = rescaled(b, -exponent)
        core = truncated(hmt(b, self._estimate(sums, b, q, exponent)), keep, tol)
        return lifted(q, core, exponent, sums)

    def _estimate(self, sums: Sums, b: Array, q: Tall, exponent: int) -> ErrorEstimate:
        """Return the sharpest estimate at hand: the identity, hold-out columns, leave-one-out."""
        captured = frobenius_norm(b)
        summing = summing_error(b, sums.shape[0], sums.state.roundoff)
        norm = sums.state.norm
        size = captured if norm is None else rescaled(norm, -exponent)
        roundoff = sums.roundoff(rescaled(max(size, captured), exponent))
        if norm is not None:
            exact = identity_error(size, b, roundoff, summing)
            if exact is not None:
                return exact
        if not self.error_probes:
            left_out = rescaled(float(sums.kept["left_out"]), -exponent)
            return leave_one_out_error(left_out, captured, self.range_size, roundoff, summing)
        seen = self._probed(sums)
        if self.is_left(self.probed_pass):
            probed = rescaled(adjoint(seen.array()), -exponent)
            residual = probed - q.seen_by(sums.maps["error"]) @ b  # G^* (A - Q B)
        else:
            outside = seen.norm_outside(q, seen.inside(q))  # of (A - Q Q^* A) G
            residual = namespace(b).asarray([[rescaled(outside, -exponent)]], **beside(b))
        return probe_error(
            residual,
            captured=captured,
            columns=self.range_size,
            probes=self.error_probes,
            dof_each=self.dof_each,
            roundoff=roundoff,
            summing=summing,
        )


def _factor(run: Run, number: int, probes: DrawnMatrix | None) -> DrawnMatrix | FixedMatrix:
    """Return what a pass multiplies by, the probes beside it."""
    if number:
        return FixedMatrix(run.passes.kept["basis"], probes)
    first: DrawnMatrix = run.maps["first" if probes is None else "both"]
    return first


def _compare(sums: Sums, name: str, inside: Array, panel: Tall) -> None:
    """Compare products with the data from both sides, ``Q^* (A G)`` and ``(Q^* A) G``.

    G is a test matrix that an earlier pass multiplied by, `inside` is ``Q^* (A G)`` and `panel`
    ``A^* Q`` of this pass. Products of rounding errors, and of numbers so small that they lose
    digits, say nothing.

    Raises
    ------
    PassError
        If they differ.
    """
    gap = frobenius_norm(inside - adjoint(panel.seen_by(sums.maps[name])))
    size = frobenius_norm(inside)
    roundoff = sums.roundoff(size)
    has_digits = roundoff < _BLURRED and size > smallest_normal(sums.dtype) / roundoff
    if has_digits and gap > math.sqrt(roundoff) * size:
        raise PassError(
            "a later pass saw other data than an earlier one: their products differ by "
            f"{gap / size:.2g} of the whole. Feed the same chunks in every pass, each of them once"
        )


def _init_fields(matrix: DrawnMatrix) -> dict[str, Any]:
    return {f.name: getattr(matrix, f.name) for f in dataclasses.fields(matrix) if f.init}


class HMT(MultiPassSketch[LowRank]):
    """Randomized SVD of Halko, Martinsson and Tropp, for data that can be read again.

    The first pass accumulates ``Y = A Omega``; the last one ``B = Q^* A`` with Q a basis of Y.
    Power iterations insert two passes each, re-orthonormalised in between; half an iteration
    inserts one, so that the first pass comes from the left, ``Psi^* A`` [2]_. Every pass takes the
    same chunks, in any order and partition, and is ended by `end_pass`.

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
        50 and singular values 1/i): ``4 rank + 20`` is a good choice.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"`` or an instance.
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

    Notes
    -----
    ``2 + 2 power_iters`` passes of ``2 m n (rank + 10)`` operations each; a first pass with sparse
    signs takes ``16 m n``. The wide products of a start are shorter on the side of the fewer rows
    or columns: begin a tall matrix from the left, by a half iteration or by its transpose. Within a
    pass sketches of one spec can be merged; adding data to a pass that others have left is refused
    at its end, when the products of the passes are compared.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.
    .. [2] E. Bjarkason, "Pass-efficient randomized algorithms for low-rank matrix approximation
       using any number of views", SISC 41 (2019) A2355-A2383, arXiv:1804.07531.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.diag(0.5 ** np.arange(30.0))
    >>> sk = sketch.HMT((30, 30), rank=4)
    >>> for _ in range(sk.n_passes):
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
        shape: Any,
        rank: int,
        *,
        power_iters: float = 0,
        sketch_rank: int | None = None,
        start_rank: int | None = None,
        test_matrix: TestMatrixFamily | str = "gaussian",
        seed: int | None = 0,
        dtype: Any = None,
        error_probes: int = 10,
        device: Any = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        width = fields["rank"] + 10 if sketch_rank is None else sketch_rank
        width = checked_width(width, "sketch_rank", fields["rank"], fields["shape"])
        if start_rank is not None:
            start_rank = checked_width(start_rank, "start_rank", width, fields["shape"])
            if not fields["error_probes"]:
                raise ArgumentError(
                    "a sketch with a start_rank estimates its error by probes, got error_probes=0"
                )
        power_iters = checked_iterations(power_iters)
        spec = HMTSpec(**fields, range_size=width, power_iters=power_iters, start_size=start_rank)
        self._set_up(spec, device)

    @property
    def range_size(self) -> int:
        """Columns of the test matrix Omega."""
        return self.spec.range_size
