"""How fast files are read: the blocks that a sketch reads, beside the bare library on the same.

``python3 dev bench reading [FORMAT...] [--scale X]`` prints a Markdown table: megabytes in memory
for each second of the processor, all threads together; their ratio, where 1 is as fast as the
library alone; and the most memory that a sketch of the file took beside the process. Plain text,
which libraries read in threads, is measured by the clock too, and kept for README.md (``text``).
Files lie in the system's cache.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp
from measure import extra_megabytes, installed, machine
from tabled import table

import sketch

RNG = np.random.default_rng(0)
REPEATS = 5
RESULTS = Path(__file__).parent / "results" / "reading.json"


def dense(size):
    """Return rows of measured values, which compress as such do."""
    return RNG.normal(280, 10, (size, 1000)).round(1).astype(np.float32)


def sparse(size):
    return sp.random(size, 20_000, 0.02, "csr", np.float32, rng=RNG)


def hdf5(folder, size, **how):
    import h5py

    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=dense(size), chunks=(1000, 250), **how)

    def bare(windows):
        with h5py.File(path) as file:
            _all(file["x"], windows)

    return path, bare


def hdf5_packed(folder, size):
    return hdf5(folder, size, compression="gzip", compression_opts=1, shuffle=True)


def zarr(folder, size):
    import zarr

    path = str(folder / "a.zarr")
    zarr.create_array(path, data=dense(size), chunks=(1000, 250))
    return path, lambda windows: _all(zarr.open_array(path, mode="r"), windows)


def netcdf(folder, size):
    import h5netcdf

    path = folder / "a.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"time": size, "place": 1000}
        counts = np.round((dense(size) - 280) * 10).astype("i2")
        made = file.create_variable("x", ("time", "place"), data=counts, chunks=(1000, 250))
        made.attrs["scale_factor"], made.attrs["add_offset"] = 0.1, 280.0
        made.attrs["missing_value"] = np.int16(-32768)

    def bare(windows):
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf", cache=False) as data:
            for window in windows:
                data["x"][window].values  # noqa: B018

    return path, bare


def bed(folder, size):
    """Genotypes of a thousand samples; the library alone is a table of four to the byte."""
    samples, variants = 2000, size
    codes = RNG.choice(np.array([0, 2, 3], np.uint8), (variants, samples // 4, 4))
    packed = (codes << np.array([0, 2, 4, 6], np.uint8)).sum(axis=2, dtype=np.uint8)
    (folder / "a.bed").write_bytes(b"\x6c\x1b\x01" + packed.tobytes())
    (folder / "a.fam").write_text("".join(f"f s{i} 0 0 0 0\n" for i in range(samples)))
    (folder / "a.bim").write_text("".join(f"1 v{j} 0 {j} A C\n" for j in range(variants)))
    four = np.array([2, np.nan, 1, 0], np.float32)[(np.arange(256)[:, None] >> [0, 2, 4, 6]) & 3]

    def bare(windows):
        stored = np.memmap(folder / "a.bed", np.uint8, "r", 3, (variants, samples // 4))
        for _, columns in windows:
            four[np.asarray(stored[columns])].reshape(-1, samples)

    return folder / "a.bed", bare


def h5ad(folder, size):
    import anndata
    import h5py

    path = folder / "a.h5ad"
    anndata.AnnData(sparse(size)).write_h5ad(path)

    def bare(windows):
        with h5py.File(path) as file:
            group = file["X"]
            starts = group["indptr"][...]
            for rows, _ in windows:
                cut = slice(int(starts[rows.start]), int(starts[rows.stop]))
                parts = group["data"][cut], group["indices"][cut]
                own = starts[rows.start : rows.stop + 1] - cut.start
                sp.csr_array((*parts, own), shape=(rows.stop - rows.start, 20_000))

    return path, bare


def _all(stored, windows):
    for window in windows:
        stored[window]


CASES = {
    "HDF5": (hdf5, 60_000, ()),
    "HDF5, gzip": (hdf5_packed, 30_000, ()),
    "Zarr": (zarr, 60_000, ()),
    "netCDF 4, packed": (netcdf, 30_000, ("xarray",)),
    "PLINK .bed": (bed, 40_000, ()),
    "AnnData .h5ad": (h5ad, 50_000, ("anndata",)),
}


def blocks(data, size):
    """Return the windows that a sketch reads of dense data, or of rows of sparse data."""
    if data.is_sparse:
        starts = [(at[0], block.shape[0]) for at, block in _sparse_blocks(data, size)]
        return [(slice(row, row + height), slice(None)) for row, height in starts]
    source = data.matrix_source()
    return [
        tuple(slice(a, a + n) for a, n in zip(at, block.shape, strict=True))
        for at, block in source.blocks(size)
    ]


def ours(path, windows, size):
    with sketch.open(path) as data:
        if data.is_sparse:
            for _ in _sparse_blocks(data, size):
                pass
        else:
            _all(data, windows)


def _sparse_blocks(data, size):
    """Return blocks of rows; small matrices are read whole."""
    whole = not hasattr(data.data, "blocks")
    return [((0, 0), data.data)] if whole else data.data.blocks(size)


def in_turn(cases, repeats):
    """Return the median seconds of each case, by the clock and of all processors, run in turn."""
    times = {name: [] for name in cases}
    for repeat in range(repeats + 1):
        for name, case in cases.items():
            start = time.perf_counter(), time.process_time()
            case()
            if repeat:  # the first round warms up
                end = time.perf_counter(), time.process_time()
                times[name].append([b - a for a, b in zip(start, end, strict=True)])
    return {name: np.median(taken, axis=0).tolist() for name, taken in times.items()}


def measured(name, scale):
    """Return a row of the table."""
    write, size, needs = CASES[name]
    missing = [package for package in ("h5py", "zarr", *needs) if installed(package) is None]
    if missing:
        return [name, "", "", "", f"skipped: {', '.join(missing)} not installed"]
    with tempfile.TemporaryDirectory() as folder:
        path, bare = write(Path(folder), int(size * scale))
        limit = 32_000_000
        with sketch.open(path) as data:
            windows = blocks(data, limit)
            stored = data.data.nnz * 8 if data.is_sparse else np.prod(data.shape) * 4
        cases = {"sketch": lambda: ours(path, windows, limit), "bare": lambda: bare(windows)}
        taken = {case: cpu for case, (_, cpu) in in_turn(cases, REPEATS).items()}
        memory = extra_megabytes(lambda: sketch.svd(path, 5, method="nystrom", memory="200MB"))
        rates = {case: stored / 1e6 / taken[case] for case in cases}
        return [name, rates["sketch"], rates["bare"], taken["bare"] / taken["sketch"], memory]


def matrix_market(entries):
    """Return a row: a compressed Matrix Market file in pieces, beside SciPy's reading of all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.mtx.gz")
        index = [RNG.integers(0, n, entries) for n in (200_000, 30_000)]
        matrix = sp.coo_array((RNG.poisson(3, entries) + 1, index), shape=(200_000, 30_000))
        text = io.BytesIO()
        scipy.io.mmwrite(text, matrix)
        path.write_bytes(gzip.compress(text.getvalue(), 1))
        size = len(text.getvalue()) / 1e6

        cases = {
            "sketch": lambda: opened(path),
            "bare": lambda: scipy.io.mmread(path, spmatrix=False),
        }
        taken = {case: cpu for case, (_, cpu) in in_turn(cases, 3).items()}
        extra = extra_megabytes(lambda: opened(path))
    rates = {case: size / taken[case] for case in cases}
    how = "numba" if installed("numba") else "no numba"
    label = f"Matrix Market, gzip, {entries:.0e} entries ({how})"
    return [label, rates["sketch"], rates["bare"], taken["bare"] / taken["sketch"], extra]


