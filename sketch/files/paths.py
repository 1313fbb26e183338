"""Paths: what may be read, what may be replaced, and how a file is replaced at once."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable
from typing import IO

from ..errors import StateFileError

_PARTIAL = re.compile(r"\..*\.(?P<host>[^.]*)\.(?P<pid>[0-9]+)\.[0-9a-f]{8}\.partial")
_LONGEST_NAME = 50  # characters of the final name in that of a partial file


def as_path(path: object) -> str:
    """Return a path, which may be one of bytes, as text.

    Raises
    ------
    StateFileError
        If it is none, or empty.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        step = ""
        if hasattr(path, "read") or hasattr(path, "write"):
            step = "; give its name, since a file is replaced as a whole"
        raise StateFileError(f"expected the path of a file, got {type(path).__name__}{step}")
    text = os.fsdecode(path)
    if not text:
        raise StateFileError("expected the path of a file, got an empty one")
    return text


def split_name(spec: str) -> tuple[str, str]:
    """Return the path and the name in ``PATH::NAME``, where the path may hold ``::`` itself.

    Of the places where it can be cut, the first that leaves the path of something is meant.
    """
    cuts = [found.start() for found in re.finditer("::", spec)]
    for cut in cuts:
        if os.path.exists(spec[:cut]):
            return spec[:cut], spec[cut + 2 :]
    if not cuts or os.path.exists(spec):
        return spec, ""
    return spec[: cuts[0]], spec[cuts[0] + 2 :]


def as_regular_file(path: str | os.PathLike[str]) -> os.stat_result:
    """Return the status of a regular file that can be opened.

    Raises
    ------
    StateFileError
        If there is none, it is a folder, a pipe or a device, or it may not be read.
    """
    status = _status(path)
    if status is None:
        raise StateFileError(f"{path}: no such file")
    if not stat.S_ISREG(status.st_mode):
        raise StateFileError(f"{path}: is a {_kind(status)}, not a regular file")
    if not os.access(path, os.R_OK):
        raise StateFileError(f"{path}: permission denied")
    return status


def try_to_write(path: str | os.PathLike[str]) -> None:
    """Refuse a path that a file could not be written to, before there is anything to write.

    Raises
    ------
    StateFileError
        If the folder is missing or closed, or the path names no regular file.
    """
    _written(path, None)


def replace_by(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None]) -> None:
    """Let a function write a file beside its final place, sync it, and rename it once it is whole.

    A link is followed, so that it stays; a file that is replaced leaves its mode and owner.

    Raises
    ------
    StateFileError
        If the path cannot be written to.
    """
    _written(path, write)


def _written(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None] | None) -> None:
    """Make a new file beside the one that is meant, and remove it unless it was renamed.

    Whatever removes it stands around its making in one frame, twice: an interrupt may come at any
    moment, once, and between a context manager and its block it would come too early for both.
    """
    path = as_path(path)
    status = _status(path)
    target = os.path.realpath(path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise StateFileError(f"{path}: is a {_kind(status)}; give the name of a regular file")
    folder, name = os.path.split(target)
    suffix = f".{_host()}.{os.getpid()}.{secrets.token_hex(4)}.partial"
    partial = os.path.join(folder, f".{name[:_LONGEST_NAME]}{suffix}")
    mode = 0o666 if status is None else stat.S_IMODE(status.st_mode)
    try:
        try:
            with _created(partial, mode, f"{path}: cannot be written") as file:
                if status is not None:
                    _keep(partial, status)
                _remove_leftovers(folder)
                if write is not None:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                    os.replace(partial, target)
        finally:
            _remove(partial)
    finally:
        _remove(partial)


def _remove(path: str) -> None:
    """Remove a file, if it is still there."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def _created(path: str, mode: int, refusal: str) -> IO[bytes]:
    """Open a file that was not there before."""
    try:
        return open(path, "x+b", opener=lambda name, flags: os.open(name, flags, mode))
    except OSError as error:
        folder = os.path.dirname(path)
        raise StateFileError(f"{refusal}, {_reason(error)} (folder {folder})") from error


def _keep(partial: str, status: os.stat_result) -> None:
    """Give a new file the owner and the mode of the one it replaces, as far as we may."""
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(partial, status.st_uid, status.st_gid)
    os.chmod(partial, stat.S_IMODE(status.st_mode))


def _remove_leftovers(folder: str) -> None:
    """Remove what writers on this machine left that were killed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PARTIAL.fullmatch(entry.name)
            if match and match["host"] == _host() and not _is_alive(int(match["pid"])):
                os.unlink(entry.path)


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # where a signal of 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40]


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return what lies behind a path, None where nothing does."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise StateFileError(f"{path!s}: cannot be opened, {_reason(error)}") from error


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOENT:
        return "the folder does not exist"
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error)).lower()


def _kind(status: os.stat_result) -> str:
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "pipe",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
        stat.S_IFSOCK: "socket",
    }
    return kinds.get(stat.S_IFMT(status.st_mode), "special file")
