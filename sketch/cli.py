"""The command line: arguments in, calls to the library, a report out."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import io, plot
from ._archive import is_ours
from ._dask import connect
from ._memory import as_bytes
from ._paths import try_to_write
from .bench import compare
from .decompose import svd, tensor_train
from .errors import ArgumentError, ShapeError, SketchError
from .formats import TensorTrain
from .report import Result, peak_bytes, print_report
from .results import LowRank, PrincipalComponents
from .sketches import STTA, GeneralizedNystrom, GramNystrom
from .sources import as_matrix_source, as_tensor_source

_FILE_HELP = f"FILE or FILE::NAME: {io.known_suffixes()}, folders of 10x; or a pattern of them"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 2 for a refusal, 130 when interrupted."""
    options = _parser().parse_args(argv)
    try:
        options.run(options)
    except (SketchError, OSError, ValueError, TypeError, MemoryError) as error:
        print(f"sketch: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("sketch: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sketch", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    decompose = commands.add_parser("svd", help="low-rank approximation of a matrix in a file")
    decompose.add_argument("file", help=_FILE_HELP)
    _add_result_options(decompose)
    _add_picture_option(decompose)
    decompose.add_argument("--method", choices=["hmt", "nystrom", "krylov"], default="hmt")
    decompose.add_argument("--passes", type=int, metavar="N", help="of krylov, at most")
    decompose.add_argument("--power-iters", type=float, default=0, metavar="N", help="or a half")
    decompose.add_argument("--start-rank", type=int, metavar="N", help="width of the first pass")
    decompose.add_argument("--seed", type=int, default=0)
    _add_state_options(decompose, "nystrom")
    _add_run_options(decompose)
    decompose.set_defaults(run=_run_svd)

    train = commands.add_parser("tt", help="tensor train of a tensor in a file")
    train.add_argument("file", help=_FILE_HELP)
    _add_result_options(train)
    train.add_argument("--method", choices=["stta", "otts", "tt-hmt", "tt-svd"], default="stta")
    train.add_argument("--seed", type=int, default=0)
    _add_state_options(train, "stta")
    _add_run_options(train)
    train.set_defaults(run=_run_tt, plot=None)

    merge = commands.add_parser("merge", help="add up sketch states and finalize them together")
    merge.add_argument("parts", nargs="+", metavar="PART")
    _add_result_options(merge)
    _add_picture_option(merge)
    merge.set_defaults(run=_run_merge)

    info = commands.add_parser("info", help="what is in a data, state or result file")
    info.add_argument("file")
    info.set_defaults(run=_run_info)

    bench = commands.add_parser("bench", help="compare with what else is installed, in a minute")
    bench.add_argument("--scale", type=float, default=1.0, help="of the size of the data")
    bench.set_defaults(run=lambda options: compare(options.scale))
    return parser


def _add_state_options(parser: argparse.ArgumentParser, method: str) -> None:
    parser.add_argument("--state", metavar="FILE", help=f"save the running sketch ({method})")
    parser.add_argument("--shape", metavar="M,N", help="of the whole that the file is a share of")
    parser.add_argument("--rows", metavar="A:B", help="which of the whole's rows the file holds")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--memory", metavar="SIZE", help="keep the process within, as 2GB")
    parser.add_argument("--missing", choices=["zero", "mean"], help="what to take for missing data")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster")
    parser.add_argument("--device", help="where to compute, such as gpu or gpu:1")
    parser.add_argument("--no-progress", dest="progress", action="store_false")


@contextlib.contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Any]:
    """Open the file, for this process or for the workers of a cluster; first try what is written.

    What cannot be written is refused before the work.
    """
    _try_to_write(options.out, options.plot, options.state)
    if options.scheduler is None:
        with io.open(options.file, missing=options.missing) as data:
            yield data
    else:
        with connect(options.scheduler):
            yield io.open_distributed(options.file, missing=options.missing)


def _try_to_write(out: str | None, picture: str | None, state: str | None = None) -> None:
    """Refuse what cannot be written before the work is done."""
    for path in (out, state):
        if path is not None:
            try_to_write(path)
    if picture is not None:
        plot.try_to_draw(picture)


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rank", type=int)
    parser.add_argument("--tol", type=float, help="relative error to reach")
    parser.add_argument("--out", metavar="FILE", help="save the result, as .npz")


def _add_picture_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plot", metavar="FILE", help="draw the spectrum with its error bands")


