"""Results as text: what the command line prints."""

from __future__ import annotations

import math
import sys

from ._array import device_bytes
from .formats import TensorTrain
from .results import ErrorEstimate, LowRank, PrincipalComponents

Result = LowRank | TensorTrain | PrincipalComponents


def print_report(result: Result, *, stored: int, seconds: float | None) -> None:
    """Print size, error and compression of a result, and what it took.

    Parameters
    ----------
    result : LowRank, TensorTrain or PrincipalComponents
    stored : int
        How many numbers the data hold.
    seconds : float or None
        Time taken; with None neither time nor memory are printed, of this process and on the GPU.
    """
    print(f"shape         {' x '.join(map(str, result.shape))}, {result.dtype}")
    if isinstance(result, LowRank):
        like = result.s
        leading = "  ".join(f"{float(s):.5g}" for s in result.s[:8])
        print(f"rank          {result.rank}")
        print(f"singular      {leading}{'  ...' if result.rank > 8 else ''}")
        kept = result.rank * (sum(result.shape) + 1)
    elif isinstance(result, PrincipalComponents):
        like = result.mean
        share = 100 * sum(float(x) for x in result.explained_variance_ratio)
        print(f"components    {result.rank}, {share:.4g} % of the variance about the mean")
        kept = (result.rank + 1) * result.shape[1]
    else:
        like = result.cores[0]
        print(f"ranks         {' '.join(map(str, result.ranks))}")
        kept = sum(math.prod(core.shape) for core in result.cores)
    if result.error is not None:
        print(f"rel. error    {describe_error(result.error)}")
    print(f"compression   {stored / max(1, kept):.3g} : 1")
    if seconds is not None:
        print(f"time          {seconds:.3g} s")
        print(f"peak memory   {peak_bytes() / 1e6:.0f} MB")
        if (held := device_bytes(like)) is not None:
            print(f"on the GPU    {held / 1e6:.0f} MB")


def describe_error(error: ErrorEstimate) -> str:
    """Return the relative error, its interval where it has one, and how it was found."""
    interval = ""
    if error.kind != "heuristic" and error.norm > 0:
        low, high = (x / error.norm for x in error.interval())
        interval = f"95 % interval [{low:.4g}, {high:.4g}]  "
    return f"{error.relative:.4g}  {interval}({error.kind}, {error.method})"


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
