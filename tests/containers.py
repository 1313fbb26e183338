"""Containers of many libraries, small stand-ins among them, and the dense array that each holds."""

from __future__ import annotations

import io
import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import sketch

SHAPE = (14, 9)
STEP = 0.25  # of packed numbers: a power of two, so that they are exact


def values(seed=0):
    """Return a matrix of rank 3 whose entries are multiples of the step, zeros among them."""
    rng = np.random.default_rng(seed)
    left, right = rng.integers(-3, 4, (SHAPE[0], 3)), rng.integers(-2, 3, (3, SHAPE[1]))
    return STEP * (left @ right).astype(float)


class Subclass(np.ndarray):
    """A subclass as libraries make them for views with a few attributes more."""


class Quantity(np.ndarray):
    """A subclass whose numbers have a unit."""

    unit = "km"


class Packed:
    """A stored variable: nothing but slices and attributes."""

    def __init__(self, a, **attrs):
        self._a, self.attrs = a, attrs
        self.shape, self.ndim, self.dtype = a.shape, a.ndim, a.dtype

    def __getitem__(self, window):
        return self._a[window]


class SelfMasking(Packed):
    """A stored variable whose slices are masked arrays."""

    def __getitem__(self, window):
        return np.ma.masked_equal(self._a[window], -99)


class Short(Packed):
    """A stored variable whose slices are not what was asked for."""

    def __getitem__(self, window):
        return self._a[window][:-1]


