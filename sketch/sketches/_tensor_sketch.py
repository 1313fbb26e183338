"""What the sketches of tensors share: sources, error probes, and the last steps."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from .._array import Array, namespace
from .._cores import Core, absorb_left, absorb_right
from .._linalg import frobenius_norm, rescaled
from ..errors import RankError, ToleranceWarning
from ..formats import TensorTrain
from ..maps import TensorTrainMap
from ..results import ErrorEstimate, rounding_floor
from ..sources import Contraction, TensorBlock, TensorSource, as_tensor_source
from ._finish import scaled_error
from ._stream import StreamedSketch
from ._tensor_spec import Sizes, TensorSpec, each_bond

_UNKNOWN = ErrorEstimate(
    residual=math.nan,
    norm=math.nan,
    kind="heuristic",
    method="none (error_probes=0)",
    floor=0.0,
)


class TensorSketch(StreamedSketch):
    """A sketch that ends in a `TensorTrain`."""

    spec: TensorSpec

    def _as_source(self, chunk: Any) -> TensorSource:
        return as_tensor_source(chunk)

    def _part_axis(self, name: str) -> int | None:
        kind, _, mode = name.partition("_")
        return int(mode) if kind == "psi" else None

    @abstractmethod
    def finalize(self, rank: Any = None, tol: float | None = None) -> TensorTrain:
        """Return the tensor train that the sums determine."""

    def _test_matrices(self) -> dict[str, TensorTrainMap]:
        return self.spec.maps()

    def _cores(self, name: str, block: TensorBlock, at: tuple[int, ...]) -> Sequence[Core]:
        """Return the cores of a test tensor for a block of the data."""
        cores: Sequence[Core] = self._maps[name].cores(at, block.shape, block.like())
        return cores

    def _both_sides(
        self, block: TensorBlock, at: tuple[int, ...], contraction: Contraction
    ) -> Iterator[tuple[Array, Array | None]]:
        """Yield for every mode what it sees between both test tensors, and its bond behind.

        Psi_k of shape (l_{k-1}, n_k, r_k) and Omega_k (l_k, r_k), None behind the last mode.
        """
        spec = self.spec
        left_sizes, right_sizes = (1, *spec.left_sizes), (*spec.right_sizes, 1)
        for mode, core in enumerate(self._cores("left", block, at)):
            seen = contraction.seen()[:, :, : right_sizes[mode]]
            psi = seen[: left_sizes[mode], :, :]
            if mode == spec.order - 1:
                yield psi, None
                return
            yield psi, _behind(seen, core)[: spec.left_sizes[mode], :]
            contraction.advance(core)

    def _bytes_needed(self, shape: tuple[int, ...]) -> int:
        left, right = (1, *self.spec.left_sizes), (*self.spec.right_sizes, 1)
        modes = zip(left, shape, right, strict=True)
        sums: int = sum(rows * n * columns for rows, n, columns in modes)
        cores: int = sum(m.entries(shape) for m in self._maps.values())
        return 8 * (3 * sums + cores)  # sums, their rounding; test tensors

    # ---- ranks ------------------------------------------------------------------------------

    def _checked_ranks(self, rank: Any, tol: float | None) -> Sizes:
        """Return the ranks to round to at most, checked before any work is done."""
        spec = self.spec
        if tol is not None and not tol >= 0:
            raise ValueError(f"tol must be a relative error of at least 0, got {tol}")
        if rank is None:
            return spec.rank if tol is None else spec.left_sizes
        wanted = each_bond(rank, spec.order - 1, "rank")
        for bond, (r, size, most) in enumerate(
            zip(wanted, spec.left_sizes, spec.full, strict=True)
        ):
            if r > size < most:
                raise RankError(
                    f"rank={r} was asked for at bond {bond}, but the sketch holds {size} there; "
                    f"make one with rank={r}, or with sketch_rank of at least {r}"
                )
        return wanted

    def _rounded(
        self, whole: TensorTrain, ranks: Sizes, tol: float | None, exponent: int
    ) -> TensorTrain:
        """Round to ranks and a tolerance, estimate the error, undo the scaling."""
        if tol is None:
            return self._finished(whole.round(rank=ranks) if ranks else whole, exponent)
        reached = self._with_error(whole, exponent).error.relative
        if not reached <= tol:
            warn_tolerance(tol, reached)
        slack = math.sqrt(max(0.0, tol**2 - reached**2)) if reached <= tol else 0.0
        short = whole.round(rank=ranks, tol=slack) if ranks else whole
        return self._finished(short, exponent)

    def _finished(self, tt: TensorTrain, exponent: int) -> TensorTrain:
        tt = self._with_error(tt, exponent)
        scaled = scaled_train(tt, exponent).with_error(scaled_error(tt.error, exponent))
        return scaled.astype(self._result_dtype)

    # ---- error probes -----------------------------------------------------------------------

    def _probed(self, block: TensorBlock, at: tuple[int, ...]) -> Array:
        """Return the contractions of a block with all error probes, shape (P R, 1)."""
        cores = self._cores("error", block, at)
        seen = block.between(cores).seen()  # (1, n_0, P r_1)
        core = cores[0].array()
        xp = namespace(seen)
        split = xp.reshape(seen, (seen.shape[1], -1, core.shape[1]))
        split = xp.permute_dims(split, (1, 0, 2))[:, None, :, :]  # (P, 1, n_0, r_1)
        return xp.reshape(absorb_right(split, core), (-1, 1))

    def _probe_data(self) -> Array:
        """Return the contractions of the data with all error probes."""
        return self._total("probe", self.spec.error_probes * self.spec.error_rank)

    def _with_error(self, tt: TensorTrain, exponent: int) -> TensorTrain:
        """Return a train with the estimate of its error by the probes."""
        spec = self.spec
        if not spec.error_probes:
            return tt.with_error(_UNKNOWN)
        norm = tt.norm()
        data = rescaled(self._probe_data(), -exponent)
        (_, block), *_ = as_tensor_source(tt).blocks()
        residual = data - self._probed(block, (0,) * spec.order)
        count = math.sqrt(spec.error_probes * spec.error_rank)
        value = frobenius_norm(residual) / count
        if value > 0.1 * norm:  # the approximation is no measure of the data
            norm = frobenius_norm(data) / count
        columns = max((1, *spec.right_sizes))
        error = ErrorEstimate(
            residual=value,
            norm=norm,
            kind="unbiased",
            method="tensor-train probes",
            floor=math.sqrt(spec.order) * rounding_floor(norm, columns, self._roundoff),
            dof=spec.error_rank,
            bonds=tuple(bond.rank for bond in self._maps["error"].bonds[:-1]),
            blocks=spec.error_probes,
        )
        return tt.with_error(error)


def _behind(seen: Array, core: Core) -> Array:
    """Return Omega behind a mode, (l_k, r): what the mode sees, contracted with its left core."""
    xp = namespace(seen)
    values = core.array()
    blocks, inner, n, outer = values.shape
    split = xp.reshape(seen, (-1, inner, n, seen.shape[2]))
    return xp.reshape(absorb_left(split, values), (blocks * outer, -1))


def warn_tolerance(tol: float, relative: float) -> None:
    """Warn that no rank the sketch holds meets the tolerance."""
    warnings.warn(
        f"tol={tol:g} is out of reach: the sketch has an estimated relative error of "
        f"{relative:.3g}; sketch with a larger rank",
        ToleranceWarning,
        stacklevel=4,
    )


def scaled_train(tt: TensorTrain, exponent: int) -> TensorTrain:
    """Undo a scaling by a power of two: one core carries it."""
    if exponent == 0:
        return tt
    cores = list(tt.cores)
    cores[0] = rescaled(cores[0], exponent)
    return TensorTrain(cores)
