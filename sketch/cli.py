"""The command line: arguments in, calls to the library, a report out."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import __version__, io, plot
from .bench import compare
from .decompose import pca, svd, tensor_train
from .errors import ArgumentError, ShapeError, SketchError, SketchWarning
from .files.archive import is_ours
from .files.paths import try_to_write
from .formats import TensorTrain
from .report import Figures, Result, figures_of, peak_bytes, print_figures
from .results import LowRank, PrincipalComponents
from .running.memory import as_bytes
from .running.tasks import connect
from .sketches import (
    MATRIX_METHODS,
    STTA,
    TENSOR_METHODS,
    GeneralizedNystrom,
    GramNystrom,
)
from .sources import as_matrix_source, as_tensor_source

_FILE_HELP = f"FILE or FILE::NAME: {io.known_suffixes()}, folders of 10x; or a pattern of them"
_SHELLS = ("bash", "zsh", "tcsh")
DONE, MISSED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0 when all is done, 1 when the result misses the tolerance that was asked for, 2 for a refusal,
    130 when interrupted.
    """
    options = _parser().parse_args(argv)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # of chunks that failed with the first
    told: list[str] = []
    try:
        with _warnings_as_lines(told):
            figures = options.run(options)
    except (SketchError, OSError, ValueError, TypeError, MemoryError) as error:
        print(f"sketch: error: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("sketch: interrupted", file=sys.stderr)
        return INTERRUPTED
    if figures is None:
        return DONE
    try:
        if options.json:
            print(json.dumps(_finite(figures | {"warnings": told})))
        elif not options.quiet:
            print_figures(figures)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE if figures.get("tol_met", True) else MISSED


@contextlib.contextmanager
def _warnings_as_lines(told: list[str]) -> Iterator[None]:
    """Print warnings of the library as lines, and collect them."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        told.append(str(message))
        print(f"sketch: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", SketchWarning)
        warnings.showwarning = show
        yield


def _is_met(result: Any, tol: float) -> bool:
    """Whether a result is as exact as was asked for: its vectors where these have residuals."""
    residuals = getattr(result, "residuals", None)
    if residuals is None or not result.rank:
        return bool(result.error.meets(tol))
    return float(residuals.max()) <= tol * float(result.s[0])


def _finite(value: Any) -> Any:
    """Return plain values without infinity and NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ---- arguments ---------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sketch", description=__doc__)
    parser.add_argument("--version", action="version", version=f"sketch {__version__}")
    parser.add_argument(
        "--print-completion", choices=_SHELLS, action=_Completion, help="for a shell to read"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    decompose = commands.add_parser("svd", help="low-rank approximation of a matrix in a file")
    decompose.add_argument("file", help=_FILE_HELP)
    _add_result_options(decompose)
    _add_picture_option(decompose, "the spectrum with its error bands")
    decompose.add_argument("--method", choices=[*MATRIX_METHODS], default="hmt")
    decompose.add_argument("--passes", type=int, metavar="N", help="of krylov, at most")
    decompose.add_argument("--power-iters", type=float, default=0, metavar="N", help="or a half")
    decompose.add_argument("--start-rank", type=int, metavar="N", help="width of the first pass")
    _add_state_options(decompose, "nystrom")
    _add_run_options(decompose)
    decompose.set_defaults(run=_run_svd)

    components = commands.add_parser("pca", help="principal components of the rows in a file")
    components.add_argument("file", help=_FILE_HELP)
    _add_result_options(components)
    _add_picture_option(components, "the variances with their intervals")
    components.add_argument("--scores", metavar="FILE", help="save the rows' coordinates, as .npy")
    components.add_argument("--passes", type=int, metavar="N", help="readings of the file at most")
    components.add_argument("--no-center", dest="center", action="store_false")
    components.add_argument("--scale", action="store_true", help="columns to unit variance")
    components.add_argument("--whiten", action="store_true", help="coordinates to unit variance")
    components.add_argument("--state", metavar="FILE", help="save the running sketch of one pass")
    _add_run_options(components)
    components.set_defaults(run=_run_pca)

    train = commands.add_parser("tt", help="tensor train of a tensor in a file")
    train.add_argument("file", help=_FILE_HELP)
    _add_result_options(train)
    train.add_argument("--method", choices=[*TENSOR_METHODS, "tt-svd"], default="stta")
    _add_state_options(train, "stta")
    _add_run_options(train)
    train.set_defaults(run=_run_tt, plot=None)

    merge = commands.add_parser("merge", help="add up sketch states and finalize them together")
    merge.add_argument("parts", nargs="+", metavar="PART")
    _add_result_options(merge)
    _add_picture_option(merge, "the spectrum, or the variances")
    merge.set_defaults(run=_run_merge)

    info = commands.add_parser("info", help="what is in a data, state or result file")
    info.add_argument("file")
    _add_report_options(info)
    info.set_defaults(run=_run_info)

    bench = commands.add_parser("bench", help="compare with what else is installed, in a minute")
    bench.add_argument("--scale", type=float, default=1.0, help="of the size of the data")
    bench.set_defaults(run=lambda options: compare(options.scale))
    return parser


class _Completion(argparse.Action):
    """Print the script by which a shell completes commands and options."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: Any, shell: Any, option: str | None = None
    ) -> None:
        try:
            import shtab
        except ImportError:
            parser.error("completion needs shtab; pip install 'sketch-lowrank[completion]'")
        print(shtab.complete(parser, shell))
        parser.exit()


def _add_state_options(parser: argparse.ArgumentParser, method: str) -> None:
    parser.add_argument("--state", metavar="FILE", help=f"save the running sketch ({method})")
    parser.add_argument("--shape", metavar="M,N", help="of the whole that the file is a share of")
    parser.add_argument("--rows", metavar="A:B", help="which of the whole's rows the file holds")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, metavar="N", help="of the random draws, 0 by default")
    parser.add_argument("--memory", metavar="SIZE", help="keep the process within, as 2GB")
    parser.add_argument("--missing", choices=["zero", "mean"], help="what to take for missing data")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster")
    parser.add_argument("--device", help="where to compute, such as gpu or gpu:1")
    parser.add_argument("--no-progress", dest="progress", action="store_false")


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rank", type=int)
    parser.add_argument("--tol", type=float, help="relative error to reach")
    parser.add_argument("--out", metavar="FILE", help="save the result, as .npz")
    _add_report_options(parser)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--json", action="store_true", help="print one JSON object")
    told.add_argument("--quiet", action="store_true", help="print nothing but warnings and errors")
    parser.set_defaults(json=False, quiet=False)


def _add_picture_option(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--plot", metavar="FILE", help=f"draw {what}")


def _refuse_idle(options: argparse.Namespace, idle: dict[str, str]) -> None:
    """Refuse options that were given and would do nothing, with the reason."""
    for name, reason in idle.items():
        if getattr(options, name, None) not in (None, False):
            raise ArgumentError(f"--{name.replace('_', '-')} does nothing {reason}; leave it out")


def _idle_options(options: argparse.Namespace) -> dict[str, str]:
    """Return the options that do nothing beside the others, with the reason."""
    idle = {}
    if options.scheduler is not None:
        idle["memory"] = "with --scheduler, where chunks are as large as they are stored"
    if options.state is None:
        idle |= dict.fromkeys(["rows", "shape"], "without --state, for which it places a share")
    return idle


# ---- running -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Any]:
    """Open the file, for this process or for the workers of a cluster; first try what is written.

    What cannot be written is refused before the work.
    """
    _refuse_idle(options, _idle_options(options))
    _try_to_write(options.plot, options.out, options.state, getattr(options, "scores", None))
    if options.scheduler is None:
        with io.open(options.file, missing=options.missing) as data:
            yield data
    else:
        with connect(options.scheduler):
            yield io.open_distributed(options.file, missing=options.missing)


def _try_to_write(picture: str | None, *paths: str | None) -> None:
    """Refuse what cannot be written before the work is done."""
    for path in paths:
        if path is not None:
            try_to_write(path)
    if picture is not None:
        plot.try_to_draw(picture)


def _run_svd(options: argparse.Namespace) -> Figures:
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
                **_how(options),
            )
        about = {"method": options.method, "n_passes": result.n_passes}
        return _finished(result, options, about, data, start)


def _run_pca(options: argparse.Namespace) -> Figures:
    start = time.perf_counter()
    with _opened(options) as data:
        source = as_matrix_source(data)
        result = _pca_with_state(source, options) if options.state else _pca(source, options)
        if options.scores is not None:
            np.save(options.scores, np.asarray(result.transform(source)))
        return _finished(result, options, {"method": "pca"}, data, start)


def _run_tt(options: argparse.Namespace) -> Figures:
    start = time.perf_counter()
    if options.method == "tt-svd":
        _refuse_idle(options, dict.fromkeys(["seed", "device"], "with --method tt-svd"))
    with _opened(options) as data:
        if options.state is not None:
            result = _train_with_state(data, options)
        else:
            result = tensor_train(
                _dense(data) if options.method == "tt-svd" else data,
                options.rank,
                tol=options.tol,
                method=options.method,
                **_how(options),
            )
        return _finished(result, options, {"method": options.method}, data, start)


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """Return how to compute, as all calls of the library take it."""
    return {"device": options.device, "seed": options.seed or 0, **_reading(options)}


def _reading(options: argparse.Namespace) -> dict[str, Any]:
    """Return how to read."""
    return {"memory": _memory_left(options), "progress": _shows_bars(options)}


def _shows_bars(options: argparse.Namespace) -> bool:
    """Whether somebody watches."""
    return bool(options.progress and not options.quiet and sys.stderr.isatty())


def _pca(source: Any, options: argparse.Namespace) -> PrincipalComponents:
    return pca(
        source,
        options.rank,
        tol=options.tol,
        passes=options.passes,
        center=options.center,
        scale=options.scale,
        whiten=options.whiten,
        **_how(options),
    )


def _pca_with_state(source: Any, options: argparse.Namespace) -> PrincipalComponents:
    if options.rank is None or options.passes not in (None, 1):
        raise SketchError("--state needs --rank, and holds a sketch of one pass: --passes 1")
    sk = GramNystrom(
        source.shape[1],
        options.rank,
        center=options.center,
        scale=options.scale,
        seed=options.seed or 0,
        dtype=source.dtype,
        device=options.device,
    )
    sk.update(source, **_reading(options))
    sk.save(options.state)
    found = sk.finalize(sk.spec.rank, options.tol)
    return found.whitened() if options.whiten else found


def _train_with_state(data: Any, options: argparse.Namespace) -> TensorTrain:
    if options.method != "stta" or options.rank is None:
        raise SketchError("--state needs --method stta and --rank: a one-pass sketch")
    source = as_tensor_source(data)
    shape, at = _placed(source.shape, options)
    sk = STTA(
        shape, options.rank, seed=options.seed or 0, dtype=source.dtype, device=options.device
    )
    sk.update(source, at, **_reading(options))
    sk.save(options.state)
    return sk.finalize(options.rank, options.tol)


def _svd_with_state(source: Any, options: argparse.Namespace) -> LowRank:
    if options.method != "nystrom" or options.rank is None:
        raise SketchError("--state needs --method nystrom and --rank: a one-pass sketch")
    shape, at = _placed(source.shape, options)
    sk = GeneralizedNystrom(
        shape,
        options.rank,
        seed=options.seed or 0,
        dtype=source.dtype,
        device=options.device,
        test_matrix="sparse-sign" if source.sparse else "gaussian",  # as svd has it
    )
    sk.update(source, at, **_reading(options))
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


def _run_merge(options: argparse.Namespace) -> Figures:
    _try_to_write(options.plot, options.out)
    sketches = [io.load(part) for part in options.parts]
    for part, sk in zip(options.parts, sketches, strict=True):
        if not isinstance(sk, GeneralizedNystrom | GramNystrom | STTA):
            raise SketchError(f"{part}: holds a {type(sk).__name__}, not a one-pass sketch state")
        if options.plot is not None and isinstance(sk, STTA):
            raise SketchError(
                f"{part}: --plot draws singular values or variances, which a {type(sk).__name__} "
                "does not end in; leave it out"
            )
    start = time.perf_counter()
    total = sketches[0].copy()
    for sk in sketches[1:]:
        total.merge(sk)
    result = total.finalize(options.rank, options.tol)
    about: Figures = {"n_states": len(sketches), "n_updates": total.n_updates}
    if _overlap(sketches):
        about["note"] = (
            "states overlap: this is the sum of their data, entry by entry; sketch shares of rows "
            "with --rows A:B --shape M,N"
        )
    return _finished(result, options, about, None, start)


def _run_info(options: argparse.Namespace) -> Figures | None:
    if not is_ours(options.file):
        with io.open(options.file) as data:
            return _described(data, options)
    held = io.load(options.file)
    about: Figures = {"file": options.file, "kind": type(held).__name__, "text": repr(held)}
    if isinstance(held, LowRank | TensorTrain | PrincipalComponents):
        about |= figures_of(held, stored=math.prod(held.shape))
    if not (options.json or options.quiet):
        print(f"{options.file}: {held!r}")
        about.pop("file")
    return about


def _described(data: io.DataFile, options: argparse.Namespace) -> Figures | None:
    """Return what is known of data in a file, or print it."""
    source = as_tensor_source(data)
    if options.json:
        return {
            "file": data.spec,
            "shape": list(data.shape),
            "stored_dtype": str(data.dtype),
            "dtype": source.dtype,
            "axes": [dim or None for dim in data.dims],
            "n_stored": _stored_numbers(data),
            "sparse": data.is_sparse,
            "bytes_a_pass": source.nbytes,
        }
    if not options.quiet:
        kind = f"sparse, {data.data.nnz} stored" if data.is_sparse else "dense"
        print(f"{data.spec}: shape {data.shape}, {data.dtype}, {kind}")
        if any(data.dims):
            print(f"axes          {' '.join(dim or '-' for dim in data.dims)}")
        print(f"computed in {source.dtype}; {source.nbytes / 1e6:.1f} MB a pass")
    return None


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


def _finished(
    result: Result, options: argparse.Namespace, about: Figures, data: Any, start: float
) -> Figures:
    """Write the result and its picture, and return all figures of it.

    Parameters
    ----------
    result : LowRank, TensorTrain or PrincipalComponents
    options : argparse.Namespace
    about : dict
        How it was made.
    data : object
        The open file, None where there was none.
    start : float
        When the work began.
    """
    seconds = time.perf_counter() - start
    stored = math.prod(result.shape) if data is None else _stored_numbers(data)
    figures = {} if data is None else {"file": options.file}
    figures |= about | figures_of(result, stored=stored, seconds=seconds)
    figures["tol"] = options.tol
    if options.tol is not None and result.error is not None:
        figures["tol_met"] = _is_met(result, options.tol)
    if options.out is not None:
        result.save(options.out)
    if options.plot is not None:
        plot.spectrum(result, options.plot)
    written = {name: getattr(options, name, None) for name in ("out", "plot", "state", "scores")}
    return figures | {name: path for name, path in written.items() if path is not None}


def _memory_left(options: argparse.Namespace) -> int | None:
    """Return what the budget leaves beside the process itself."""
    return None if options.memory is None else max(0, as_bytes(options.memory) - peak_bytes())
