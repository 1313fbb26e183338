"""Exceptions and warnings: each is a `SketchError` and the built-in error that fits."""

from __future__ import annotations

import sys
import warnings


class SketchError(Exception):
    """Base class of all errors raised by `sketch`."""


class ShapeError(SketchError, ValueError):
    """A shape, an offset or an index does not fit."""


class RankError(SketchError, ValueError):
    """A rank or a sketch size is not possible."""


class ToleranceError(SketchError, ValueError):
    """A tolerance that no result could be measured by."""


class DtypeError(SketchError, TypeError):
    """Data of a kind that cannot be computed with."""


class ArgumentError(SketchError, ValueError):
    """An argument of another kind or value than is expected."""


class OptionError(SketchError, TypeError):
    """An option that is not known, or that would do nothing."""


class NonFiniteError(SketchError, ValueError):
    """Data contain NaN, infinity or missing values, or products of them overflow."""


class EvaluationError(SketchError, RuntimeError):
    """A function that was to be approximated raised an error."""


class NotSemidefiniteError(SketchError, ValueError):
    """Data that were said to be positive semidefinite are not."""


class IncompatibleSketchError(SketchError, ValueError):
    """Two sketches do not share the same test matrices and cannot be combined."""


class DeviceError(SketchError, RuntimeError):
    """A device was asked for that is not there, or whose library is not installed."""


class MemoryBudgetError(SketchError, MemoryError):
    """A memory budget does not suffice for a sketch of the size that was asked for."""


class PassError(SketchError, RuntimeError):
    """A multi-pass sketch was used out of turn."""


class StateFileError(SketchError, OSError):
    """A file is damaged, foreign, or was written by an incompatible installation."""


class SketchWarning(UserWarning):
    """Base class of all warnings issued by `sketch`."""


class ToleranceWarning(SketchWarning):
    """The requested tolerance was not reached with the sketch at hand."""


class SpectrumWarning(SketchWarning):
    """The spectrum falls too steeply for the method: its smallest values are rounding errors."""


class SeedWarning(SketchWarning):
    """Data depend on the test matrices that they are sketched with."""


class PlacementWarning(SketchWarning):
    """Chunks that are placed by a number lie on top of each other."""


class UnseenWarning(SketchWarning):
    """Some indices have no known entry, so that nothing can be said of what is there."""


class AccuracyWarning(SketchWarning):
    """The result is estimated to be further from the data than zero is."""


def warn(message: str, category: type[SketchWarning]) -> None:
    """Warn at the line outside of the package that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_ours(frame.f_globals):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_ours(module_globals: dict[str, object]) -> bool:
    name = str(module_globals.get("__name__", ""))
    return name.partition(".")[0] == __name__.partition(".")[0]
