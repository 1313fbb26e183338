"""The command ``sketch info``."""

from __future__ import annotations

import argparse
import math

from .. import io
from ..formats import TensorTrain
from ..report import Figures, figures_of
from ..results import Completed, LowRank, PrincipalComponents
from ..sources import as_tensor_source
from ._options import Commands, add_report_options
from ._work import stored_numbers


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("info", help="what is in a data, state or result file")
    parser.add_argument("file")
    add_report_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Figures | None:
    if not io.is_saved(options.file):
        with io.open(options.file) as data:
            return _described(data, options)
    held = io.load(options.file)
    about: Figures = {"file": options.file, "kind": type(held).__name__, "text": repr(held)}
    if isinstance(held, LowRank | TensorTrain | PrincipalComponents | Completed):
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
            "n_stored": stored_numbers(data),
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
