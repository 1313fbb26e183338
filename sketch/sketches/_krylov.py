"""Block Krylov: the singular value decomposition to a tolerance, one reading a step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

from .._checks import checked_size
from ..backend.array import Array, Device
from ..maps import MatrixFamilyName, TestMatrixFamily
from ..results import LowRank
from ..running.memory import as_bytes
from ._alternating import AlternatingSpec, first_product
from ._base import Sketch
from ._hmt import HMTSpec
from ._krylov_error import ByError
from ._krylov_residuals import SPARE, ByResiduals
from ._krylov_space import after_pass, all_readings, in_its_range
from ._multi_pass import MultiPass
from ._projection import Projection
from ._spec import checked_width, common_fields
from ._state import Kept, Passes, State
from ._sums import Sums

_FIRST_SIZE = 26  # columns of the first block of a space that grows to an error
_MOST_READINGS = 64  # from 26 columns by a half each: enough for any matrix


@dataclass(frozen=True, kw_only=True)
class BlockKrylovSpec(AlternatingSpec):
    """Spec of a `BlockKrylov` sketch; see `AlternatingSpec`, of whose passes a step takes two.

    Attributes
    ----------
    readings : int
        Of the data, at most.
    tol : float
        Residual over the largest singular value at which it stops.
    most : int or None
        Columns of the space at which it is restarted, or stops growing.
    error_tol : float or None
        Relative error of the space, in the Frobenius norm, at which it stops in its place.
    """

    readings: int
    tol: float = 0.0
    most: int | None = None
    error_tol: float | None = None

    @property
    def goal(self) -> ByResiduals | ByError:
        """When it stops, and how wide the next block is."""
        if self.error_tol is None:
            return ByResiduals(self.rank, self.tol, self.readings, self.most)
        return ByError(self, self.error_tol, self.readings, self.most)

    def most_readings(self, passes: Passes) -> int:
        """Return how many there may be: two at least where the first step takes two."""
        halfway = self.is_left(passes.done) and "half" in passes.kept and "space" not in passes.kept
        return max(self.readings, passes.readings + 1) if halfway else self.readings

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
        return max(0, self.most_readings(passes) - passes.readings)

    def check(self, sums: Sums) -> None:
        """Refuse a reading of other data than the first one's."""
        if sums.state.parts:
            super().check(sums)

    def keep(self, sums: Sums) -> Kept:
        """Return the space with a further block, and the next one to multiply by."""
        kept, space = after_pass(self, sums)
        return kept if space is None else kept | self.goal.step(sums, space)

    # ---- result -----------------------------------------------------------------------------

    def columns(self, passes: Passes) -> int:
        """Return how many columns a result may have: those of a block, or all that have grown."""
        if self.error_tol is None or "space" not in passes.kept:
            return self.range_size
        return int(passes.kept["space"].shape[1])

    def projection(self, sums: Sums) -> Projection:
        """Return what the sums tell of the projection on the range of the space."""
        spec = dataclasses.replace(self, range_size=self.columns(sums.state.passes))

        def found() -> Projection:
            within = in_its_range(sums)
            return Projection(spec, within, all_readings(spec, within))

        return sums.once("projection", found)

    def finish(self, sums: Sums, rank: object, tol: float | None) -> LowRank:
        """Return the approximation in the range of ``A V``."""
        return self.goal.finish(self.projection(sums), sums, rank, tol)

    def blur(
        self, sums: Sums, rank: object, tol: float | None, *, slight: bool = False
    ) -> str | None:
        """Return what the readings hide that a further one would tell; see `Method.blur`."""
        return self.goal.blur(self.projection(sums), rank, tol, slight=slight)

    def further(self, sums: Sums) -> tuple[HMTSpec, State]:
        """Return the spec and the state of a sketch that lacks ``Q^* A`` alone, in this range."""
        projection = self.projection(sums)
        names = (f.name for f in dataclasses.fields(HMTSpec))
        fields = {name: getattr(projection.spec, name) for name in names}
        spec = HMTSpec(**{**fields, "power_iters": 0, "rank": fields["range_size"]})
        kept = {name: projection.sums.kept[name] for name in ("basis", "probes")}
        passes = dataclasses.replace(sums.state.passes, done=1, kept=kept)
        return spec, sums.state.having(passes=passes)

    def begun_at(self, basis: Array, n_rows: int, *, norm: float | None, rounding: float) -> State:
        """Return the state that begins with a block; see `BlockKrylov.begin_at`."""
        state = super().begun_at(basis, n_rows, norm=norm, rounding=rounding)
        passes = dataclasses.replace(state.passes, kept={**state.passes.kept, "block": basis})
        return state.having(passes=passes)


