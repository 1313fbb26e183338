"""What a file is: told by its first bytes, and by its name where these say nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import StateFileError
from ..files.paths import as_regular_file
from ._found import Found
from ._hdf5 import read_hdf5, read_netcdf4
from ._mat import read_mat, read_mat73
from ._netcdf3 import read_netcdf3
from ._npy import read_npy, read_npz
from ._plink import read_plink
from ._tables import read_arrow, read_csv
from ._text import is_tenx, read_mtx, read_tenx, read_tns
from ._text_blocks import open_text
from ._zarr import is_zarr, read_zarr

Reader = Callable[[str, str, contextlib.ExitStack], Found]

_HEAD = 4096
_COMPRESSED = (".gz", ".bz2", ".xz")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Format:
    """A format: how its files end, how they begin, and what reads them."""

    reader: Reader
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...] = ()


FORMATS = (
    Format(read_npy, (".npy",), (b"\x93NUMPY",)),
    Format(read_npz, (".npz",)),
    Format(read_mtx, (".mtx",), (b"%%MatrixMarket",)),
    Format(read_tns, (".tns",)),
    Format(read_mat73, (".mat",), (b"MATLAB 7.3 MAT-file",)),
    Format(read_mat, (".mat",), (b"MATLAB 5.0 MAT-file",)),
    Format(read_netcdf3, (".nc", ".cdf"), (b"CDF\x01", b"CDF\x02", b"CDF\x05")),
    Format(read_netcdf4, (".nc", ".nc4")),
    Format(read_hdf5, (".h5", ".hdf5", ".h5ad", ".loom"), (_HDF5,)),
    Format(read_zarr, (".zarr", ".zarr.zip")),
    Format(read_csv, (".csv", ".tsv")),
    Format(read_arrow, (".parquet", ".feather"), (b"PAR1", b"ARROW1", b"FEA1")),
    Format(read_plink, (".bed",), (b"\x6c\x1b\x01", b"\x6c\x1b\x00")),
)

_PLACEHOLDERS = {
    b"version https://git-lfs": "a placeholder of Git LFS, not the data; git lfs pull fetches it",
    b"/annex/objects/": "a placeholder of git-annex, not the data; git annex get fetches it",
    b"<!doctype html": "a web page, not data; fetch the file itself",
    b"<html": "a web page, not data; fetch the file itself",
}


def reader_of(path: str) -> Reader:
    """Return the reader of a file or folder.

    Raises
    ------
    StateFileError
        If there is none, it is of no known kind, or not what its name says.
    """
    if os.path.isdir(path):
        return _reader_of_folder(path)
    as_regular_file(path)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise StateFileError(f"{path}: cannot be read ({error.strerror})") from error
    for start, what in _PLACEHOLDERS.items():
        if head.lower().startswith(start):
            raise StateFileError(f"{path}: is {what}")
    reader = _by_content(path, head) or _by_name(path, head)
    if head.startswith(_PACKED) and reader not in (read_mtx, read_tns, read_csv):
        raise StateFileError(
            f"{path}: is compressed, and of compressed files only text is read; unpack it before "
            "(gunzip, bunzip2, unxz)"
        )
    return reader


def known_suffixes() -> str:
    """Return all suffixes for a message."""
    return " ".join(dict.fromkeys(suffix for kind in FORMATS for suffix in kind.suffixes))


def _reader_of_folder(path: str) -> Reader:
    if is_zarr(path):
        return read_zarr
    if is_tenx(path):
        return read_tenx
    raise StateFileError(
        f"{path}: is a folder, but neither a Zarr store nor one with matrix.mtx; name a file in it"
    )


def _by_content(path: str, head: bytes) -> Reader | None:
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return read_zarr if _is_zip_of_zarr(path) else read_npz
    if head.startswith(b"MATLAB 7.3"):  # HDF5 behind a head of MATLAB's own
        return read_mat73
    if head.startswith(_HDF5) or any(head[at:].startswith(_HDF5) for at in (512, 1024, 2048)):
        return read_netcdf4 if _name(path).endswith((".nc", ".nc4", ".cdf")) else read_hdf5
    with contextlib.suppress(Exception), open_text(path) as file:  # a damaged one says nothing
        head = file.read(_HEAD)  # before compression
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(b"%%matrixmarket"):
        return read_mtx
    starts = ((kind.reader, magic) for kind in FORMATS for magic in kind.magic)
    return next((reader for reader, magic in starts if head.startswith(magic)), None)


def _by_name(path: str, head: bytes) -> Reader:
    """Return the reader of a file that does not begin like any: text, or an old format."""
    name = _name(path)
    for kind in FORMATS:
        if name.endswith(kind.suffixes):
            if not head:
                raise StateFileError(f"{path}: cannot be read: it is empty")
            if kind.reader in (read_mtx, read_tns, read_csv):
                return kind.reader
            if name.endswith(".mat"):
                return read_mat  # the fourth version has no mark
            raise StateFileError(
                f"{path}: cannot be read: its content is not that of a file of this name; it is "
                "damaged, or something else"
            )
    raise StateFileError(
        f"{path}: files of this kind are not known; give one of {known_suffixes()}"
    )


def _name(path: str) -> str:
    """Return a name in small letters, without what tells of a compression."""
    name = os.path.basename(path.rstrip("/")).lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name


def _is_zip_of_zarr(path: str) -> bool:
    try:
        return is_zarr(path)
    except Exception as error:  # whatever a damaged zip file raises
        raise StateFileError(f"{path}: cannot be read ({error}); the file is damaged") from error
