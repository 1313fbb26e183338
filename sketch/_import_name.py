"""Another distribution that installs an import package of our name, over our files."""

from __future__ import annotations

import os
import warnings

OURS = "sketch-lowrank"


def warn_of_rival(package: str) -> None:
    """Warn where the distribution called `sketch` is installed beside a package.

    A glance at the names in one folder: metadata are not read.
    """
    if advice := _advice(package):
        from .errors import SketchWarning

        warnings.warn(advice, SketchWarning, stacklevel=3)


def explain(error: ImportError, package: str) -> None:
    """Add the reason to the error of an import that failed, where it is a rival's files."""
    if advice := _advice(package):
        error.add_note(advice)


def _advice(package: str) -> str | None:
    """Return what to do about a rival, None where there is none."""
    try:
        names = os.listdir(os.path.dirname(os.path.dirname(os.path.abspath(package))))
    except OSError:  # in an archive
        return None
    for name in names:
        if name.lower().startswith("sketch-") and name.endswith((".dist-info", ".egg-info")):
            return (
                f"the distribution {name.rpartition('.')[0]} installs a package `sketch` too, and "
                "each overwrites files of the other; remove both and install one: pip uninstall "
                f"sketch {OURS}; pip install {OURS}"
            )
    return None
