"""State and result files: one zip of a JSON header and plain arrays, verified and never pickled."""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StateFileError
from .paths import as_regular_file, replace_by

FORMAT = "sketch"
FORMAT_VERSION = 2  # since 2 the header lies inside a checksum too
_HEADER = "header.json"
_MAX_HEADER_BYTES = 16_000_000
_SEAL = "checksum"  # of all other fields of the header

Header = dict[str, Any]
Values = NDArray[Any]
Arrays = dict[str, Values]


class Kept(os.PathLike[str]):
    """A place in memory that a header and arrays are written to, to look at them."""

    header: Header
    arrays: Arrays

    def __fspath__(self) -> str:
        return ""


def check_against(path: str | os.PathLike[str], header: Header, arrays: Arrays, held: Any) -> None:
    """Refuse a file that says other things than what it was read as would be saved with.

    So every field is known, has a value that is taken as it stands, and fits the arrays. Files of
    earlier formats may lack fields.

    Raises
    ------
    StateFileError
        Naming the fields.
    """
    kept = Kept()
    held.save(kept)
    given, expected = _fields(header, arrays), _fields(kept.header, kept.arrays)
    names = {*given, *expected}
    if header["format_version"] < FORMAT_VERSION:
        names = set(given) - set(expected)
    odd = sorted(name for name in names if given.get(name) != expected.get(name))
    if odd:
        raise StateFileError(f"{path}: these fields are unknown or do not fit: {', '.join(odd)}")


def _fields(header: Header, arrays: Arrays) -> dict[str, object]:
    """Return all that a file says but the numbers themselves and how they lie in memory."""
    fields: dict[str, object] = {
        name: json.dumps(value, sort_keys=True) for name, value in header.items()
    }
    fields |= {f"array {n}": (sorted(a.shape), a.dtype) for n, a in arrays.items()}
    return {name: value for name, value in fields.items() if name not in ("axes", "sha256", _SEAL)}


def write(path: str | os.PathLike[str], header: Header, arrays: Arrays) -> None:
    """Write a header and arrays to a file that `numpy.load` can open too.

    A kill at any moment leaves the old file or the new one.

    Raises
    ------
    StateFileError
        If the path names something else than a regular file.
    """
    full = marked(header)
    if isinstance(path, Kept):
        path.header, path.arrays = json.loads(json.dumps(full)), arrays
        return

    def put(file: IO[bytes]) -> None:
        with _Draft(file, "w") as archive:
            full["sha256"] = {n: _write_array(archive, n, a) for n, a in arrays.items()}
            archive.writestr(_HEADER, json.dumps(sealed(full), indent=1))

    replace_by(path, put)


def read(path: str | os.PathLike[str]) -> tuple[Header, Arrays]:
    """Read a file written by `write` and verify every byte of it.

    Raises
    ------
    StateFileError
        If the file is missing, truncated, altered, foreign, or of a newer format.
    """
    as_regular_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            header = _read_header(archive, path)
            arrays = {name: _read_array(archive, name, header, path) for name in header["sha256"]}
    except StateFileError:
        raise
    except Exception as error:  # whatever a damaged zip, header or array may raise
        raise StateFileError(
            f"{path}: not a readable sketch file ({error}); it was truncated or altered, or was "
            "not written by sketch. Restore a damaged file from a copy, or sketch the data again"
        ) from error
    return header, arrays


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a zip with a header of `sketch`, whole or damaged."""
    try:
        as_regular_file(path)  # a pipe would be waited for
        with zipfile.ZipFile(path) as archive:
            return _HEADER in archive.namelist()
    except (StateFileError, OSError, ValueError, zipfile.BadZipFile):
        return False


def _read_header(archive: zipfile.ZipFile, path: object) -> Header:
    names = archive.namelist()
    if _HEADER not in names:
        raise StateFileError(f"{path}: a zip file, but not one written by sketch (no {_HEADER})")
    if len(set(names)) < len(names):
        raise StateFileError(f"{path}: holds two members of one name; it was altered")
    if archive.getinfo(_HEADER).file_size > _MAX_HEADER_BYTES:
        raise StateFileError(f"{path}: its header is larger than {_MAX_HEADER_BYTES} bytes")
    header = opened_header(archive.read(_HEADER), path)
    if not isinstance(header.get("sha256"), dict) or set(names) != {
        _HEADER,
        *(f"{name}.npy" for name in header["sha256"]),
    }:
        raise StateFileError(f"{path}: its arrays are not those that its header names")
    return header


def opened_header(text: str | bytes, path: object) -> Header:
    """Return the header that a text is, without its checksum.

    Raises
    ------
    StateFileError
        If it is not one of ours, was altered, or comes from a newer version.
    """
    header = json.loads(text, object_pairs_hook=_without_duplicates)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise StateFileError(f"{path}: its header is not one written by sketch")
    version = header["format_version"]
    if not isinstance(version, int) or version < 1:
        raise StateFileError(f"{path}: {version!r} is no format version; the file was altered")
    if version > FORMAT_VERSION:
        raise StateFileError(
            f"{path}: written in format {version}, this installation reads up to "
            f"{FORMAT_VERSION}; upgrade sketch"
        )
    seal = header.pop(_SEAL, None)
    if (seal is None) != (version == 1) or seal not in (None, _seal(header)):
        raise StateFileError(
            f"{path}: the checksum of its header does not match; the file is damaged or was altered"
        )
    return header


def marked(header: Header) -> Header:
    """Return a header that says what wrote it."""
    return {**header, "format": FORMAT, "format_version": FORMAT_VERSION}


def sealed(header: Header) -> Header:
    """Return a header with the checksum of all its fields."""
    return {**header, _SEAL: _seal(header)}


def _seal(header: Header) -> str:
    """Return the checksum of a header."""
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()


def _without_duplicates(pairs: list[tuple[str, object]]) -> Header:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field of the header is given twice")
    return fields


def _read_array(archive: zipfile.ZipFile, name: str, header: Header, path: object) -> Values:
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise StateFileError(f"{path}: array {name!r} is compressed; sketch never writes that")
    with archive.open(member) as file:
        _check_size(file, member.file_size)
    with archive.open(member) as file:
        hashed = _Hashed(file)
        array = np.lib.format.read_array(hashed, allow_pickle=False)
    if hashed.digest.hexdigest() != header["sha256"][name]:
        raise StateFileError(
            f"{path}: the checksum of {name!r} does not match; the file is damaged"
        )
    return np.asarray(array)


def _check_size(file: IO[bytes], size: int) -> None:
    """Compare what an array claims to hold with the bytes that are there, before it is made."""
    if np.lib.format.read_magic(file) == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    if dtype.kind not in "biufcUMm" or math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"an array of shape {shape} and dtype {dtype} in {size} bytes")


def _write_array(archive: zipfile.ZipFile, name: str, array: Values) -> str:
    """Stream one array into the archive and return the checksum of its bytes."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        hashed = _Hashed(file)
        np.lib.format.write_array(hashed, array, allow_pickle=False)
    return hashed.digest.hexdigest()


class _Draft(zipfile.ZipFile):
    """An archive that is closed only when it is whole; one that is not is thrown away as it is."""

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.close()

    def __del__(self) -> None:
        """Leave the file alone: closing would raise where an array was not written to its end."""


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