class Record:
    """An object with attributes and nothing else."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def counts(a):
    """Return the numbers as int16 that `STEP` and an offset of 10 decode."""
    return np.round((a - 10) / STEP).astype("i2")


NUMBERS = itertools.count()
SCALING = {"scale_factor": STEP, "add_offset": 10.0}


def dask_of(a, make=lambda block: block):
    da = pytest.importorskip("dask.array")
    return da.from_array(a, chunks=(5, 4)).map_blocks(make, dtype=a.dtype)


def netcdf(a, decode=True):
    netcdf4 = pytest.importorskip("netCDF4")
    file = netcdf4.Dataset(f"{next(NUMBERS)}.nc", "w", diskless=True, persist=False)
    file.createDimension("t", a.shape[0])
    file.createDimension("x", a.shape[1])
    variable = file.createVariable("v", "i2", ("t", "x"), fill_value=-32767)
    variable.scale_factor, variable.add_offset = STEP, 10.0
    variable[:] = np.ma.masked_array(np.nan_to_num(a), np.isnan(a))
    variable.set_auto_maskandscale(decode)
    return _Kept(file, variable).variable


class _Kept:
    """Files that must stay open until the tests end."""

    files: tuple = ()

    def __init__(self, file, variable):
        _Kept.files = (*_Kept.files, file)
        self.variable = variable


def scipy_netcdf(a):
    from scipy.io import netcdf_file

    buffer = io.BytesIO()
    file = netcdf_file(buffer, "w")
    file.createDimension("t", a.shape[0])
    file.createDimension("x", a.shape[1])
    variable = file.createVariable("v", "h", ("t", "x"))
    variable.scale_factor, variable.add_offset = STEP, 10.0
    variable._FillValue = np.int16(-32767)
    variable[:] = np.where(np.isnan(a), -32767, counts(np.nan_to_num(a)))
    return _Kept(file, variable).variable


def hdf5(a, **attributes):
    h5py = pytest.importorskip("h5py")
    file = h5py.File(f"{next(NUMBERS)}.h5", "w", driver="core", backing_store=False)
    dataset = file.create_dataset("v", data=a)
    dataset.attrs.update(attributes)
    return _Kept(file, dataset).variable


def zarr(a, zarr_format=3, **options):
    library = pytest.importorskip("zarr")
    attributes = options.pop("attributes", {})
    array = library.create_array({}, data=a, zarr_format=zarr_format, **options)
    array.attrs.update(attributes)
    return array


def labelled(a, **attributes):
    return pytest.importorskip("xarray").DataArray(a, dims=("t", "x"), attrs=attributes)


def pydata(a, kind="coo", fill=0.0):
    sparse = pytest.importorskip("sparse")
    coo = sparse.COO.from_numpy(a, fill_value=fill)
    return coo.asformat(kind)


def torch_of(a, change=lambda x: x):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():  # that compressed rows are new to the library
        warnings.simplefilter("ignore", UserWarning)
        return change(torch.asarray(a.copy()))


def jax_of(a):
    return pytest.importorskip("jax.numpy").asarray(a)


def frame(a, library="pandas"):
    return pytest.importorskip(library).DataFrame(a)


def annotated(a):
    return pytest.importorskip("anndata").AnnData(a)


def repeated(a, dtype="i1", kind="coo"):
    """Return small integers as sums of repeated cells that wrap where they are added as bytes."""
    whole = (a / STEP).astype(int)
    rows, cols = np.indices(a.shape).reshape(2, -1)
    parts = [np.full(a.size, 100), np.full(a.size, 100), whole.ravel() - 73, np.full(a.size, -127)]
    data = np.concatenate(parts).astype(dtype)
    coo = sp.coo_array((data, (np.tile(rows, 4), np.tile(cols, 4))), shape=a.shape)
    if kind == "coo":
        return coo
    order = np.lexsort((coo.col, coo.row) if kind == "csr" else (coo.row, coo.col))
    major = (coo.row if kind == "csr" else coo.col)[order]
    minor = (coo.col if kind == "csr" else coo.row)[order]
    size = a.shape[0] if kind == "csr" else a.shape[1]
    starts = np.searchsorted(major, np.arange(size + 1))
    make = sp.csr_array if kind == "csr" else sp.csc_array
    return make((data[order], minor, starts), shape=a.shape)


# name: from an array of `values` to the container; all of them hold the array itself
EQUAL = {
    "masked, nothing masked": lambda a: np.ma.masked_array(a, mask=False),
    "masked, no mask": np.ma.masked_array,
    "masked integers": lambda a: STEP * np.ma.masked_array((a / STEP).astype("i2")),
    "masked big-endian": lambda a: np.ma.masked_array(a.astype(">f8"), mask=np.zeros(a.shape)),
    "masked Fortran": lambda a: np.ma.masked_array(np.asfortranarray(a)),
    "masked chunks": lambda a: [np.ma.masked_array(a[:5]), np.ma.masked_array(a[5:])],
    "matrix": lambda a: a.view(np.matrix),
    "subclass": lambda a: a.view(Subclass),
    "recarray": lambda a: a.view(np.recarray),
    "rows": lambda a: list(np.ma.masked_array(a)),
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "self-masking": SelfMasking,
    "dask masked": lambda a: dask_of(a, np.ma.masked_array),
    "packed": lambda a: Packed(counts(a), **SCALING),
    "packed big-endian": lambda a: Packed(counts(a).astype(">i2"), **SCALING, _FillValue=-999),
    "packed unsigned": lambda a: Packed(
        ((a + 40) / STEP).astype("u1").view("i1"),
        scale_factor=STEP,
        add_offset=-40.0,
        _Unsigned="true",
        _FillValue=np.int8(-1),
    ),
    "packed singles": lambda a: Packed(a.astype("f4") * 4, scale_factor=np.float64(0.25)),
    "filled": lambda a: Packed(a, _FillValue=1e20, missing_value=[-1e30, 9e9], valid_max=1e10),
    "hdf5 packed": lambda a: hdf5(counts(a), **SCALING),
    "zarr packed": lambda a: zarr(counts(a), attributes=SCALING),
    "zarr filled": lambda a: zarr(
        a, zarr_format=2, fill_value=1e20, attributes={"_ARRAY_DIMENSIONS": ["t", "x"]}
    ),
    "zarr coded fill": lambda a: zarr(a, attributes={"_FillValue": "AAAAAAAA+H8="}),
    "netcdf": netcdf,
    "scipy netcdf": scipy_netcdf,
    "labelled": labelled,
    "labelled dask": lambda a: labelled(a).chunk({"t": 5}),
    "labelled packed": lambda a: labelled(counts(a), **SCALING),
    "labelled packed dask": lambda a: labelled(counts(a), **SCALING).chunk({"t": 5}),
    "labelled variable": lambda a: labelled(a).variable,
    "labelled sparse": lambda a: labelled(pydata(a)),
    "coo": pydata,
    "gcxs": lambda a: pydata(a, "gcxs"),
    "dok": lambda a: pydata(a, "dok"),
    "coo filled": lambda a: pydata(a, fill=STEP),
    "gcxs filled": lambda a: pydata(a, "gcxs", fill=-3 * STEP),
    "dok filled": lambda a: pydata(a, "dok", fill=2.0),
    "dask of sparse": lambda a: dask_of(a, lambda block: pydata(block, fill=1.0)),
    "torch": torch_of,
    "torch with gradients": lambda a: torch_of(a, lambda x: x.requires_grad_() * 1.0),
    "torch conjugated": lambda a: torch_of(a + 0j, lambda x: x.conj()),
    "torch coo": lambda a: torch_of(a, lambda x: x.to_sparse()),
    "torch csr": lambda a: torch_of(a, lambda x: x.to_sparse_csr()),
    "torch csc": lambda a: torch_of(a, lambda x: x.to_sparse_csc()),
    "torch rows": lambda a: list(torch_of(a, lambda x: x.requires_grad_())),
    "jax": jax_of,
    "jax chunks": lambda a: [jax_of(a[:5]), jax_of(a[5:])],
    "jax factors": lambda a: sketch.CPTensor(None, [jax_of(a), jax_of(np.eye(a.shape[1]))]),
    "chunks of other dtypes": lambda a: [a[:5].astype(">i4") * 0 + a[:5], a[5:]],
    "cp tuple": lambda a: (None, [a, np.eye(a.shape[1])]),
    "tucker tuple": lambda a: (a, [np.eye(a.shape[0]), np.eye(a.shape[1])]),
    "cp by attributes": lambda a: Record(
        weights=np.ones(a.shape[1]), factors=[a, np.eye(a.shape[1])], shape=a.shape, rank=9
    ),
    "train by attributes": lambda a: Record(cores=[a[None], np.eye(a.shape[1])[:, :, None]]),
    "cp of mixed dtypes": lambda a: sketch.CPTensor(
        STEP * np.ones(9), [(a / STEP).astype("f4"), np.eye(9, dtype="i1")]
    ),
    **{
        f"repeated {dtype} {kind}": lambda a, dtype=dtype, kind=kind: sketch.TensorSum(
            [repeated(a, dtype, kind)], [STEP]
        )
        for dtype in ("i1", "i2")
        for kind in ("coo", "csr", "csc")
    },
}


def hole(a):
    """Return the array with one entry that is to be missing, -99."""
    a = a.copy()
    a[3, 2] = -99
    return a


# name: what makes it of an array, and what the refusal says
REFUSED = {
    "masked": (lambda a: np.ma.masked_equal(hole(a), -99), r"1 of .* index \(3, 2\)"),
    "masked integers": (lambda a: np.ma.masked_equal(hole(a).astype(int), -99), r"\(3, 2\)"),
    "masked swapped": (lambda a: np.ma.masked_equal(hole(a).astype(">f4"), -99), r"\(3, 2\)"),
    "masked chunk": (lambda a: [a, np.ma.masked_equal(hole(a), -99)], "1 of .* masked"),
    "masked rows": (lambda a: list(np.ma.masked_equal(hole(a), -99)), "masked"),
    "masked dask": (
        lambda a: dask_of(hole(a), lambda b: np.ma.masked_equal(b, -99)),
        "1 of .* masked",
    ),
    "masked factor": (lambda a: (None, [np.ma.masked_equal(hole(a), -99), np.eye(9)]), "masked"),
    "self-masking": (lambda a: SelfMasking(hole(a)), r"\(3, 2\)"),
    "unit": (lambda a: a.view(Quantity), "Quantity in km"),
    "records": (lambda a: a.view([("x", "f8", 9)]).view(np.recarray), "dtype|recarray|records"),
    "missing": (lambda a: Packed(hole(a), _FillValue=-99.0), r"\(3, 2\)"),
    "missing integers": (lambda a: Packed(hole(a).astype("i2"), missing_value=-99), r"\(3, 2\)"),
    "out of range": (lambda a: Packed(hole(a), valid_range=[-90.0, 90.0]), r"\(3, 2\)"),
    "odd attribute": (lambda a: Packed(a, scale_factor="a lot"), "scale_factor.*xarray"),
    "missing netcdf": (lambda a: netcdf(np.where(hole(a) == -99, np.nan, a)), r"\(3, 2\)"),
    "missing scipy": (lambda a: scipy_netcdf(np.where(hole(a) == -99, np.nan, a)), r"\(3, 2\)"),
    "missing hdf5": (lambda a: hdf5(hole(a), _FillValue=-99.0), r"\(3, 2\)"),
    "missing zarr": (
        lambda a: zarr(
            hole(a), zarr_format=2, fill_value=-99, attributes={"_ARRAY_DIMENSIONS": ["t", "x"]}
        ),
        r"\(3, 2\)",
    ),
    "missing labelled": (lambda a: labelled(hole(a), _FillValue=-99.0), r"\(3, 2\)"),
    "labelled nan": (lambda a: labelled(a).where(labelled(a) != 0), "NaN"),
    "fill nan": (lambda a: pydata(a, fill=np.nan), "fill value is nan"),
    "torch meta": (lambda a: torch_of(a, lambda x: x.to("meta")), "meta"),
    "torch hybrid": (lambda a: torch_of(a, lambda x: x.to_sparse(1)), r"to_dense\(\)"),
    "frame": (frame, r"DataFrame; .*\.to_numpy\(\)"),
    "polars": (lambda a: frame(a, "polars"), r"\.to_numpy\(\)"),
    "series": (lambda a: frame(a)[0], r"\.to_numpy\(\)"),
    "annotated": (annotated, r"\.X"),
    "mapping": (lambda a: {"a": a}, r'x\["name"\]'),
    "hdf5 file": (lambda a: hdf5(a).parent, r'x\["name"\]'),
    "netcdf file": (lambda a: netcdf(a).group(), "x.variables"),
    "dataset": (lambda a: labelled(a).to_dataset(name="v"), r'x\["name"\]'),
    "path": (lambda a: "missing.npy", "no such file"),
    "bytes": (lambda a: a.tobytes(), "path of a file"),
    "labels": (lambda a: (a, a[:, 0]), "rows alone"),
    "weights of another length": (lambda a: (np.ones(4), [a, np.eye(9)]), "number of terms"),
    "weights of two axes": (
        lambda a: sketch.CPTensor(np.ones((9, 1)), [a, np.eye(9)]),
        "number of terms",
    ),
    "projections": (
        lambda a: Record(weights=None, factors=[a, np.eye(9)], projections=[np.eye(14)]),
        "projections",
    ),
    "scale": (lambda a: Record(cores=[a[None], np.eye(9)[:, :, None]], exponent=2.5), "exponent"),
    "another shape": (
        lambda a: Record(weights=None, factors=[a, np.eye(9)], shape=(9, 14)),
        r"\(9, 14\)",
    ),
    "cores of four axes": (lambda a: Record(cores=[a[None, :, :, None]] * 2), "axes"),
    "ring": (lambda a: Record(cores=[np.ones((2, 14, 3)), np.ones((3, 9, 2))]), "cores must fit"),
    "file": (lambda a: io.StringIO("1 2"), "path of the file"),
    "netcdf told not to decode": (lambda a: netcdf(a, decode=False), "set_auto_maskandscale"),
    "names alone": (lambda a: Record(cores=4, weights="heavy", factors=[1, 2]), "cannot sketch"),
    "factors of its own": (
        lambda a: Record(matrix_factors=lambda: (a, np.eye(9)), shape=a.shape),
        "cannot sketch",
    ),
    "pieces of its own": (
        lambda a: Record(pieces=lambda limit=None: [], nnz=3, shape=a.shape),
        "cannot sketch",
    ),
    "broken slices": (lambda a: Short(a), "slice"),
}
