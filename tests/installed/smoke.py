"""What must work where the package is installed with what it depends on, and nothing else."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy as np
import scipy.sparse as sp

import sketch

OPTIONAL = ("dask", "h5py", "matplotlib", "numba", "pandas", "sklearn", "xarray", "zarr")


def main() -> None:
    """Use every part of the library once, and see that what is missing is named."""
    here = os.path.realpath(sketch.__file__)
    assert here.startswith(os.path.realpath(sys.prefix)), f"{here} is not what was installed"
    assert importlib.metadata.version("sketch-lowrank") == sketch.__version__
    assert os.path.exists(os.path.join(os.path.dirname(here), "py.typed"))
    assert not any(importlib.util.find_spec(name) for name in OPTIONAL), "not an empty environment"
    rng = np.random.default_rng(0)
    a = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 80))
    t = np.fromfunction(lambda i, j, k: 1 / (1 + i + j + k), (8, 9, 10))
    for method in ("hmt", "nystrom", "krylov"):
        assert np.allclose(sketch.svd(a, 4, method=method).to_array(), a)
    assert np.allclose(sketch.svd(sp.csr_array(a), 4).to_array(), a)
    assert sketch.pca(a, 2).components.shape == (2, 80)
    for method in ("stta", "otts", "tt-hmt", "tt-svd"):
        assert np.allclose(sketch.tensor_train(t, 5, method=method).to_array(), t, atol=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        sk = sketch.GeneralizedNystrom(a.shape, 4)
        sk.update(a)
        sk.save(os.path.join(folder, "state.npz"))
        assert sketch.load(os.path.join(folder, "state.npz")).spec == sk.spec
        run_the_command(folder, a)
        assert "needs h5py; pip install" in refusal(lambda: make_and_open(f"{folder}/a.h5"))
    assert "matplotlib" in refusal(sketch.svd(a, 2).plot)
    assert "xarray" in refusal(sketch.svd(a, 2).to_xarray)
    print(f"sketch {sketch.__version__}, Python {sys.version.split()[0]}, NumPy {np.__version__}")


def run_the_command(folder: str, a: np.ndarray) -> None:
    """Run the command line on a file."""
    np.save(os.path.join(folder, "a.npy"), a)
    command = [os.path.join(os.path.dirname(sys.executable), "sketch"), "svd", "a.npy"]
    done = subprocess.run(
        [*command, "--rank", "4", "--json"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert '"rank": 4' in done.stdout


def make_and_open(path: str) -> None:
    """Open a file that begins like HDF5."""
    with open(path, "wb") as file:
        file.write(b"\x89HDF\r\n\x1a\n" + bytes(100))
    sketch.open(path)


def refusal(call) -> str:
    """Return what a call is refused with."""
    try:
        call()
    except sketch.SketchError as error:
        return str(error)
    raise AssertionError(f"{call} was not refused")


if __name__ == "__main__":
    main()
