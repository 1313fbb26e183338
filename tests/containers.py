"""Containers of many libraries, small stand-ins among them, and the dense array that each holds."""

from __future__ import annotations

import io
import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

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


class Slotted:
    """A train with a factor of its own, in an object without a dictionary."""

    __slots__ = ("cores", "exponent")

    def __init__(self, cores, exponent):
        self.cores, self.exponent = cores, exponent


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


def torch_without(a, what):
    """Return a tensor of PyTorch that lacks memory, entries or one shape."""
    torch = pytest.importorskip("torch")
    if what == "ragged":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a prototype
            return torch.nested.nested_tensor([torch_of(a), torch_of(a)[1:]])
    if what == "masked":
        masked = pytest.importorskip("torch.masked")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return masked.masked_tensor(torch_of(a), torch_of(a) > 0)
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        return torch.empty(*a.shape)


def jax_of(a):
    return pytest.importorskip("jax.numpy").asarray(a)


def frame(a, library="pandas"):
    return pytest.importorskip(library).DataFrame(a)


def sparse_frame(a, fills):
    """Return a frame of sparse columns, with a fill value each."""
    pandas = pytest.importorskip("pandas")
    kinds = {key: pandas.SparseDtype("f8", float(fill)) for key, fill in enumerate(fills)}
    return frame(a).astype(kinds)


def annotated(a, shape=None):
    return pytest.importorskip("anndata").AnnData(a, shape=shape)


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


def numbers(rng, shape, dtype):
    x = rng.standard_normal(shape) * (3 if dtype[0] == "i" else 1)
    return (x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


class Again:
    """A collection that can be gone through again, and is no list."""

    def __init__(self, chunks):
        self._chunks = chunks

    def __iter__(self):
        return iter(self._chunks)
