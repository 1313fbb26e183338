"""HMT: the randomized SVD in a few passes, each of them fed chunk by chunk."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from ..backend.array import Array, Device, beside, namespace, smallest_normal
from ..errors import ArgumentError, PassError
from ..finalize import (
    FusedRange,
    fused_basis,
    fused_range,
    hmt,
    identity_error,
    leave_one_out,
    leave_one_out_error,
    probe_error,
    summing_error,
)
from ..maps import DrawnMatrix, FixedMatrix, MatrixFamilyName, ProbedMatrix, TestMatrixFamily
from ..numerics.linalg import (
    adjoint,
    frobenius_norm,
    has_safe_squares,
    rescaled,
    scale_exponent,
)
from ..results import ErrorEstimate, LowRank, rounding_floor
from ..sources import MatrixBlock
from ._base import MultiPassSketch
from ._finish import check_request, lifted, truncated, with_floor
from ._method import Products, Sum
from ._running import Run
from ._spec import MatrixSpec, checked_iterations, checked_width, common_fields
from ._state import Passes, State
from ._sums import Sums
from ._tall import Tall, TallArray, as_tall, held

_CLEAR = 32.0  # times its rounding errors from which the identity tells an error
_NEAR = 10.0  # times them, in which a further reading is worth it
_BLURS = 2.0  # and missed, if they are so many times those of a product of its own
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
        sums = {name: Sum(axis, (width,))}
        if self.error_probes > 0 and number == self.probed_pass:
            sums["error"] = Sum(axis, (self.error_probes,))
        if self.whole_axis(passes) is not None:
            sums["back"] = Sum(1 - axis, (width,), degree=2)
        return sums

    def multiplies(self, passes: Passes) -> tuple[str, ...]:
        """Return the basis, the only one."""
        return ("basis",) if passes.done else ()

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

    def fused_products(self, run: Run, block: MatrixBlock, at: tuple[int, ...]) -> Products | None:
        """Return what a block adds to the products of this pass and the next one."""
        number = run.passes.done
        left = self.is_left(number)
        name, axis = ("corange", 0) if left else ("range", 1)
        start, size, width = at[axis], block.shape[axis], run.sums[name].width[0]
        times, both_ways = (
            (block.left, block.left_and_back) if left else (block.right, block.right_and_back)
        )
        probes = run.maps.get("error") if number == self.probed_pass else None
        apart = block.sparse or (not number and self.test_matrix.sparse)
        factor = _factor(run, number, None if apart else probes).rows(start, start + size)
        there, back = both_ways(factor, width)
        if not has_safe_squares(there):
            return None
        products = {name: there[:width, :]}
        if probes is not None:
            drawn = probes.rows(start, start + size)
            products["error"] = times(drawn) if apart else there[width:, :]
        return products | {"back": back}

    def passes_made(self, sums: Sums) -> int:
        """Return 2 where the pass after this one was taken by the same reading."""
        return 2 if self.whole_axis(sums.state.passes) is not None and sums.state.cover else 1

    def is_complete(self, passes: Passes) -> bool:
        """Whether the products of the last pass are known, by one that served both or by itself."""
        last = passes.done == self.n_passes - 1
        return last and ("back" in passes.kept or "corange" in passes.kept)

    def keep(self, sums: Sums) -> dict[str, Any]:
        """Return the basis that the next pass multiplies by, and what the estimate needs."""
        number, panel = sums.number, self._panel(sums, self._name(sums))
        if number == self.n_passes - 1:  # which may be taken again
            return {"corange": sums.whole("corange")}
        kept = self._next_basis(sums, panel)
        if self.error_probes and number == self.probed_pass:
            kept["probes"] = held(self._panel(sums, "error").copy())
        if number == 0 and not self.error_probes:  # the estimate of last resort
            inside = panel.inside(panel.basis(self.range_size))
            e = scale_exponent(inside)
            whole = self.range_size >= min(sums.shape)  # leaves nothing out
            left_out = 0.0 if whole else rescaled(leave_one_out(rescaled(inside, -e)), e)
            kept["left_out"] = namespace(inside).asarray(left_out)
        return kept

    def _next_basis(self, sums: Sums, panel: Tall) -> dict[str, Any]:
        """Return what the next pass multiplies by, and what is known of its products already."""
        number = sums.number
        fused = self.passes_made(sums) == 2
        if fused and number + 2 < self.n_passes:  # the power step is done
            back = sums.whole("back")
            back = namespace(back).conj(back) if self.is_left(number) else back
            inside = panel.triangle()
            return {"basis": fused_basis(inside, back, *self._size(sums, inside))}
        basis = panel.basis() if number else panel.basis(self.range_size)
        kept: dict[str, Any] = {"basis": held(basis)}
        if fused:
            kept |= {"inside": panel.inside(basis), "back": sums.whole("back")}
        elif number == 0 != self.probed_pass:
            kept["inside"] = panel.inside(basis)
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
        if (
            number == self.n_passes - 1
            and not sums.state.parts
            and self.is_complete(sums.state.passes)
        ):
            return
        both = self.passes_made(sums) == 2 and not self.is_left(number)
        if both and number > probed and not self.is_left(probed):
            self._compare_fused(sums)
        if number == probed == 1 and "inside" in sums.kept:
            panel = self._panel(sums, self._name(sums))
            _compare(sums, "first", sums.kept["inside"], panel)
        elif (number - probed) % 2 and number and "error" in sums.maps:
            inside = as_tall(sums.kept["probes"]).inside(as_tall(sums.kept["basis"]))
            _compare(sums, "error", inside, self._panel(sums, self._name(sums)))

    def _compare_fused(self, sums: Sums) -> None:
        """Compare ``Y^* (A G)`` with what came back of Y in the same reading, ``(Y^* A) G``."""
        if "error" in sums.maps:
            inside = as_tall(sums.kept["probes"]).inside(sums.tall("range"))
            _compare(sums, "error", inside, TallArray(adjoint(sums.whole("back"))))

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: Any, tol: float | None) -> LowRank:
        """Return the approximation ``Q B`` with its error."""
        keep = check_request(rank, tol, self)
        core, exponent, _ = self._core(sums)
        return lifted(as_tall(sums.kept["basis"]), truncated(core, keep, tol), exponent, sums)

    def _core(self, sums: Sums) -> tuple[LowRank, int, FusedRange | None]:
        """Return ``B`` as an SVD over a power of two, which one, and what one reading told of B."""
        if "core" not in sums.found:
            fused = self._fused(sums)
            b, q = self._corange(sums) if fused is None else fused.b, as_tall(sums.kept["basis"])
            exponent = scale_exponent(b)
            b = rescaled(b, -exponent)
            floor = 0.0 if fused is None else rescaled(fused.floor, -exponent)
            core = hmt(b, self._estimate(sums, b, q, exponent, floor))
            sums.found["core"] = core, exponent, fused
        found: tuple[LowRank, int, FusedRange | None] = sums.found["core"]
        return found

    def _corange(self, sums: Sums) -> Array:
        """Return ``Q^* A`` of a pass of its own, at hand or ended."""
        if sums.state.parts or not self.is_complete(sums.state.passes):
            return sums.whole("corange")
        kept: Array = sums.kept["corange"]
        return kept

    def _fused(self, sums: Sums) -> FusedRange | None:
        """Return what one reading tells of both products, None where the last one has its own."""
        kept = sums.kept
        if sums.state.parts or "back" not in kept or "corange" in kept:
            return None
        inside = kept["inside"]
        return fused_range(inside, kept["back"], *self._size(sums, inside))

    def _size(self, sums: Sums, inside: Array) -> tuple[float, float]:
        """Return about the norm of the data, and the roundoff of products with them."""
        size = sums.state.norm
        if size is None and self.error_probes:
            size = self._probed(sums).norm() / math.sqrt(self.error_probes)
        if size is None:
            size = frobenius_norm(inside)
        return size, sums.roundoff(size)

    def blur(self, sums: Sums, rank: Any, tol: float | None, *, slight: bool = False) -> str | None:
        """Return what one reading hides that a further one would tell; see `Method.blur`."""
        keep = check_request(rank, tol, self)
        core, exponent, fused = self._core(sums)
        if fused is None:
            return None
        if tol is None and fused.kept < min(keep, fused.kept + fused.hidden):
            return (
                f"one reading tells {fused.kept} of {keep} singular values, the others are below "
                "the rounding of its squares"
            )
        error = core.errors_by_rank()(min(keep, core.rank)).rescaled(exponent)
        own = rounding_floor(error.norm, self.range_size, sums.roundoff(error.norm))
        if tol is not None and fused.hidden and not error.meets(tol):
            return (
                f"one reading hides what tol={tol:.3g} asks for below the rounding of its squares"
            )
        asked = math.inf if tol is None else tol * error.norm
        near = _NEAR * (max(fused.floor, own) if slight else fused.floor)
        if (slight or fused.floor > _BLURS * own) and min(error.value, asked) <= near:
            return (
                f"the error is near the rounding of the squares of one reading, {fused.floor:.3g}"
            )
        return None

    def _estimate(
        self, sums: Sums, b: Array, q: Tall, exponent: int, floor: float
    ) -> ErrorEstimate:
        """Return the sharpest estimate at hand: the identity, hold-out columns, leave-one-out.

        `floor` is the norm of what rounding made of ``B = Q^* A`` beside the products.
        """
        captured = frobenius_norm(b)
        summing = summing_error(b, sums.shape[0], sums.state.roundoff)
        norm = sums.state.norm
        size = captured if norm is None else rescaled(norm, -exponent)
        roundoff = sums.roundoff(rescaled(max(size, captured), exponent))
        if norm is not None:
            exact = identity_error(size, b, roundoff, summing)
            if exact is not None and exact.value > _CLEAR * floor:
                return with_floor(exact, floor)
        if not self.error_probes:
            left_out = rescaled(float(sums.kept["left_out"]), -exponent)
            last_resort = leave_one_out_error(
                left_out, captured, self.range_size, roundoff, summing
            )
            return with_floor(last_resort, floor)
        seen = self._probed(sums)
        if self.is_left(self.probed_pass):
            probed = rescaled(adjoint(seen.array()), -exponent)
            residual = probed - q.seen_by(sums.maps["error"]) @ b  # G^* (A - Q B)
        else:
            projected = seen.inside(q)
            if floor:  # as it is, so that its rounding errors show
                projected = rescaled(
                    adjoint(TallArray(adjoint(b)).seen_by(sums.maps["error"])), exponent
                )
            outside = seen.norm_outside(q, projected)  # of (A - Q B) G
            residual = namespace(b).asarray([[rescaled(outside, -exponent)]], **beside(b))
        estimate = probe_error(
            residual,
            captured=captured,
            columns=self.range_size,
            probes=self.error_probes,
            dof_each=self.dof_each,
            roundoff=roundoff,
            summing=summing,
        )
        return with_floor(estimate, floor)


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
        50 and singular values 1/i): ``4 rank + 20`` is a good choice.
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

    spec_type: ClassVar[type[Any]] = HMTSpec

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
        if not self.spec.begins_left or self.passes_done or self.n_updates:
            raise PassError("a basis takes the place of a first pass from the left, not begun yet")
        passes = Passes(1, settled=(n_rows, int(basis.shape[0])), kept={"basis": basis})
        self._accumulator.state = State(seen=(0, 0), norm=norm, rounding=rounding, passes=passes)
