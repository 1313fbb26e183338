"""Open a file that a sketch or a result was saved to."""

from __future__ import annotations

import os
from typing import Any

from .. import _archive
from ..errors import SketchError, StateFileError
from ..results import LowRank
from ..sketches import HMT, GeneralizedNystrom

_KINDS: dict[str, Any] = {cls.__name__: cls for cls in (LowRank, GeneralizedNystrom, HMT)}


def load(path: str | os.PathLike[str]) -> Any:
    """Return the sketch or the result that was saved to a file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    GeneralizedNystrom, HMT or LowRank
        A sketch goes on where it was saved.

    Raises
    ------
    StateFileError
        If the file is missing, damaged or foreign, or was written by an installation that draws
        other test matrices.

    Examples
    --------
    >>> import os, tempfile, numpy as np, sketch
    >>> sk = sketch.GeneralizedNystrom((20, 10), rank=2)
    >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
    >>> sk.save(path)
    >>> sketch.load(path).spec == sk.spec
    True
    """
    header, arrays = _archive.read(path)
    kind = header.get("kind")
    if kind not in _KINDS:
        raise StateFileError(
            f"{path}: holds a {kind!r}, which this installation does not know; upgrade sketch"
        )
    try:
        return _KINDS[kind].from_archive(header, arrays)
    except StateFileError:
        raise
    except (SketchError, KeyError, TypeError, ValueError, IndexError) as error:
        raise StateFileError(f"{path}: inconsistent header or arrays ({error!r})") from error
