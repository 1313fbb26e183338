"""What each extra brings, used once where all of them are installed: ``extras.py [NAME...]``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

import sketch

RNG = np.random.default_rng(0)
A = RNG.standard_normal((300, 4)) @ RNG.standard_normal((4, 80))


def fast() -> str:
    """Compiled kernels run where they are asked for."""

    import scipy.sparse as sp

    from sketch.numerics import kernels

    kernels._COMPILE_FROM = 0  # however small the work
    for test_matrix in ("sparse-sign", "sign", "gaussian"):
        assert np.allclose(sketch.svd(sp.csr_array(A), 4, test_matrix=test_matrix).to_array(), A)
    assert "numba" in sys.modules
    return f"Numba {version('numba')}"


def dask() -> str:
    """A Dask array is sketched, on a cluster too."""
    import dask.array as da
    import distributed

    data = da.from_array(A, chunks=(100, 80))
    assert np.allclose(sketch.svd(data, 4).to_array(), A)
    with distributed.Client(processes=False, dashboard_address=None):
        assert np.allclose(sketch.svd(data, 4, seed=3).to_array(), A)
    return f"Dask {version('dask')}"


def files() -> str:
    """Files of each optional kind are written and read."""
    import h5py
    import zarr

    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(f"{folder}/a.h5", "w") as file:
            file["a"] = A
        zarr.save_array(f"{folder}/a.zarr", A)
        np.savetxt(f"{folder}/a.csv", A, delimiter=",")
        for name in ("a.h5", "a.zarr", "a.csv"):
            assert np.allclose(sketch.svd(sketch.open(f"{folder}/{name}"), 4).to_array(), A), name
        result = sketch.svd(A, 4)
        for name in ("r.h5", "r.nc", "r.zarr"):
            result.save(f"{folder}/{name}")
            assert np.allclose(sketch.load(f"{folder}/{name}").to_array(), A), name
    return f"h5py {version('h5py')}, zarr {version('zarr')}, pandas {version('pandas')}"


def plot() -> str:
    """Results draw themselves."""
    sketch.svd(A, 4).plot()
    return f"Matplotlib {version('matplotlib')}"


def sklearn() -> str:
    """The estimators are scikit-learn's."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from sketch.sklearn import SketchPCA, SketchSVD

    assert make_pipeline(StandardScaler(), SketchPCA(2)).fit_transform(A).shape == (300, 2)
    assert np.allclose(SketchSVD(4).fit(A).singular_values_, np.linalg.svd(A)[1][:4])
    return f"scikit-learn {version('scikit-learn')}"


def completion() -> str:
    """The command line prints what shells complete from."""
    command = [
        os.path.join(os.path.dirname(sys.executable), "sketch"),
        "--print-completion",
        "bash",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "tensor" in done.stdout or "svd" in done.stdout
    return f"shtab {version('shtab')}"


EXTRAS: tuple[Callable[[], str], ...] = (fast, dask, files, plot, sklearn, completion)


def main() -> None:
    """Try each, and say which versions they were."""
    os.environ["MPLBACKEND"] = "agg"
    said = [extra() for extra in EXTRAS if not sys.argv[1:] or extra.__name__ in sys.argv[1:]]
    print(", ".join([f"Python {sys.version.split()[0]}, NumPy {np.__version__}", *said]))


if __name__ == "__main__":
    main()
