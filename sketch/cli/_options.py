"""Options that commands share: declared, held against each other, and read."""

from __future__ import annotations

import argparse
import sys
from typing import Any, TypeAlias

from .. import io
from ..errors import ArgumentError, ShapeError
from ..files.archive import Header
from ..report import peak_bytes
from ..running.memory import as_bytes
from ..running.reading import Budget

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
_FILE_HELP = f"FILE or FILE::NAME: {io.known_suffixes()}, folders of 10x; several are a stack"


def add_decomposition(
    commands: Commands, name: str, about: str, picture: str | None = None
) -> argparse.ArgumentParser:
    """Declare a command that decomposes the data in a file; `picture` is what ``--plot`` draws."""
    parser = commands.add_parser(name, help=about)
    add_file(parser)
    add_result_options(parser)
    if picture is not None:
        add_picture_option(parser, picture)
    add_run_options(parser)
    parser.set_defaults(plot=None, state=None, scores=None)
    return parser


def add_file(parser: argparse.ArgumentParser) -> None:
    """Declare which file holds the data, or which files do, each below the one before."""
    parser.add_argument("file", nargs="+", action=_OneOrStack, help=_FILE_HELP)


class _OneOrStack(argparse.Action):
    """One file as its name, several as a list of names, as a shell writes out a pattern."""

    def __call__(self, parser: object, options: object, values: Any, flag: object = None) -> None:
        setattr(options, self.dest, values[0] if len(values) == 1 else values)


def add_state_options(parser: argparse.ArgumentParser, method: str) -> None:
    """Declare what saves a running sketch, of a share of the data too."""
    parser.add_argument("--state", metavar="FILE", help=f"save the running sketch ({method})")
    parser.add_argument("--shape", metavar="M,N", help="of the whole that the file is a share of")
    parser.add_argument("--rows", metavar="A:B", help="which of the whole's rows the file holds")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Declare where and how to compute."""
    add_reading_options(parser)
    parser.add_argument("--missing", choices=["zero", "mean"], help="what to take for missing data")
    parser.add_argument("--device", help="where to compute, such as gpu or gpu:1")


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Declare what decides how a file is read."""
    parser.add_argument("--seed", type=int, metavar="N", help="of the random draws, 0 by default")
    parser.add_argument("--memory", metavar="SIZE", help="keep the process within, as 2GB")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster")
    parser.add_argument("--no-progress", dest="progress", action="store_false")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    """Declare how exact a result shall be, and where it goes."""
    parser.add_argument("--rank", type=int)
    parser.add_argument("--tol", type=float, help="relative error to reach")
    parser.add_argument(
        "--out", metavar="FILE", help=f"save the result, as .npz, or as {io.exchange_suffixes()}"
    )
    add_report_options(parser)


def check_result_name(path: str) -> None:
    """Refuse to write a result to a file whose name says no format, or another."""
    if not path.rstrip("/").lower().endswith((*io.exchange_suffixes().split(), ".npz")):
        raise ArgumentError(
            f"{path}: results are written as {io.exchange_suffixes()} or .npz; end the name with "
            "one of these"
        )


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Declare how a report is told."""
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--json", action="store_true", help="print one JSON object")
    told.add_argument("--quiet", action="store_true", help="print nothing but warnings and errors")
    parser.set_defaults(json=False, quiet=False)


def add_picture_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare where to draw the result."""
    parser.add_argument("--plot", metavar="FILE", help=f"draw {what}")


def refuse_idle(options: argparse.Namespace, idle: dict[str, str]) -> None:
    """Refuse options that were given and would do nothing, with the reason."""
    for name, reason in idle.items():
        if getattr(options, name, None) not in (None, False):
            raise ArgumentError(f"--{name.replace('_', '-')} does nothing {reason}; leave it out")


def idle_options(options: argparse.Namespace) -> dict[str, str]:
    """Return the options that do nothing beside the others, with the reason."""
    idle = {}
    if options.scheduler is not None:
        idle["memory"] = "with --scheduler, where chunks are as large as they are stored"
    if options.state is None:
        idle |= dict.fromkeys(["rows", "shape"], "without --state, for which it places a share")
    return idle


def computing(options: argparse.Namespace) -> Header:
    """Return how to compute, as all calls of the library take it."""
    return {"device": options.device, "seed": options.seed or 0, **reading(options)}


def reading(options: argparse.Namespace) -> Budget:
    """Return how to read."""
    return {"memory": _memory_left(options), "progress": _shows_bars(options)}


def _shows_bars(options: argparse.Namespace) -> bool:
    """Whether somebody watches."""
    return bool(options.progress and not options.quiet and sys.stderr.isatty())


def _memory_left(options: argparse.Namespace) -> int | None:
    """Return what the budget leaves beside the process itself."""
    return None if options.memory is None else max(0, as_bytes(options.memory) - peak_bytes())


def placed(
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
