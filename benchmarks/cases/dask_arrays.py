"""Dask arrays on the threaded scheduler: in memory, from Zarr, drawn when asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import peers

import sketch
from sketch.bench import Method, Work, normal_matrix

from . import places

RANK, ROWS = 20, 1000  # of a chunk


@functools.lru_cache(maxsize=1)
def in_memory(chunks: int, n: int) -> Any:
    import dask.array as da

    return da.from_array(normal_matrix(chunks * ROWS, n), chunks=(ROWS, n))


@functools.lru_cache(maxsize=1)
def from_zarr(chunks: int, n: int) -> Any:
    """Return the same from a Zarr store, compressed as Zarr does by default."""
    import dask.array as da

    path = places.made(f"{chunks}-{n}.zarr")
    if not path.exists():
        da.to_zarr(in_memory(chunks, n), str(path))
    return da.from_zarr(str(path))


def drawn(chunks: int, n: int) -> Any:
    """Return chunks that are drawn anew when asked for: 0.8^i falling to a noise of 1e-7."""
    import dask.array as da

    rng = np.random.default_rng(0)
    right = (0.8 ** np.arange(60))[:, None] * np.linalg.qr(rng.standard_normal((n, 60)))[0].T

    def chunk(block_info: Any = None) -> Any:
        draw = np.random.default_rng(block_info[None]["chunk-location"][0])
        a = draw.standard_normal((ROWS, n))
        a *= 1e-7
        a += draw.standard_normal((ROWS, 60)) @ right
        return a

    return da.map_blocks(chunk, chunks=((ROWS,) * chunks, (n,)), dtype=float, meta=right[:0, :0])


def ours(**options: Any) -> Method:
    """`svd`, with its distributed U computed."""

    def run(x: Any) -> Any:
        result = sketch.svd(x, RANK, **options)
        return Computed(result)

    return Method(lambda x: lambda: run(x))


def nystrom(**options: Any) -> Method:
    """Generalized Nyström with sizes by hand."""

    def run(x: Any) -> Any:
        sk = sketch.GeneralizedNystrom(x.shape, RANK, **options)
        sk.update(x)
        return Computed(sk.finalize())

    return Method(lambda x: lambda: run(x))


class Computed:
    """The factors of a result in memory, with its readings."""

    def __init__(self, result: Any) -> None:
        self.factors = np.asarray(result.U), result.s, result.Vh
        self.n_passes = getattr(result, "n_passes", None)

    def __iter__(self) -> Any:
        return iter(self.factors)


def error(x: Any) -> Callable[[Any], float]:
    """Return the relative error, strip by strip."""

    def of(result: Any) -> float:
        u, s, vh = (np.asarray(f) for f in result)
        lost = norm = 0.0
        for i in range(x.numblocks[0]):
            a = x.blocks[i].compute()
            lost += np.linalg.norm(a - (u[i * ROWS : (i + 1) * ROWS] * s) @ vh) ** 2
            norm += np.linalg.norm(a) ** 2
        return float(np.sqrt(lost / norm))

    return of


def loop() -> Method:
    """The updates of the chunks of an array without Dask."""

    def prepare(x: Any) -> Any:
        blocks = [x.blocks[i].compute() for i in range(x.numblocks[0])]

        def run() -> None:
            sk = sketch.GeneralizedNystrom(x.shape, RANK)
            for i, block in enumerate(blocks):
                sk.update(block, at=i * ROWS)

        return run

    return Method(prepare, "dask", approximates=False)


def update(workers: int) -> Method:
    """An update with one BLAS thread for each of some workers."""

    def prepare(x: Any) -> Any:
        import dask

        def run() -> None:
            with dask.config.set(num_workers=workers):
                sketch.GeneralizedNystrom(x.shape, RANK).update(x)

        return run

    return Method(prepare, "dask", approximates=False)


METHODS: dict[str, Method] = {
    "sketch HMT": ours(),
    "sketch HMT, one step": ours(power_iters=1),
    "sketch Nyström": ours(method="nystrom"),
    "sketch Nyström, by 4 to 1": nystrom(sketch_rank=2 * RANK, corange_rank=8 * RANK),
    "sketch Nyström, wide": nystrom(sketch_rank=12 * RANK, corange_rank=30 * RANK),
    "sketch HMT, wide start, half a step": ours(power_iters=0.5, start_rank=4 * RANK + 20),
    "svd_compressed": peers.svd_compressed(RANK),
    "svd_compressed, one step": peers.svd_compressed(RANK, 1),
}
HELD = {"svd_compressed, data held": peers.svd_compressed(RANK, held=True)}
SIZES = ((2, 100), (20, 500), (20, 2000), (100, 2000))


WORKS: dict[str, Work] = {
    "dask-memory": Work(
        f"Dask array in memory, {{}} chunks of 1,000 x {{:,}}, rank {RANK}",
        SIZES, in_memory, METHODS, error, shown=2,
    ),
    "dask-zarr": Work(
        f"Dask array from Zarr, {{}} chunks of 1,000 x {{:,}}, rank {RANK}",
        SIZES, from_zarr, METHODS, error, shown=2,
    ),
    "dask-drawn": Work(
        f"Dask array that is drawn, {{}} chunks of 1,000 x {{:,}}, rank {RANK}",
        ((2, 100), (10, 1000), (40, 5000)), drawn, METHODS | HELD, error, memory=True,
    ),
    "dask-chunks": Work(
        "{} updates by chunks of 1,000 x {:,} on Dask, and without",
        ((2, 100), (40, 1000), (400, 1000)), in_memory,
        {"sketch, loop": loop(), "sketch, a worker": update(1), "sketch, two workers": update(2)},
    ),
}  # fmt: skip
