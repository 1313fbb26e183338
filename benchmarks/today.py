"""The parts of today for whichever commit's package: `sketch.bench` of this checkout.

Old commits are measured by the cases of today, whose parts lie in the package. So these are loaded
from the checkout that holds this file, under the name they have, into the package that is measured.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import sketch

PARTS = Path(__file__).resolve().parents[1] / "sketch" / "bench"

if (Path(sketch.__file__).resolve().parent / "bench") != PARTS:
    found = importlib.util.spec_from_file_location("sketch.bench", PARTS / "__init__.py")
    sys.modules["sketch.bench"] = sketch.bench = importlib.util.module_from_spec(found)
    found.loader.exec_module(sketch.bench)
