"""What ``import sketch`` costs."""

from __future__ import annotations


def timeraw_import():
    return "import sketch"


def timeraw_numpy_alone():
    return "import numpy"
