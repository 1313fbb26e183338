"""Arrays that are read from a file by slicing: every fault of reading has a name and a place."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from ..backend.array import HostArray
from ..backend.protocols import Stored
from ..errors import NonFiniteError, SketchError, StateFileError
from ..files.extent import Extent, watched

Missing = Literal["zero", "mean", "nan"] | None
_FILLS = {"zero": 0.0, "nan": math.nan}
_BLOCK_BYTES = 32_000_000
_COUNTED_BYTES = 2_000_000_000  # up to which all missing entries are counted for the message


class StoredInFile:
    """A stored array whose reader's errors are ours, and whose missing entries are none.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    chunks, strides : tuple of int or None
        How it is stored, where that is known.
    """

    def __init__(
        self, raw: Stored, where: str, missing: Missing = None, extent: Extent | None = None
    ) -> None:
        self.raw, self.where, self.missing, self._extent = raw, where, missing, extent
        self.shape = tuple(int(n) for n in raw.shape)
        self.dtype = np.dtype(raw.dtype).newbyteorder("=")
        if missing in ("mean", "nan") and self.dtype.kind in "biu":
            self.dtype = np.dtype(np.float64)
        self.chunks = getattr(raw, "chunks", None)
        self.strides = getattr(raw, "strides", None)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, window: object) -> HostArray:
        full = full_window(window, self.shape)
        block = self.read(full)
        mask = self._mask(block)
        values = np.ma.getdata(block)
        if mask is None or not mask.any():
            return values.astype(self.dtype, copy=False)
        if self.missing is None:
            raise self._refusal(full, mask)
        fill = self._means[full[1:]][None] if self.missing == "mean" else _FILLS[self.missing]
        return np.where(mask, fill, values).astype(self.dtype, copy=False)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> HostArray:
        return np.asarray(self[...], dtype)

    def read(self, window: tuple[slice, ...]) -> HostArray:
        """Return a block as its reader gives it, masked where entries are missing."""
        try:
            with watched(self._extent):
                block: HostArray = np.ma.asanyarray(self.raw[window])
            return block
        except SketchError:
            raise
        except Exception as error:  # whatever a reader raises on a damaged file
            place = ", ".join(f"{cut.start}:{cut.stop}" for cut in window)
            raise StateFileError(
                f"{self.where}: cannot be read at [{place}] ({error}); the file is damaged, or "
                "was closed"
            ) from error

    def _mask(self, block: HostArray) -> HostArray | None:
        """Return what is missing in a block, None where nothing can be."""
        masked = np.ma.getmask(block)
        mask = None if masked is np.ma.nomask else np.asarray(masked)
        if self.missing is not None and block.dtype.kind in "fc":
            unknown = np.isnan(np.ma.getdata(block))
            mask = unknown if mask is None else mask | unknown
        return mask

    def _blocks(self) -> Iterator[tuple[tuple[slice, ...], HostArray]]:
        row = max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)
        step = max(1, _BLOCK_BYTES // row)
        rest = tuple(slice(0, n) for n in self.shape[1:])
        for start in range(0, self.shape[0], step):
            window = (slice(start, min(start + step, self.shape[0])), *rest)
            yield window, self.read(window)

    @functools.cached_property
    def _means(self) -> HostArray:
        """The means over the first axis of what is not missing."""
        total = np.zeros(self.shape[1:], np.result_type(self.dtype, np.float64))
        count = np.zeros(self.shape[1:], np.int64)
        for _, block in self._blocks():
            mask = self._mask(block)
            known = np.ones(block.shape, bool) if mask is None else ~mask
            total += np.where(known, np.ma.getdata(block), 0).sum(axis=0, dtype=total.dtype)
            count += known.sum(axis=0)
        if not count.all():
            place = tuple(int(i) for i in np.argwhere(count == 0)[0])
            raise NonFiniteError(
                f"{self.where}: nothing is known at [:, {', '.join(map(str, place))}], so that it "
                'has no mean; give missing="zero", or leave it out'
            )
        return np.asarray(total / count)

    def _refusal(self, window: tuple[slice, ...], mask: HostArray) -> NonFiniteError:
        """Say how many entries are missing and where the first one is."""
        at = np.argwhere(mask)[0]
        place = tuple(int(i) + cut.start for i, cut in zip(at, window, strict=True))
        count, seen = int(mask.sum()), f"the {mask.size} read so far"
        if math.prod(self.shape) * self.dtype.itemsize <= _COUNTED_BYTES:
            masks = (self._mask(block) for _, block in self._blocks())
            count = sum(int(mask.sum()) for mask in masks if mask is not None)
            seen = f"{math.prod(self.shape)}"
        return NonFiniteError(
            f"{self.where}: {count} of {seen} entries are missing (masked or fill values), one at "
            f'{place}; sketch.complete (complete_train of a tensor) predicts them, missing="zero" '
            'takes zero for them, missing="mean" the mean of what is known along the first axis '
            "(sketch complete, --missing); or leave them out"
        )


def full_window(window: Any, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return a window as one slice for each axis."""
    parts = list(window) if isinstance(window, tuple) else [window]
    if Ellipsis in parts:
        k = parts.index(Ellipsis)
        parts[k : k + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    parts += [slice(None)] * (len(shape) - len(parts))
    return tuple(slice(*part.indices(n)[:2]) for part, n in zip(parts, shape, strict=True))
