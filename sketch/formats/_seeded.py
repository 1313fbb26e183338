"""What results have in common: where they come from, which all that is made of them knows too."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self, TypeVar

from ..files import archive
from ._axes import Axes, with_axes
from ._saved import kept_labels

Cls = TypeVar("Cls", bound=type)
Result = TypeVar("Result")


class Seeded:
    """A result of a sketch, or what was made of one.

    Attributes
    ----------
    seeds : tuple of int
        The seeds of all sketches that it depends on, that of the last one at the end.
    n_passes : int
        How often the data were read for it; of what was made of several results, the most. 0 where
        it does not come from a sketch.
    n_evaluations : int
        How many entries of a function were asked for; 0 where it does not come from a function.
    """

    seeds: tuple[int, ...] = ()
    n_passes: int = 0
    n_evaluations: int = 0
    _axes: Axes | None = None
    _keeps_rows: ClassVar[bool] = True  # whether labels of the rows belong to the result

    @property
    def seed(self) -> int | None:
        """The seed of the sketch that it comes from, None where there was none."""
        return self.seeds[-1] if self.seeds else None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file for `sketch.load`; `numpy.load` reads its arrays too.

        Parameters
        ----------
        path : path-like
            A file that is there is replaced, whole or not at all.

        Raises
        ------
        StateFileError
            If the path names something else than a regular file.
        """
        header: archive.Header = {
            "kind": type(self).__name__,
            "seeds": self.seeds,
            "n_passes": self.n_passes,
        }
        own, arrays = self._archived()
        axes = self._axes
        if axes is not None:
            about, labels = kept_labels(axes, axes.dims if self._keeps_rows else axes.columns)
            header, arrays = header | about, {**arrays, **labels}
        archive.write(path, header | own, arrays)

    def _archived(self) -> tuple[archive.Header, archive.Arrays]:
        """Return what a file holds of the result itself."""
        raise NotImplementedError

    @classmethod
    def from_archive(cls, header: archive.Header, arrays: archive.Arrays) -> Self:
        """Rebuild a result from what `save` wrote.

        Parameters
        ----------
        header : dict
            What the file says besides arrays.
        arrays : dict of array

        Returns
        -------
        LowRank, PrincipalComponents, Completed or TensorTrain

        Raises
        ------
        KeyError, ValueError
            If the file lacks something, or what it holds does not fit; `sketch.load` says which.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sketch.TensorTrain.from_archive({}, {"core_0": np.ones((1, 3, 1))}).shape
        (3,)
        """
        raise NotImplementedError


def restored(result: Result, header: archive.Header, axes: Axes | None) -> Result:
    """Return a result that was rebuilt with what every file of one says besides."""
    with_seeds(result, header.get("seeds", ()))
    with_passes(result, header.get("n_passes", 0))
    with_evaluations(result, header.get("n_evaluations", 0))
    return with_axes(result, axes)


def with_seeds(result: Result, *seeds: Iterable[int]) -> Result:
    """Return a result that is new, with its seeds, each once and the last ones last."""
    joined = [seed for some in seeds for seed in some]
    last = {seed: place for place, seed in enumerate(joined)}
    object.__setattr__(result, "seeds", tuple(sorted(last, key=last.__getitem__)))
    return result


def with_passes(result: Result, n_passes: int) -> Result:
    """Return a result that is new, with the readings of the data that it took."""
    object.__setattr__(result, "n_passes", n_passes)
    return result


def with_evaluations(result: Result, n_evaluations: int) -> Result:
    """Return a result that is new, with the evaluations of a function that it took."""
    object.__setattr__(result, "n_evaluations", n_evaluations)
    return result


def carrying_seeds(*names: str) -> Callable[[Cls], Cls]:
    """Return a class decorator: what the named methods return has what their operands come from."""

    def decorate(cls: Cls) -> Cls:
        for name in names:
            method = vars(cls)[name]
            if isinstance(method, property):
                assert method.fget is not None
                setattr(cls, name, property(_carrying(method.fget), doc=method.__doc__))
            else:
                setattr(cls, name, _carrying(method))
        return cls

    return decorate


def _is_like(x: Any, y: Any) -> bool:
    return tuple(x.shape) == tuple(y.shape)


def _carrying(method: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(method)
    def wrapped(*operands: object, **options: object) -> object:
        result = method(*operands, **options)
        if isinstance(result, Seeded):
            known = [x for x in operands if isinstance(x, Seeded)]
            with_seeds(result, *(x.seeds for x in known))
            with_passes(result, max((x.n_passes for x in known), default=0))
            axes = {id(x._axes): x._axes for x in known if x._axes is not None}
            if len(axes) == 1 and result._axes is None and _is_like(result, known[0]):
                with_axes(result, *axes.values())
            with_evaluations(result, max((x.n_evaluations for x in known), default=0))
        return result

    return wrapped
