"""The public list, light imports, and one place for backends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import sketch

PACKAGE = Path(sketch.__file__).parent


def test_the_public_list_is_complete():
    public = {name for name in vars(sketch) if not name.startswith("_")}
    modules = {path.stem for path in PACKAGE.iterdir()} - {"__init__"}
    assert public - modules == set(sketch.__all__)


def test_importing_pulls_in_no_optional_package():
    code = "import sys, sketch; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    optional = {"cupy", "torch", "dask", "matplotlib", "sklearn", "numba", "h5py", "zarr", "tqdm"}
    assert not optional & set(loaded)
    slow = {
        "scipy.linalg",
        "scipy.sparse",
        "scipy.optimize",
        "scipy.special",
        "scipy.stats",
        "pandas",
        "xarray",
    }
    assert not slow & set(loaded)


def test_backends_are_named_in_one_file():
    named = re.compile(r"\b(cupy|torch|jax|array_api_compat)\b")
    users = {path.name for path in PACKAGE.rglob("*.py") if named.search(path.read_text())}
    assert users == {"array.py"}