def _run_svd(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    with _opened(options) as data:
        source = as_matrix_source(data)
        if options.state is not None:
            result = _svd_with_state(source, options)
        else:
            result = svd(
                source,
                options.rank,
                tol=options.tol,
                method=options.method,
                power_iters=options.power_iters,
                passes=options.passes,
                start_rank=options.start_rank,
                device=options.device,
                seed=options.seed,
                memory=_memory_left(options),
                progress=options.progress,
            )
        seconds = time.perf_counter() - start
        passes = result.n_passes
        print(f"file          {options.file}")
        print(f"method        {options.method}, {passes} pass{'es' * (passes > 1)}")
        print_report(result, stored=_stored_numbers(data), seconds=seconds)
        _write(result, options)


def _run_tt(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    with _opened(options) as data:
        if options.state is not None:
            result = _train_with_state(data, options)
        else:
            result = tensor_train(
                _dense(data) if options.method == "tt-svd" else data,
                options.rank,
                tol=options.tol,
                method=options.method,
                device=options.device,
                seed=options.seed,
                memory=_memory_left(options),
                progress=options.progress,
            )
        seconds = time.perf_counter() - start
        print(f"file          {options.file}")
        print(f"method        {options.method}")
        print_report(result, stored=_stored_numbers(data), seconds=seconds)
        _write(result, options)


def _train_with_state(data: Any, options: argparse.Namespace) -> TensorTrain:
    if options.method != "stta" or options.rank is None:
        raise SketchError("--state needs --method stta and --rank: a one-pass sketch")
    source = as_tensor_source(data)
    shape, at = _placed(source.shape, options)
    sk = STTA(shape, options.rank, seed=options.seed, dtype=source.dtype)
    sk.update(source, at, memory=_memory_left(options), progress=options.progress)
    sk.save(options.state)
    return sk.finalize(options.rank, options.tol)


def _svd_with_state(source: Any, options: argparse.Namespace) -> LowRank:
    if options.method != "nystrom" or options.rank is None:
        raise SketchError("--state needs --method nystrom and --rank: a one-pass sketch")
    shape, at = _placed(source.shape, options)
    sk = GeneralizedNystrom(shape, options.rank, seed=options.seed, dtype=source.dtype)
    sk.update(source, at, memory=_memory_left(options), progress=options.progress)
    sk.save(options.state)
    return sk.finalize(options.rank, options.tol)


def _placed(
    shape: tuple[int, ...], options: argparse.Namespace
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the shape of the whole that a file is a share of, and where the share begins."""
    if options.shape is None and options.rows is None:
        return shape, None
    try:
        whole = tuple(int(size) for size in options.shape.split(","))
        first, last = (int(row) for row in options.rows.split(":"))
    except (AttributeError, ValueError):
        raise ArgumentError(
            f"a share needs --rows A:B and --shape M,N, got --rows {options.rows} and --shape "
            f"{options.shape}"
        ) from None
    if last - first != shape[0]:
        raise ShapeError(f"--rows {options.rows} are {last - first}, but the file has {shape[0]}")
    return whole, (first, *[0] * (len(shape) - 1))


def _overlap(sketches: Sequence[Any]) -> bool:
    """Whether the data of two states lie on each other."""
    return any(
        all(max(a, c) < min(b, d) for (a, b), (c, d) in zip(x.covered, y.covered, strict=True))
        for x, y in itertools.combinations(sketches, 2)
        if x.covered and y.covered
    )


def _run_merge(options: argparse.Namespace) -> None:
    _try_to_write(options.out, options.plot)
    sketches = [io.load(part) for part in options.parts]
    for part, sk in zip(options.parts, sketches, strict=True):
        if not isinstance(sk, GeneralizedNystrom | GramNystrom | STTA):
            raise SketchError(f"{part}: holds a {type(sk).__name__}, not a one-pass sketch state")
        if options.plot is not None and not isinstance(sk, GeneralizedNystrom):
            raise SketchError(
                f"{part}: --plot draws singular values, which a {type(sk).__name__} does not end "
                "in; leave it out"
            )
    start = time.perf_counter()
    total = sketches[0].copy()
    for sk in sketches[1:]:
        total.merge(sk)
    result = total.finalize(options.rank, options.tol)
    print(f"merged        {len(sketches)} states, {total.n_updates} updates")
    if _overlap(sketches):
        print(
            "note          states overlap: this is the sum of their data, entry by entry; sketch "
            "shares of rows with --rows A:B --shape M,N"
        )
    seconds = time.perf_counter() - start
    print_report(result, stored=math.prod(result.shape), seconds=seconds)
    _write(result, options)


def _run_info(options: argparse.Namespace) -> None:
    if not is_ours(options.file):
        with io.open(options.file) as data:
            _describe(data)
        return
    held = io.load(options.file)
    print(f"{options.file}: {held!r}")
    if isinstance(held, LowRank | TensorTrain | PrincipalComponents):
        print_report(held, stored=math.prod(held.shape), seconds=None)


def _describe(data: io.DataFile) -> None:
    """Print what is known of data in a file."""
    source = as_tensor_source(data)
    kind = f"sparse, {data.data.nnz} stored" if data.is_sparse else "dense"
    print(f"{data.spec}: shape {data.shape}, {data.dtype}, {kind}")
    if any(data.dims):
        print(f"axes          {' '.join(dim or '-' for dim in data.dims)}")
    print(f"computed in {source.dtype}; {source.nbytes / 1e6:.1f} MB a pass")


def _dense(data: Any) -> Any:
    if isinstance(data, io.DataFile) and data.is_sparse:
        raise SketchError(
            f"{data.spec}: --method tt-svd needs a dense array, and this file is sparse; take "
            "stta, otts or tt-hmt"
        )
    return np.asarray(data[...])


def _stored_numbers(data: Any) -> int:
    sparse = isinstance(data, io.DataFile) and data.is_sparse
    return int(data.data.nnz) if sparse else math.prod(data.shape)


def _write(result: Result, options: argparse.Namespace) -> None:
    if options.out is not None:
        result.save(options.out)
        print(f"result        {options.out}")
    if options.plot is not None and isinstance(result, LowRank):
        plot.spectrum(result, options.plot)
        print(f"picture       {options.plot}")


def _memory_left(options: argparse.Namespace) -> int | None:
    """Return what the budget leaves beside the process itself."""
    return None if options.memory is None else max(0, as_bytes(options.memory) - peak_bytes())
