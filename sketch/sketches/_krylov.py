"""Block Krylov: the singular value decomposition to a tolerance, one reading a step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from .._checks import checked_size
from ..backend.array import Array, Device, cast, dtype_name, namespace, to_host
from ..errors import NonFiniteError, PassError, SpectrumWarning, ToleranceWarning, warn
from ..finalize import (
    FusedRange,
    combined_norms,
    fused_range,
    next_block,
    orthonormalized,
    product_norms,
    ritz,
)
from ..maps import MatrixFamilyName, TestMatrixFamily
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..results import LowRank
from ..running.memory import as_bytes
from ._hmt import HMT, HMTSpec
from ._krylov_space import Space
from ._running import Run
from ._spec import checked_width, common_fields
from ._state import Passes, State
from ._sums import Sums
from ._tall import Tall, as_tall, held

_SPARE = 10  # Ritz vectors beside those wanted that a restart keeps


@dataclass(frozen=True, kw_only=True)
class BlockKrylovSpec(HMTSpec):
    """Spec of a `BlockKrylov` sketch; see `HMTSpec`, of whose passes a step takes two.

    Attributes
    ----------
    readings : int
        Of the data, at most.
    tol : float
        Residual over the largest singular value at which it stops.
    most : int or None
        Columns of the space at which it is restarted.
    """

    method: ClassVar[str] = "krylov"

    readings: int
    tol: float = 0.0
    most: int | None = None

    # ---- one step ---------------------------------------------------------------------------

    def whole_axis(self, passes: Passes) -> int | None:
        """Return 1, whole rows, for a reading to serve both passes of a step."""
        return None if self.is_left(passes.done) else 1

    def is_complete(self, passes: Passes) -> bool:
        """Whether there was a step."""
        return "space" in passes.kept

    def readings_left(self, passes: Passes) -> int:
        """Return how many readings there may be still; 0 where further ones tell nothing."""
        amid_a_step = self.is_left(passes.done)
        if "space" in passes.kept and not amid_a_step and not float(passes.kept["open"]):
            return 0
        return max(0, self._most_readings(passes) - passes.readings)

    def _most_readings(self, passes: Passes) -> int:
        """Return how many there may be: two at least where the first step takes two."""
        halfway = self.is_left(passes.done) and "half" in passes.kept and "space" not in passes.kept
        return max(self.readings, passes.readings + 1) if halfway else self.readings

    def taken(
        self, run: Run, state: State, block: object, at: tuple[int, ...], check_finite: bool
    ) -> State:
        """Return a state with one more block, in as many readings as were declared."""
        if run.passes.readings >= self._most_readings(run.passes):
            raise PassError(f"all {self.readings} readings were taken; finalize")
        return super().taken(run, state, block, at, check_finite)

    def check(self, sums: Sums) -> None:
        """Refuse a reading of other data than the first one's."""
        if sums.state.parts:
            super().check(sums)

    def keep(self, sums: Sums) -> dict[str, Any]:
        """Return the space with a further block, and the next one to multiply by."""
        kept: dict[str, Any] = {}
        if sums.number == self.probed_pass and self.error_probes:
            kept["probes"] = held(sums.tall("error").copy())
        if self.is_left(sums.number):
            inside = sums.kept["inside"]
            e = scale_exponent(inside) if "space" not in sums.kept else _exponent(sums)
            y = as_tall(sums.kept["half"]).rescaled(-e)
            z = adjoint(rescaled(sums.whole("corange"), -e)) @ rescaled(inside, -e)
        elif self.passes_made(sums) == 2:
            y, z, e = sums.tall("range"), adjoint(sums.whole("back")), 0
        else:
            y = sums.tall("range")
            q = y.basis()
            half = {"basis": held(q), "half": held(y.copy()), "inside": y.inside(q)}
            return kept | half
        if not _is_finite(z):
            raise NonFiniteError("squares of the data overflow; scale the data")
        return kept | self._step(sums, self._space(sums, y, z, e))

    def _step(self, sums: Sums, space: Space) -> dict[str, Any]:
        """Return what is kept of a space with one more block.

        The space, how good its vectors are, if there is more to find, and the next block, rounded
        as it will be multiplied. A space that is too wide is restarted from its leading Ritz
        vectors; its next block is orthogonal to all that was there before.
        """
        v, squares = space.v, space.squares
        xp = namespace(v)
        values, vectors, residuals = ritz(v, squares)
        root = xp.sqrt(values)
        safe = xp.where(root > 0, root, xp.ones_like(root))
        residuals = (residuals / safe)[: self.rank]
        new = self._next_block(sums, space)
        top = float(root[0]) if root.shape[0] else 0.0
        worst = max((float(r) for r in to_host(residuals)), default=0.0)
        done = worst <= self.tol * top or self._all_found(sums, space, new)
        if self.most is not None and v.shape[1] + new.shape[1] > self.most and not done:
            space = space.restarted(vectors[:, : min(self.rank + _SPARE, int(vectors.shape[1]))])
        return {**space.kept(), "residuals": residuals, **self._next(new, done)}

    def _space(self, sums: Sums, y: Tall, z: Array, exponent: int) -> Space:
        """Return the space with a further block of products ``Y = A X`` and ``Z = A^* Y``."""
        xp, kept = namespace(z), sums.kept
        if "block" not in kept:
            omega = sums.maps["first"].rows(0, sums.shape[1]).array(z)
            omega = cast(cast(omega, precision(sums, omega)), dtype_name(z.dtype))
            x, inverse, back = orthonormalized(omega, z)
            norms = combined_norms(product_norms(omega, z), inverse)
            y, z = y.multiplied(inverse), back
        else:
            x = cast(kept["block"], dtype_name(z.dtype))
            norms = product_norms(x, z)
        if "space" not in kept:
            return Space(x, z, y, x, z, exponent, norms)
        v = xp.concat([kept["space"], x], axis=1)
        squares = xp.concat([kept["squares"], z], axis=1)
        norms = xp.concat([_norms(sums), norms])
        return Space(v, squares, as_tall(kept["range"]).beside(y), x, z, exponent, norms)

    def _next_block(self, sums: Sums, space: Space) -> Array:
        """Return what the last products add to the space; nothing where no reading follows."""
        if sums.readings >= self.readings:
            return space.z[:, :0]
        new = next_block(space.v, space.z, sums.state.roundoff)
        return cast(new, precision(sums, new))

    def _all_found(self, sums: Sums, space: Space, new: Array) -> bool:
        """Whether the space is all there is."""
        last = sums.readings >= self.readings
        return int(space.v.shape[1]) >= sums.shape[1] or not (last or new.shape[1])

    def _next(self, new: Array, done: bool) -> dict[str, Any]:
        """Return what is kept of the block to multiply by, and whether there is more to find."""
        here = namespace(new).asarray(0.0 if done else 1.0)
        return {"open": here, "block": new, "basis": new}

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: object, tol: float | None) -> LowRank:
        """Return the approximation in the range of ``A V``, with the residuals of its vectors."""
        sums = self._in_its_range(sums)
        result = super().finish(sums, rank, None)
        fused, residuals = self._core(sums)[2], sums.kept["residuals"]
        residuals = rescaled(
            residuals[: min(result.rank, int(residuals.shape[0]))], _exponent(sums)
        )
        hidden = fused is not None and fused.kept < min(result.rank, fused.kept + fused.hidden)
        if fused is not None and hidden and not self.begins_left:  # `begin_at` is for other methods
            warn(
                f"squares tell {fused.kept} of {result.rank} singular values, the others are below "
                "their rounding; take method='hmt'",
                SpectrumWarning,
            )
        worst = max((float(r) for r in to_host(residuals)), default=0.0)
        top = float(result.s[0]) if result.rank else 0.0
        if self.tol and worst > self.tol * top and float(sums.kept["open"]):
            warn(
                f"tol={self.tol:.3g} is not met after {sums.readings} readings: a residual is "
                f"{worst / top:.2g} of the largest singular value; allow more passes, or memory "
                "for a wider space",
                ToleranceWarning,
            )
        real = dtype_name(result.s.dtype)
        return dataclasses.replace(result, residuals=cast(residuals, real))

    def _in_its_range(self, sums: Sums) -> Sums:
        """Return the sums with a basis of ``A V``, in which the result lies."""
        if "in range" not in sums.found:
            q = as_tall(sums.kept["range"]).basis()
            passes = dataclasses.replace(sums.state.passes, kept={**sums.kept, "basis": held(q)})
            state = sums.state.having(passes=passes)
            sums.found["in range"] = dataclasses.replace(sums, state=state, found={})
        found: Sums = sums.found["in range"]
        return found

    def _fused(self, sums: Sums) -> FusedRange | None:
        """Return what the readings tell of ``Q^* A`` for a basis Q of the range."""
        q, back = as_tall(sums.kept["basis"]), adjoint(sums.kept["squares"])
        inside, e = as_tall(sums.kept["range"]).inside(q), _exponent(sums)
        size, roundoff = self._size(sums, rescaled(inside, e))
        norms = [float(x) for x in to_host(_norms(sums))]
        found = fused_range(inside, back, rescaled(size, -e), roundoff, norms)
        return dataclasses.replace(found, b=rescaled(found.b, e), floor=rescaled(found.floor, e))

    def blur(
        self, sums: Sums, rank: object, tol: float | None, *, slight: bool = False
    ) -> str | None:
        """Return None: further readings make further steps."""
        return None


