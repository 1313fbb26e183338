"""Paths as data: a layer above knows files and says here how they are opened."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ..formats import Axes
from ._base import MatrixSource
from ._tensor_base import TensorSource


class OpenedData(ABC):
    """Data in an open file, which are a matrix or a tensor as they are asked for.

    Attributes
    ----------
    data : object
        What is sliced, or multiplied as it is.
    """

    data: Any

    @abstractmethod
    def matrix_source(self) -> MatrixSource:
        """Return the matrix of the first axis against all others.

        Returns
        -------
        MatrixSource
            As methods multiply it.

        Examples
        --------
        >>> import os, tempfile, numpy as np, sketch
        >>> path = os.path.join(tempfile.mkdtemp(), "data.npy")
        >>> np.save(path, np.ones((6, 4, 2)))
        >>> data = sketch.open(path)
        >>> data.matrix_source().shape, data.tensor_source().shape
        ((6, 8), (6, 4, 2))
        """

    @abstractmethod
    def tensor_source(self) -> TensorSource:
        """Return the tensor of all axes.

        Returns
        -------
        TensorSource
            As methods contract it.
        """

    @abstractmethod
    def axes(self) -> Axes | None:
        """Return the axes by their names and labels, None where the file has none.

        Returns
        -------
        Axes or None
        """


_OPENERS: list[Callable[..., OpenedData]] = []


def open_paths_by(opener: Callable[..., OpenedData]) -> None:
    """Let every call that takes data take paths too."""
    _OPENERS[:] = [opener]


def opened(x: object, **options: object) -> object:
    """Return what a path or a list of paths means; anything else as it is."""
    return _OPENERS[0](x, **options) if _OPENERS and is_path(x) else x


def is_path(x: object) -> bool:
    """Whether `x` is a path or a list of paths."""
    if isinstance(x, list | tuple):
        return bool(x) and all(isinstance(one, str | os.PathLike) for one in x)
    return isinstance(x, str | os.PathLike)
