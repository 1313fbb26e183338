"""Files that installed packages ship for their tests: each array, as we open it and as they do.

Prints a Markdown table: how many arrays `sketch.open` reads as the file's own library decodes them,
how many it refuses with a reason, and each one that differs. Run `python benchmarks/real_files.py`.
"""

from __future__ import annotations

import collections
import importlib.util
import re
import sys
import warnings
from pathlib import Path

import numpy as np

import sketch

PACKAGES = ("scipy", "h5py", "zarr", "xarray", "anndata", "netCDF4", "statsmodels", "sklearn")
PACKAGES += ("pandas", "pyarrow", "numpy")


def of_npy(path):
    yield "", lambda: np.load(path)


def of_npz(path):
    with np.load(path) as archive:
        for name in archive.files:
            yield name, lambda name=name: np.load(path)[name]


def of_mat(path):
    import scipy.io

    for name, value in scipy.io.loadmat(path).items():
        if not name.startswith("__"):
            yield name, lambda value=value: value


def of_mtx(path):
    import scipy.io

    yield "", lambda: scipy.io.mmread(path)


def of_netcdf(path):
    import netCDF4

    with netCDF4.Dataset(path) as file:
        for name, variable in file.variables.items():
            values = variable[...]
            yield name, lambda values=values: values


def of_hdf5(path):
    import h5py

    with h5py.File(path) as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        for name in names:
            yield name, lambda name=name: h5py.File(path)[name][...]


def of_csv(path):
    import pandas

    try:
        bare = np.loadtxt(path, delimiter=",", ndmin=2)
    except ValueError:
        first = pandas.read_csv(path, header=None, nrows=1).iloc[0]
        bare = pandas.read_csv(
            path,
            header=None if pandas.api.types.is_numeric_dtype(first) else 0,
            index_col=0 if pandas.isna(first[0]) else None,  # an empty corner, as R writes it
        )
        bare = bare.select_dtypes(["number", "bool"]).to_numpy(float)
    yield "", lambda: bare


def of_parquet(path):
    import pandas

    yield "", lambda: pandas.read_parquet(path).select_dtypes(["number", "bool"]).to_numpy(float)


LIBRARIES = {
    r"npy": of_npy,
    r"npz": of_npz,
    r"mat": of_mat,
    r"mtx(\.gz)?": of_mtx,
    r"nc4?|cdf": of_netcdf,
    r"h5|hdf5|h5ad|loom": of_hdf5,
    r"csv(\.gz)?": of_csv,
    r"parquet": of_parquet,
}


def library_of(path):
    for ending, library in LIBRARIES.items():
        if re.search(rf"\.({ending})$", path.name.lower()):
            return library
    return None


def ours(spec):
    """Return what we read of a file, masked where entries are missing."""
    with sketch.open(spec) as file:
        if file.is_sparse:
            return file.data.toarray()
        zero = sketch.open(spec, missing="zero")
        return np.asarray(zero)


def same(found, true):
    if hasattr(true, "toarray"):
        true = true.toarray()
    if np.ma.asarray(true).dtype.kind not in "biufc":
        return False
    true = np.ma.filled(np.ma.masked_where(np.isnan(np.ma.getdata(true)), true), 0)
    if found.shape != true.shape:
        return False
    return np.allclose(found, true, rtol=1e-6, atol=0, equal_nan=True)


def compared(path, name, theirs):
    """Return what came of one array: same, refused, neither (they cannot read it), or differs."""
    spec = f"{path}::{name}" if name else str(path)
    try:
        found = ours(spec)
    except sketch.SketchError as error:
        reason = str(error).replace(spec, "").replace(str(path), "").strip(": ")
        return "refused", reason
    if theirs is None:
        return "ours alone", ""
    try:
        true = theirs()
    except Exception as error:
        return "ours alone", f"{type(error).__name__}: {error}"
    return ("same", "") if same(found, true) else ("differs", f"{found.shape}")


def main():
    warnings.simplefilter("ignore")
    rows, refusals, differing = [], collections.Counter(), []
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        counts, files = collections.Counter(), 0
        for path in sorted(Path(spec.origin).parent.rglob("*")):
            library = library_of(path) if path.is_file() else None
            if library is None:
                continue
            files += 1
            try:
                arrays = list(library(path))
            except Exception:
                counts["not theirs"] += 1
                arrays = [("", None)]
            for name, theirs in arrays:
                outcome, reason = compared(path, name, theirs)
                counts[outcome] += 1
                if outcome == "refused":
                    refusals[re.sub(r"[0-9('].*", "...", reason)[:70]] += 1
                elif outcome != "same":
                    differing.append(f"{path.name}::{name}: {outcome} {reason}"[:120])
        rows.append((package, files, counts))
    print("| package | files | same | refused | differs |\n|---|---|---|---|---|")
    for package, files, counts in rows:
        cells = (files, counts["same"], counts["refused"], counts["differs"])
        print(f"| {package} | {' | '.join(map(str, cells))} |")
    print("\n| refused because | arrays |\n|---|---|")
    for reason, count in refusals.most_common(25):
        print(f"| {reason} | {count} |")
    for line in differing:
        print(f"\n{line}", file=sys.stderr)


if __name__ == "__main__":
    main()
