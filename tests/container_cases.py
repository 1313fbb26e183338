"""Containers by name: those that hold an array, and those that are to be refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.sparse as sp
from containers import (
    SCALING,
    STEP,
    Packed,
    Quantity,
    Record,
    SelfMasking,
    Short,
    Slotted,
    Subclass,
    annotated,
    counts,
    dask_of,
    frame,
    hdf5,
    jax_of,
    labelled,
    netcdf,
    pydata,
    repeated,
    scipy_netcdf,
    sparse_frame,
    torch_of,
    torch_without,
    zarr,
)

import sketch

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
    "coo, big-endian": lambda a: pydata(a.astype(">f8")),
    "coo filled": lambda a: pydata(a, fill=STEP),
    "gcxs filled": lambda a: pydata(a, "gcxs", fill=-3 * STEP),
    "dok filled": lambda a: pydata(a, "dok", fill=2.0),
    "dask of sparse": lambda a: dask_of(a, lambda block: pydata(block, fill=1.0)),
    "dask of torch": lambda a: dask_of(a).map_blocks(torch_of),
    **{
        f"dask of {kind}": lambda a, kind=kind: dask_of(a, getattr(sp, f"{kind}_matrix"))
        for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    },
    "rows in tuples": lambda a: tuple(map(tuple, a)),
    "torch, short": lambda a: torch_of(a, lambda x: x.bfloat16()),
    "torch": torch_of,
    "torch with gradients": lambda a: torch_of(a, lambda x: x.requires_grad_() * 1.0),
    "torch conjugated": lambda a: torch_of(a + 0j, lambda x: x.conj()),
    "torch coo": lambda a: torch_of(a, lambda x: x.to_sparse()),
    "torch csr": lambda a: torch_of(a, lambda x: x.to_sparse_csr()),
    "torch csc": lambda a: torch_of(a, lambda x: x.to_sparse_csc()),
    "torch rows": lambda a: list(torch_of(a, lambda x: x.requires_grad_())),
    "jax": jax_of,
    "frame": frame,
    "frame of kinds": lambda a: frame(a).astype({0: "f4", 1: "Float64"}),
    "sparse frame": lambda a: frame(a).astype(pytest.importorskip("pandas").SparseDtype("f8", 0.0)),
    "sparse frame filled": lambda a: sparse_frame(a, [STEP] * a.shape[1]),
    "sparse frame of fills": lambda a: sparse_frame(a, np.arange(a.shape[1]) - 4.0),
    "sparse frame, all stored": lambda a: sparse_frame(a, [np.nan] * a.shape[1]),
    "polars": lambda a: frame(a, "polars"),
    "frames as chunks": lambda a: [frame(a[:5]), frame(a[5:])],
    "annotated": annotated,
    "annotated sparse": lambda a: annotated(sp.csr_matrix(a)),
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
    # of several of which the values are stored in another order, or shape, than the coordinates
    **{
        f"scipy {kind}": lambda a, kind=kind: getattr(sp, f"{kind}_array")(a)
        for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    },
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
    "torch fake": (lambda a: torch_without(a, "fake"), "traced"),
    "torch masked": (lambda a: torch_without(a, "masked"), "masked"),
    "torch ragged": (lambda a: torch_without(a, "ragged"), "ragged"),
    "torch hybrid": (lambda a: torch_of(a, lambda x: x.to_sparse(1)), r"to_dense\(\)"),
    "frame with text": (lambda a: frame(a).assign(word="text"), "columns word of a DataFrame"),
    "polars with text": (lambda a: frame(a, "polars").cast({"column_1": str}), "columns column_1"),
    "sparse frame with missing": (
        lambda a: sparse_frame(np.where(a == a[3, 2], np.nan, a), [np.nan] * a.shape[1]),
        "fill value is nan",
    ),
    "frame with missing": (lambda a: frame(hole(a)).replace(-99, np.nan), "NaN"),
    "empty annotated": (lambda a: annotated(None, a.shape), "without X"),
    "series": (lambda a: frame(a)[0], r"\.to_numpy\(\)"),
    "mapping": (lambda a: {"a": a}, r'x\["name"\]'),
    "hdf5 file": (lambda a: hdf5(a).parent, r'x\["name"\]'),
    "netcdf file": (lambda a: netcdf(a).group(), "x.variables"),
    "dataset": (lambda a: labelled(a).to_dataset(name="v"), r'x\["name"\]'),
    "path": (lambda a: "missing.npy", "no such file"),
    "bytes": (lambda a: a.tobytes(), "path of a file"),
    "class": (lambda a: type(a), "the class ndarray"),
    "class of another library": (lambda a: torch_of(a, type), "the class Tensor"),
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
    "scale in a slot": (lambda a: Slotted([a[None], np.eye(9)[:, :, None]], 2.5), "exponent"),
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
