"""The command ``sketch convert``."""

from __future__ import annotations

import argparse

from .. import io
from ..errors import SketchError
from ..formats import TensorTrain
from ..report import Figures
from ..results import Completed, LowRank, PrincipalComponents
from ._options import Commands, add_report_options, check_result_name


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    about = f"write a result for other programs, as {io.exchange_suffixes()}, and back as .npz"
    parser = commands.add_parser("convert", help=about)
    parser.add_argument("result", metavar="RESULT", help="that --out or convert has written")
    parser.add_argument("out", metavar="OUT", help=f"{io.exchange_suffixes()} or .npz")
    add_report_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Figures:
    check_result_name(options.out)
    io.try_to_save(options.out)
    held = io.load(options.result)
    if not isinstance(held, LowRank | TensorTrain | PrincipalComponents | Completed):
        raise SketchError(
            f"{options.result}: holds a {type(held).__name__}, not a result; sketch merge "
            f"{options.result} --out FILE finalizes a state"
        )
    io.save_as(held, options.out)
    return {"file": options.result, "kind": type(held).__name__, "out": options.out}
