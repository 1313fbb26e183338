"""From arguments to an exit status: the parser of all commands, and what their runs print."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from .. import __version__
from ..errors import SketchError, SketchWarning
from ..report import print_figures
from . import _bench, _complete, _convert, _info, _merge, _pca, _svd, _tt

_COMMANDS = (_svd, _pca, _complete, _tt, _merge, _info, _convert, _bench)
_SHELLS = ("bash", "zsh", "tcsh")
DONE, MISSED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0 when all is done, 1 when the result misses the tolerance that was asked for, 2 for a refusal,
    130 when interrupted.
    """
    _print_any_name()
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


def _print_any_name() -> None:
    """Let names of files that the terminal's encoding lacks be printed in its characters."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _warnings_as_lines(told: list[str]) -> Iterator[None]:
    """Print warnings of the library as lines, and collect them."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        told.append(str(message))
        print(f"sketch: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", SketchWarning)
        warnings.showwarning = show
        yield


def _finite(value: object) -> object:
    """Return plain values without infinity and NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parser() -> argparse.ArgumentParser:
    about = "Randomized low-rank approximation of matrices and tensors in files."
    parser = argparse.ArgumentParser(prog="sketch", description=about)
    parser.add_argument("--version", action="version", version=f"sketch {__version__}")
    parser.add_argument(
        "--print-completion", choices=_SHELLS, action=_Completion, help="for a shell to read"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser


class _Completion(argparse.Action):
    """Print the script by which a shell completes commands and options."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, shell: Any, option: str | None = None
    ) -> None:
        try:
            import shtab
        except ImportError:
            parser.error("completion needs shtab; pip install 'sketch-lowrank[completion]'")
        print(shtab.complete(parser, shell))
        parser.exit()
