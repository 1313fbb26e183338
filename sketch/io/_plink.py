"""PLINK 1 genotypes: two bits an entry, decoded block by block."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StateFileError
from ._found import Found

_HEAD = b"\x6c\x1b\x01"  # the third byte: one variant after the other
# Copies of the first allele in the four genotypes of each byte; NaN where one is missing.
_FOUR = (np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3
_COPIES = np.array([2, np.nan, 1, 0], np.float32)[_FOUR]


def read_plink(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return samples against variants: how often each holds the first allele, 0, 1 or 2.

    The files ``.fam`` and ``.bim`` beside it tell how many there are and what they are called.
    """
    if name:
        raise StateFileError(f"{path}: holds one matrix; leave out ::{name}")
    samples = _names(path, ".fam")
    variants = _names(path, ".bim")
    stored = 3 + len(variants) * -(-len(samples) // 4)
    if os.path.getsize(path) != stored:
        raise StateFileError(
            f"{path}: has {os.path.getsize(path)} bytes where {len(samples)} samples (.fam) and "
            f"{len(variants)} variants (.bim) take {stored}; the files do not belong together"
        )
    with open(path, "rb") as file:
        if file.read(3) != _HEAD:
            raise StateFileError(f"{path}: is stored sample by sample; write it anew by plink 1.9")
    data = Genotypes(path, len(samples), len(variants))
    return Found(data, ("sample", "variant"), lambda: [np.array(samples), np.array(variants)])


class Genotypes:
    """Genotypes of samples (rows) and variants (columns), masked where they are missing."""

    dtype = np.dtype(np.float32)

    def __init__(self, path: str, samples: int, variants: int) -> None:
        self.shape = (samples, variants)
        self.strides = (1, max(1, samples))  # a variant lies together
        bytes_each = -(-samples // 4)
        self._bytes = (
            np.memmap(path, np.uint8, "r", 3, (variants, bytes_each))
            if variants and samples
            else np.zeros((variants, bytes_each), np.uint8)
        )

    def __getitem__(self, window: Any) -> object:
        rows, columns = (range(n)[cut] for n, cut in zip(self.shape, window, strict=True))
        first, last = rows.start // 4, -(-rows.stop // 4)
        packed = np.array(self._bytes[columns.start : columns.stop, first:last])
        copies = np.take(_COPIES, packed, axis=0).reshape(len(columns), -1)
        offset = rows.start - 4 * first
        copies = copies[:, offset : offset + len(rows)].T
        mask = np.isnan(copies)
        return np.ma.MaskedArray(copies, mask if mask.any() else np.ma.nomask)


def _names(path: str, ending: str) -> list[str]:
    beside = Path(path).with_suffix(ending)
    try:
        lines = beside.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise StateFileError(f"{path}: needs {beside} beside it ({error.strerror})") from error
    fields = [line.split() for line in lines if line.strip()]
    if any(len(field) < 2 for field in fields):
        raise StateFileError(f"{beside}: expected columns with a name in the second one")
    return [field[1] for field in fields]