def plain_text(scale):
    """Return rows: text of all kinds of numbers, beside libraries that read it whole."""
    rows = matrices("", int(2e6 * scale))
    for size, small in (("0.1 MB", 4_000), ("1 MB", 40_000), ("10 MB", 400_000)):
        rows += matrices(f", {size}", small)
    for name, form, columns in numbers(int(1e6 * scale), 3, ("counts", "17 digits")):
        rows += beside(f".tns, {name}", "", columns, form, table_readers())
    return rows


def matrices(label, entries):
    """Return rows: Matrix Market files, beside SciPy."""
    rows = []
    for name, form, columns in numbers(entries, 2, ("counts", "6 digits", "17 digits", "by SciPy")):
        field = "integer" if form == "%d" else "real"
        head = f"%%MatrixMarket matrix coordinate {field} general\n200000 30000 {entries}\n"
        rows += beside(f".mtx, {name}{label}", head, columns, form, {"SciPy": whole})
    return rows


def numbers(entries, axes, names):
    """Yield each kind of numbers: its name, how they are written, and indices and values."""
    index = [RNG.integers(1, n + 1, entries) for n in (200_000, 30_000, 400)[:axes]]
    counts, values = RNG.poisson(3, entries) + 1, RNG.standard_normal(entries)
    forms = {"counts": "%d", "6 digits": "%.5e", "17 digits": "%.16e", "by SciPy": "%.15E"}
    for name in names:
        yield name, forms[name], [*index, counts if name == "counts" else values]


