"""The solution of a linear system, with how well it solves it."""

from __future__ import annotations

from dataclasses import dataclass

from ..formats import TensorTrain
from ..pictures import html
from ._error import ErrorEstimate


@dataclass(frozen=True, repr=False)
class Solution:
    """A tensor train x with ``A x`` close to b.

    Attributes
    ----------
    x : TensorTrain
    residual : ErrorEstimate
        Of ``b - A x``, the true one, relative to b: ``residual.relative`` and
        ``residual.interval()`` tell how well the system is solved. How far x is from the exact
        solution also depends on the condition of A.
    steps : int
        Products with A that built the solution.
    history : tuple of float
        The relative residual after each step, as the embedding saw it: before the solution was
        rounded, and within some ten per cent.

    Raises
    ------
    ValueError
        Of ``residual.interval`` with a confidence that is not between 0 and 1.

    Notes
    -----
    Holds the cores of x, ``sum_k r_{k-1} n_k r_k`` numbers. What it cost stands at `sketch.solve`.

    References
    ----------
    .. [1] A. Bucci, D. Palitta, L. Robol, "Randomized sketched TT-GMRES for linear systems with
       tensor structure", 2024, arXiv:2409.09471.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = sketch.TTOperator.kronecker([np.diag([1.0, 2.0, 4.0])] * 4)
    >>> found = sketch.solve(a, sketch.TensorTrain([np.ones((1, 3, 1))] * 4), tol=1e-10)
    >>> found.ranks, found.residual.relative <= 1e-10
    ((1, 1, 1), True)
    """

    x: TensorTrain
    residual: ErrorEstimate
    steps: int
    history: tuple[float, ...]

    @property
    def ranks(self) -> tuple[int, ...]:
        """Ranks of the solution."""
        return self.x.ranks

    def __repr__(self) -> str:
        how = f"{self.residual.relative:.3g} ({self.residual.kind})"
        return f"Solution(x={self.x!r}, relative residual={how}, steps={self.steps})"

    def _repr_html_(self) -> str:
        facts = {"residual": str(self.residual), "steps": f"{self.steps}"}
        return html.card("Solution", facts, html.train_picture(self.x.shape, self.x.ranks))
