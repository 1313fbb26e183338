"""Chunks of every precision and container, with the exact values that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import strategies as st

DTYPES = ("float64", "float32", "float16", "complex128", "complex64", "int32")
COMPUTED = {"float16": "float32", "int32": "float64"}


@dataclass(frozen=True)
class Plan:
    """What a chunk will be, once its shape is known."""

    seed: int
    dtype: str
    container: str
    exponent: int
    kind: str

    def chunk(self, shape: tuple[int, ...]) -> Chunk:
        """Return the chunk of a shape."""
        return self._held(self._values(shape))

    def _held(self, exact: np.ndarray) -> Chunk:
        held = CONTAINERS[self.container](exact) if exact.ndim == 2 else _tensor(self, exact)
        wide = "complex128" if np.iscomplexobj(exact) else "float64"
        computed = "float64" if isinstance(held, list) else COMPUTED.get(self.dtype, self.dtype)
        if isinstance(held, list) and wide == "complex128":
            computed = "complex128"
        if isinstance(held, list) and held and isinstance(held[0], np.ndarray):
            computed = COMPUTED.get(self.dtype, self.dtype)
        return Chunk(exact.astype(wide), held, computed)

    def semidefinite(self, size: int, cut: int) -> list[Chunk]:
        """Return the rows before and behind a cut of a semidefinite matrix."""
        whole = self._values((size, size))
        whole = whole @ whole.conj().T
        return [self._held(part) for part in (whole[:cut], whole[cut:])]

    def _values(self, shape: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        x = rng.standard_normal(shape)
        if self.dtype.startswith("complex"):
            x = x + 1j * rng.standard_normal(shape)
        if self.kind == "low rank" and x.size:
            x = np.multiply.outer(x[(slice(None),) + (0,) * (x.ndim - 1)], x[0])
        elif self.kind == "constant":
            x = np.ones_like(x)
        elif self.kind == "zero":
            x = 0 * x
        elif self.kind == "sparse":
            x = x * (rng.random(shape) < 0.2)
        elif self.kind == "shifted":
            x = x + 1e3
        exponent = np.clip(self.exponent, -2, 0) if self.dtype == "float16" else self.exponent
        x = x * 10.0**exponent
        return x.round().astype(self.dtype) if self.dtype == "int32" else x.astype(self.dtype)


@dataclass(frozen=True)
class Chunk:
    """A chunk: its values in double precision, what holds them, and the dtype of its products."""

    values: np.ndarray
    held: Any
    computed: str

    @property
    def roundoff(self) -> float:
        return float(np.finfo(self.computed).eps) / 2


def _dask(x: np.ndarray) -> Any:
    import dask.array as da

    return da.from_array(x, chunks=(5, 7)) if x.size else x


def _sparse(make: Any) -> Any:
    return lambda x: x if x.dtype == "float16" else make(x)


CONTAINERS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "list": lambda x: x.tolist() if x.size else x,
    "csr": _sparse(sp.csr_array),
    "csc": _sparse(sp.csc_array),
    "coo": _sparse(sp.coo_array),
    "spmatrix": _sparse(sp.csr_matrix),
    "chunks": lambda x: [x[:2], x[2:]] if x.shape[0] > 2 else x,
    "dask": _dask,
}


def _tensor(plan: Plan, x: np.ndarray) -> Any:
    if plan.container in ("csr", "csc", "coo", "spmatrix"):
        return _sparse(sp.coo_array)(x) if x.size else x
    if plan.container == "dask" and x.size:
        import dask.array as da

        return da.from_array(x, chunks=2)
    if plan.container in ("dask", "chunks", "strided"):
        return np.repeat(x, 2, 0)[::2]
    return CONTAINERS[plan.container](x)


def plans(dtypes: tuple[str, ...] = DTYPES, exponents: tuple[int, int] = (-3, 3)) -> Any:
    """Return the strategy of plans."""
    return st.builds(
        Plan,
        seed=st.integers(0, 2**16),
        dtype=st.sampled_from(dtypes),
        container=st.sampled_from(sorted(CONTAINERS)),
        exponent=st.integers(*exponents),
        kind=st.sampled_from(("dense", "low rank", "constant", "zero", "sparse", "shifted")),
    )
