"""Open a file that a sketch or a result was saved to."""

from __future__ import annotations

import os
from typing import Any

from ..backend.array import Device, moved, place
from ..errors import StateFileError
from ..files import archive
from ..files.paths import as_path
from ..formats import TensorTrain, restored, split_labels
from ..results import Completed, ErrorEstimate, LowRank, PrincipalComponents
from ..sketches import Sketch
from ._exchange import is_exchange, read_exchange
from ._schema import check_fields

_CLASSES: tuple[Any, ...] = (LowRank, PrincipalComponents, Completed, *Sketch.kinds.values())
_KINDS: dict[str, Any] = {cls.__name__: cls.from_archive for cls in _CLASSES}


def _load_train(header: archive.Header, arrays: archive.Arrays) -> TensorTrain:
    stored = header["error"]
    error = None if stored is None else ErrorEstimate.from_header(stored)
    return TensorTrain.from_archive(header, arrays, error)


_KINDS["TensorTrain"] = _load_train


def is_saved(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it holds a sketch or a result, be it whole or damaged."""
    path = as_path(path)
    return archive.is_ours(path) or is_exchange(path)


def load(path: str | os.PathLike[str], *, device: Device = None) -> Any:
    """Return the sketch or the result that was saved to a file.

    Parameters
    ----------
    path : path-like
    device : str or array, optional
        Where to put it: ``"gpu"``, ``"gpu:1"``, or an array that lives there.

    Returns
    -------
    GeneralizedNystrom, GramNystrom, Nystrom, HMT, STTA, OTTS, TTHMT, Completion, SlidingWindow
    LowRank, PrincipalComponents, Completed or TensorTrain
        A sketch goes on where it was saved.

    Raises
    ------
    StateFileError
        If the file is missing, damaged or foreign, or was written by an installation that draws
        other test matrices.

    Notes
    -----
    The file is read once and all its numbers verified by checksums; nothing in it is executed.
    Results are also read from the formats that `sketch convert` writes: ``.h5``, ``.mat``, ``.nc``
    and ``.zarr``.

    References
    ----------
    .. [1] R. Kern, "NEP 1: a simple file format for NumPy arrays", 2007: the arrays in the file,
       https://numpy.org/neps/nep-0001-npy-format.html.

    Examples
    --------
    >>> import os, tempfile, numpy as np, sketch
    >>> sk = sketch.GeneralizedNystrom((20, 10), rank=2)
    >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
    >>> sk.save(path)
    >>> sketch.load(path).spec == sk.spec
    True
    """
    path, home = as_path(path), place(device)
    header, stored = read_exchange(path) or archive.read(path)
    kind = header.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise StateFileError(
            f"{path}: holds a {kind!r}, which this installation does not know; upgrade sketch"
        )
    try:
        check_fields(path, header, stored)
        axes, numbers = split_labels(header, stored)
        arrays: dict[str, Any] = dict(numbers)
        if home is not None:
            arrays = {name: moved(values, home) for name, values in arrays.items()}
        if kind in Sketch.kinds:
            held = _KINDS[kind](header, arrays, axes)
        else:
            held = restored(_KINDS[kind](header, arrays), header, axes)
        archive.check_against(path, header, stored, held)
    except StateFileError as error:
        named = str(error).startswith(str(path))
        raise StateFileError(str(error) if named else f"{path}: {error}") from error
    except Exception as error:  # whatever values that do not fit may raise
        raise StateFileError(f"{path}: inconsistent header or arrays ({error!r})") from error
    if isinstance(held, Sketch):
        held.settle(home)
    return held
