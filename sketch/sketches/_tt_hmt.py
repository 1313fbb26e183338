"""TT-HMT: a randomized range finder for each mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .._checks import Ranks
from ..backend.array import Device
from ..formats import TensorTrain
from ..maps import TensorFamilyName, TensorTrainMap, TestTensorFamily
from ..sources import TensorBlock
from ._base import Sketch
from ._method import Method, Products, Sum
from ._multi_pass import MultiPass
from ._running import TensorRun
from ._state import Kept, Passes
from ._sums import Sums
from ._sweep import sweep_finish, sweep_keep, sweep_products, sweep_sums
from ._tensor_spec import TensorSpec, tensor_fields
from ._tensor_steps import probed


@dataclass(frozen=True, kw_only=True)
class TTHMTSpec(TensorSpec, Method[TensorBlock, TensorTrainMap]):
    """Spec of a `TTHMT` sketch; see `TensorSpec`."""

    sides: ClassVar[tuple[Literal["left", "right"], ...]] = ("right",)

    @property
    def n_passes(self) -> int:
        """Passes over the data: one for each mode."""
        return self.order

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return Psi of a pass."""
        return sweep_sums(self, passes)

    def products(self, run: TensorRun, block: TensorBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each sum."""
        products, _ = sweep_products(self, run, block, at)
        if self.error_probes and not run.passes.done:
            products["probe"] = probed(run.maps, block, at)
        return products

    def keep(self, sums: Sums) -> Kept:
        """Return the core of a pass: the basis of what its mode saw."""
        return sweep_keep(self, sums, lambda seen: seen)

    def finish(self, sums: Sums, rank: object, tol: float | None) -> TensorTrain:
        """Return the train of all cores with its error."""
        return sweep_finish(self, sums, rank, tol)


class TTHMT(MultiPass, Sketch[TensorTrain]):
    """Tensor-train approximation by one randomized range finder for each mode.

    The core of mode k is an orthonormal basis of what the mode sees between the cores before it
    and a right test tensor. Nearly as accurate as TT-SVD, and the cheapest method for data that
    can be read again.

    Parameters
    ----------
    shape : sequence of int or None
        Sizes of the d modes; one may be None and grows in the first pass.
    rank : int or sequence of d - 1 int
        Ranks of the result. The sketch is wider and is rounded at `finalize`.
    sketch_rank : int or sequence, optional
        Columns of the test tensor by hand: by default ``max(rank + 10, 2 rank)``, trimmed to what
        each unfolding can hold.
    seed, dtype, error_probes, test_tensor, device : optional
        See `STTA`.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    d passes, each of them ended by `end_pass`.

    References
    ----------
    .. [1] H. Al Daas, G. Ballard, P. Cazeaux, E. Hallman, A. Miedlar, M. Pasha, T. Reid, A.
       Saibaba, "Randomized algorithms for rounding in the tensor-train format", SISC 45 (2023),
       arXiv:2110.04393.
    .. [2] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> i, j, k = np.ogrid[:6, :7, :8]
    >>> t = 1.0 / (1 + i + j + k)
    >>> sk = sketch.TTHMT(t.shape, rank=5)
    >>> for _ in range(sk.n_passes):
    ...     for row in range(6):
    ...         sk.update(t[row : row + 1], at=row)
    ...     sk.end_pass()
    >>> bool(np.linalg.norm(sk.finalize().to_array() - t) < 1e-4)
    True
    """

    spec_type = TTHMTSpec

    spec: TTHMTSpec

    def __init__(
        self,
        shape: object,
        rank: Ranks,
        *,
        sketch_rank: Ranks | None = None,
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int | None = None,
        test_tensor: TestTensorFamily | TensorFamilyName = "stacked-trains",
        device: Device = None,
    ) -> None:
        fields = tensor_fields(
            shape, rank, sketch_rank, sketch_rank, seed, dtype, error_probes, test_tensor
        )
        fields["right_sizes"] = fields["left_sizes"]
        self._set_up(TTHMTSpec(**fields), device)
