"""The command ``sketch bench``."""

from __future__ import annotations

import argparse

from ..bench import compare
from ._options import Commands


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    about = "compare with what else is installed, in a minute"
    parser = commands.add_parser("bench", help=about)
    parser.add_argument("--scale", type=float, default=1.0, help="of the size of the data")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    compare(options.scale)
