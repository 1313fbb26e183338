"""The main job on real data: one command on a file, then the same as a stream.

Run ``python3 dev demo``. Writes the result and a picture of the spectrum to ``out/``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import zarr

import sketch
from sketch.cli import main

DATA = Path(__file__).parent / "data" / "scrna10k.zarr"
OUT = Path(__file__).parent.parent / "out"
RANK = 20


def one_command() -> int:
    """Sketch the file as the command line does."""
    command = ["svd", f"{DATA}::X", "--rank", str(RANK), "--power-iters", "1"]
    command += ["--out", str(OUT / "result.npz"), "--plot", str(OUT / "spectrum.png")]
    print("$ sketch", *command, flush=True)
    return main(command)


def streamed() -> sketch.LowRank:
    """Feed the same rows in pieces of 500, as they would come from an instrument."""
    counts = zarr.open(str(DATA), mode="r")["X"]
    sk = sketch.GeneralizedNystrom((None, counts.shape[1]), rank=RANK)
    for row in range(0, counts.shape[0], 500):
        sk.update(counts[row : row + 500])
    return sk.finalize()


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    status = one_command()
    if status:
        sys.exit(status)
    result = streamed()
    low, high = (x / result.error.norm for x in result.error.interval())
    print("\nThe same rows in one pass, streamed in 20 pieces:")
    print(f"rel. error    {result.error.relative:.4g}  95 % interval [{low:.4g}, {high:.4g}]")
    print("best possible 0.2105, from a full singular value decomposition")
