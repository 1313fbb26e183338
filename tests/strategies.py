"""What the laws run over: sources, test matrices and sketches of matrices, and partitions."""

from __future__ import annotations

import itertools

import numpy as np
import scipy.sparse as sp
from backends import host
from hypothesis import strategies as st
from scipy.sparse.linalg import aslinearoperator

import sketch

SHAPE = (31, 23)
MAPS = [
    sketch.Gaussian(),
    sketch.Sign(),
    sketch.SparseSign(nnz=4),
    sketch.SparseSign(),
    sketch.BlockSign(),
]


def matrix(shape=SHAPE, seed=0, rank=5, noise=1e-3):
    """Return a matrix of some rank plus noise, with zeros so that sparse formats make sense."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    a += noise * rng.standard_normal(shape)
    return a * (rng.random(shape) < 0.6)


def _factored(a):
    return sketch.svd(a, min(a.shape))


def _dask(a):
    import dask.array as da

    return da.from_array(a, chunks=(7, 9))


SOURCES = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "strided view": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    "reversed view": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "big-endian": lambda a: a.astype(">f8"),
    "read-only": lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
    "list": lambda a: a.tolist(),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "lil": sp.lil_array,
    "bsr": sp.bsr_array,
    "spmatrix": sp.csr_matrix,
    "operator": aslinearoperator,
    "dask": _dask,
    "chunks": lambda a: [a[:7], sp.csr_array(a[7:9]), a[9:]],
    "sum": lambda a: sketch.TensorSum(
        [sp.csr_array(a), np.ones(a.shape), np.ones(a.shape)], [1, 2, -2]
    ),
    "factors": _factored,
    "cp": lambda a: sketch.CPTensor(None, [a, np.eye(a.shape[1])]),
    "tucker": lambda a: sketch.TuckerTensor(a, [np.eye(a.shape[0]), np.eye(a.shape[1])]),
    "train": lambda a: sketch.TensorTrain([a[None], np.eye(a.shape[1])[:, :, None]]),
}


def nystrom(shape=SHAPE, **options):
    return sketch.GeneralizedNystrom(shape, 4, **options)


def hmt(shape=SHAPE, **options):
    return sketch.HMT(shape, 4, **options)


def parts(sk):
    """Return the sums of a sketch over whole axes, by name."""
    sums = sk.accumulator.sums()
    return {name: host(sums.whole(name)) for name in sums.state.parts}


def gap(x, y):
    """Return the largest difference of two sketches, relative to the size of each part."""
    assert x.keys() == y.keys()
    return max(np.abs(x[k] - y[k]).max() / max(np.abs(y[k]).max(), 1e-300) for k in y)


@st.composite
def tilings(draw, shape=SHAPE):
    """Return the tiles ``(rows, columns)`` of a partition, in a random order."""
    cuts = []
    for size in shape:
        inner = draw(st.sets(st.integers(1, size - 1), max_size=5))
        edges = [0, *sorted(inner), size]
        cuts.append([slice(a, b) for a, b in itertools.pairwise(edges)])
    tiles = [(rows, cols) for rows in cuts[0] for cols in cuts[1]]
    return draw(st.permutations(tiles))


def row_sums(sk):
    """Return the sums of a Gram-Nyström sketch by name, and about which point they are."""
    scale = 2.0 ** sk.accumulator.state.facts.get("exponent", 0)
    powers = {"gram": 2, "total": 1, "energy": 2, "count": 0}
    sums = {name: part * scale ** powers[name] for name, part in parts(sk).items()}
    return sums, host(sk.accumulator.state.shift) if sums else None
