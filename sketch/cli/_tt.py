"""The command ``sketch tt``."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from .. import io
from ..decompose import tensor_train
from ..errors import SketchError
from ..formats import TensorTrain
from ..report import Figures
from ..sketches import STTA, TENSOR_METHODS
from ..sources import as_tensor_source
from ._options import (
    Commands,
    add_decomposition,
    add_state_options,
    computing,
    placed,
    reading,
    refuse_idle,
)
from ._work import finished, opened


def add(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = add_decomposition(commands, "tt", "tensor train of a tensor in a file")
    parser.add_argument("--method", choices=[*TENSOR_METHODS, "tt-svd"], default="stta")
    add_state_options(parser, "stta")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Figures:
    start = time.perf_counter()
    if options.method == "tt-svd":
        refuse_idle(options, dict.fromkeys(["seed", "device"], "with --method tt-svd"))
    with opened(options) as data:
        if options.state is not None:
            result = _train_with_state(data, options)
        else:
            result = tensor_train(
                _dense(data) if options.method == "tt-svd" else data,
                options.rank,
                tol=options.tol,
                method=options.method,
                **computing(options),
            )
        return finished(result, options, {"method": options.method}, data, start)


def _train_with_state(data: object, options: argparse.Namespace) -> TensorTrain:
    if options.method != "stta" or options.rank is None:
        raise SketchError("--state needs --method stta and --rank: a one-pass sketch")
    source = as_tensor_source(data)
    shape, at = placed(source.shape, options)
    sk = STTA(
        shape, options.rank, seed=options.seed or 0, dtype=source.dtype, device=options.device
    )
    sk.update(source, at, **reading(options))
    sk.save(options.state)
    return sk.finalize(options.rank, options.tol)


def _dense(data: Any) -> Any:
    if isinstance(data, io.DataFile) and data.is_sparse:
        raise SketchError(
            f"{data.spec}: --method tt-svd needs a dense array, and this file is sparse; take "
            "stta, otts or tt-hmt"
        )
    return np.asarray(data[...])