def table_readers():
    """Return what reads a table of numbers, where it is installed."""
    found = {"NumPy loadtxt": np.loadtxt}
    if installed("pandas"):
        import pandas as pd

        found["pandas"] = lambda path: pd.read_csv(path, sep=" ", header=None).to_numpy()
    return found


def whole(path):
    return scipy.io.mmread(path, spmatrix=False)


def beside(label, head, columns, form, libraries):
    """Return a row for each library."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a" + label.partition(",")[0])
        line = " ".join(["%d"] * (len(columns) - 1) + [form]) + "\n"
        entries = zip(*(column.tolist() for column in columns), strict=True)
        path.write_text(head + "".join(line % each for each in entries))
        size = path.stat().st_size / 1e6
        cases = {"sketch": lambda: opened(path)} | {
            name: functools.partial(read, path) for name, read in libraries.items()
        }
        taken = in_turn(cases, 3 if size > 20 else 15)
    (wall, cpu) = taken.pop("sketch")
    return [
        [label, size / wall, name, size / w, w / wall, c / cpu] for name, (w, c) in taken.items()
    ]


def opened(path):
    """Read all entries of a file once."""
    with sketch.open(path) as data:
        return sum(piece.nnz for piece in getattr(data.data, "pieces", lambda: [data.data])())


def page():
    """Return the table of plain text, as it was measured last."""
    stored = json.loads(RESULTS.read_text())
    columns = ["file", "MB/s", "beside", "MB/s", "ratio", "ratio of processor time"]
    return f"{stored['machine']}\n\n{table(columns, stored['rows'])}\n"


def main(arguments: list[str]) -> None:
    """Measure all formats, or those that are named."""
    parser = argparse.ArgumentParser(prog="reading", description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes of the files")
    options = parser.parse_args(arguments)
    rows = [
        measured(name, options.scale)
        for name in CASES
        if not options.formats or any(part in name for part in options.formats)
    ]
    if not options.formats or "mtx" in options.formats:
        rows.append(matrix_market(int(2e7 * options.scale)))
    if options.formats in ([], ["text"]):
        stored = {"machine": machine(), "rows": plain_text(options.scale)}
        RESULTS.write_text(json.dumps(stored, indent=1) + "\n")
        print(page())
    if not rows:
        return
    print(machine(), "\n")
    print(table(["format", "MB/s", "library alone", "ratio", "MB of memory"], rows))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