def columns_within(memory: int | str, shape: tuple[int | None, ...]) -> int:
    """Return how wide a space of a matrix may be to stay within half of a memory budget.

    Three arrays of a column each side, and as much again while the next ones are made.
    """
    m, n = (size or 0 for size in shape)
    return max(1, as_bytes(memory) // 2 // (16 * (m + 2 * n) or 1))


class BlockKrylov(MultiPass, Sketch[LowRank]):
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

    spec_type = BlockKrylovSpec

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
        fields |= first_product(fields, sketch_rank)
        readings = max(1, checked_size(passes, "passes"))
        least = fields["rank"] + SPARE + fields["range_size"]
        spec = BlockKrylovSpec(
            **fields,
            power_iters=readings + from_basis / 2,  # in the place of a pass from the left
            readings=readings,
            tol=tol,
            most=None if columns is None else max(int(columns), least),
        )
        self._set_up(spec, device)

    @classmethod
    def growing(
        cls,
        shape: object,
        error_tol: float,
        *,
        passes: int = _MOST_READINGS,
        columns: int | None = None,
        sketch_rank: int = _FIRST_SIZE,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int = 10,
        device: Device = None,
        from_basis: bool = False,
    ) -> Self:
        """Return a sketch whose space grows until its error meets a tolerance; see `ByError`.

        Parameters
        ----------
        shape : (int or None, int)
        error_tol : float
            Relative error in the Frobenius norm.
        passes : int
            Readings of the data, at most.
        columns : int, optional
            Of the space, at most.
        sketch_rank : int
            Columns of the first block.
        test_matrix, seed, dtype, error_probes, device, from_basis
            See `BlockKrylov`.

        Notes
        -----
        ``4 m n L`` operations for all products of L columns, about ``1.6`` times the rank, and ``8
        n L^2`` beside them.

        References
        ----------
        .. [1] W. Yu, Y. Gu, Y. Li, "Efficient randomized algorithms for the fixed-precision
           low-rank matrix approximation", SIMAX 39 (2018) 1339-1359, arXiv:1606.09402.

        Examples
        --------
        >>> import numpy as np
        >>> from sketch.sketches import BlockKrylov
        >>> a = np.diag(0.5 ** np.arange(30.0))
        >>> sk = BlockKrylov.growing(a.shape, 1e-2)
        >>> while sk.passes_left:
        ...     sk.update(a)
        ...     sk.end_pass()
        >>> sk.finalize().rank
        7
        """
        fields = common_fields(shape, 0, test_matrix, seed, dtype, error_probes)
        width = checked_width(sketch_rank, "sketch_rank", 0, fields["shape"])
        spec = BlockKrylovSpec(
            **fields,
            range_size=width,
            power_iters=passes + from_basis / 2,
            readings=passes,
            most=columns,
            error_tol=error_tol,
        )
        return cls.from_spec(spec, device)

    @property
    def range_size(self) -> int:
        """Columns of a block, or of a space that grows to an error as far as it has."""
        return self.spec.columns(self.accumulator.state.passes)

    def begin_at(self, basis: Array, n_rows: int, *, norm: float | None, rounding: float) -> None:
        """Take a basis of the rows' space as the first block; see `HMT.begin_at`."""
        begun = self.spec.begun_at(basis, n_rows, norm=norm, rounding=rounding)
        self.accumulator.begin(begun)