def columns_within(memory: int | str, shape: tuple[int | None, ...]) -> int:
    """Return how wide a space of a matrix may be to stay within half of a memory budget.

    Three arrays of a column each side, and as much again while the next ones are made.
    """
    m, n = (size or 0 for size in shape)
    return max(1, as_bytes(memory) // 2 // (16 * (m + 2 * n) or 1))


def _exponent(sums: Sums) -> int:
    """Return the exponent of the space; states of earlier versions do not tell it."""
    return int(float(sums.kept.get("exponent", 0.0)))


def _norms(sums: Sums) -> Array:
    """Return the norms that rounding errors go by; states of earlier versions do not tell them."""
    kept = sums.kept
    return kept["norms"] if "norms" in kept else product_norms(kept["space"], kept["squares"])


def precision(sums: Sums, x: Array) -> str:
    """Return the dtype in which an array is multiplied with the data."""
    single = sums.dtype in ("float32", "complex64")
    name = dtype_name(x.dtype)
    return {"float64": "float32", "complex128": "complex64"}.get(name, name) if single else name


def _is_finite(x: Array) -> bool:
    return frobenius_norm(x) < float("inf")


class BlockKrylov(HMT):
    """Randomized block Krylov iteration, for data that can be read several times.

    Each reading of whole rows multiplies a block X by A and the product by A^*; data that are cut
    both ways are read twice for it. All blocks are kept, orthogonal to each other, and the best
    approximation in the range of ``A [X_1 ... X_t]`` is returned: of all methods, the one that
    needs the fewest readings where singular values fall slowly.

    Parameters
    ----------
    shape : (int or None, int)
    rank : int
        Rank of the result. Blocks are 10 columns wider.
    passes : int
        Readings of the data, at most.
    tol : float
        Residual of all vectors, over the largest singular value, at which it stops before.
    columns : int, optional
        Of the space, at most: it is restarted then. ``8 (m + 2 n)`` bytes each in double precision.
    sketch_rank, test_matrix, seed, dtype, error_probes, device
        See `HMT`.
    from_basis : bool
        Whether `begin_at` gives the first block, and not a test matrix.

    Notes
    -----
    A reading takes ``4 m n (rank + 10)`` operations, and ``8 n L (rank + 10)`` for a space of L
    columns. Residuals say that vectors are right, not that none was missed.

    References
    ----------
    .. [1] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
       singular value decomposition", NIPS 2015, arXiv:1504.05477.
    .. [2] J. Tropp, R. Webber, "Randomized algorithms for low-rank matrix approximation: design,
       analysis, and applications", 2023, arXiv:2306.12418.
    .. [3] J. Baglama, L. Reichel, "Augmented implicitly restarted Lanczos bidiagonalization
       methods", SISC 27 (2005) 19-42.
    """

    spec_type: ClassVar[type[Any]] = BlockKrylovSpec

    spec: BlockKrylovSpec

    def __init__(
        self,
        shape: object,
        rank: int,
        *,
        passes: int = 8,
        tol: float = 0.0,
        columns: int | None = None,
        sketch_rank: int | None = None,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int = 10,
        device: Device = None,
        from_basis: bool = False,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        width = fields["rank"] + 10 if sketch_rank is None else sketch_rank
        width = checked_width(width, "sketch_rank", fields["rank"], fields["shape"])
        readings = max(1, checked_size(passes, "passes"))
        most = None if columns is None else max(int(columns), fields["rank"] + _SPARE + width)
        spec = BlockKrylovSpec(
            **fields,
            range_size=width,
            power_iters=readings + from_basis / 2,  # in the place of a pass from the left
            readings=readings,
            tol=tol,
            most=most,
        )
        self._set_up(spec, device)

    @property
    def passes_left(self) -> int:
        """Readings that there may be still; 0 where further ones tell nothing."""
        return self.spec.readings_left(self._accumulator.state.passes)

    def begin_at(self, basis: Array, n_rows: int, *, norm: float | None, rounding: float) -> None:
        """Take a basis of the rows' space as the first block; see `HMT.begin_at`."""
        super().begin_at(basis, n_rows, norm=norm, rounding=rounding)
        state = self._accumulator.state
        kept = {**state.passes.kept, "block": basis}
        passes = dataclasses.replace(state.passes, kept=kept)
        self._accumulator.state = state.having(passes=passes)
