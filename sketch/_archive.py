"""State and result files: one zip of a JSON header and plain arrays, verified and never pickled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from .errors import StateFileError

FORMAT = "sketch"
FORMAT_VERSION = 1
_HEADER = "header.json"
_MAX_HEADER_BYTES = 16_000_000

Header = dict[str, Any]
Arrays = dict[str, np.ndarray[Any, Any]]


def write(path: str | os.PathLike[str], header: Header, arrays: Arrays) -> None:
    """Write a header and arrays to a file that `numpy.load` can open too.

    The file is written beside its final place, synced, and renamed, so that a kill at any moment
    leaves the old file or the new one.
    """
    target = Path(path)
    full = {**header, "format": FORMAT, "format_version": FORMAT_VERSION}
    handle, temporary = tempfile.mkstemp(
        dir=target.resolve().parent, prefix=f".{target.name}.", suffix=".tmp"
    )
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                full["sha256"] = {n: _write_array(archive, n, a) for n, a in arrays.items()}
                archive.writestr(_HEADER, json.dumps(full, indent=1))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read(path: str | os.PathLike[str]) -> tuple[Header, Arrays]:
    """Read a file written by `write` and verify every byte of it.

    Raises
    ------
    StateFileError
        If the file is missing, truncated, altered, foreign, or of a newer format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            header = _read_header(archive, path)
            arrays = {name: _read_array(archive, name, header, path) for name in header["sha256"]}
    except StateFileError:
        raise
    except FileNotFoundError as error:
        raise StateFileError(f"{path}: no such file") from error
    except Exception as error:  # whatever a damaged zip, header or array may raise
        raise StateFileError(
            f"{path}: not a readable sketch file ({error}); it is truncated, altered, or was not "
            "written by sketch. Restore it from a copy, or sketch the data again"
        ) from error
    return header, arrays


def _read_header(archive: zipfile.ZipFile, path: object) -> Header:
    if _HEADER not in archive.namelist():
        raise StateFileError(f"{path}: a zip file, but not one written by sketch (no {_HEADER})")
    if archive.getinfo(_HEADER).file_size > _MAX_HEADER_BYTES:
        raise StateFileError(f"{path}: its header is larger than {_MAX_HEADER_BYTES} bytes")
    header = json.loads(archive.read(_HEADER))
    if header.get("format") != FORMAT or not isinstance(header.get("sha256"), dict):
        raise StateFileError(f"{path}: a zip file, but not one written by sketch")
    if header["format_version"] > FORMAT_VERSION:
        raise StateFileError(
            f"{path}: written in format {header['format_version']}, this installation reads up to "
            f"{FORMAT_VERSION}; upgrade sketch"
        )
    return dict(header)


def _read_array(
    archive: zipfile.ZipFile, name: str, header: Header, path: object
) -> np.ndarray[Any, Any]:
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise StateFileError(f"{path}: array {name!r} is compressed; sketch never writes that")
    with archive.open(member) as file:
        hashed = _Hashed(file)
        array = np.lib.format.read_array(hashed, allow_pickle=False)
    if hashed.digest.hexdigest() != header["sha256"][name]:
        raise StateFileError(
            f"{path}: the checksum of {name!r} does not match; the file is damaged"
        )
    return np.asarray(array)


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray[Any, Any]) -> str:
    """Stream one array into the archive and return the checksum of its bytes."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        hashed = _Hashed(file)
        np.lib.format.write_array(hashed, array, allow_pickle=False)
    return hashed.digest.hexdigest()


class _Hashed:
    """A binary file whose bytes are hashed as they pass, so that no second copy is needed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.file.write(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
