"""Singular values with their intervals, and what is left beyond each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..pictures import drawing, html

if TYPE_CHECKING:
    from matplotlib.axes import Axes as PlotAxes

Floats = NDArray[np.float64]

_LISTED = 30  # rows of a table that is printed


@dataclass(frozen=True, eq=False)
class Scree:
    """What a sketch tells of a spectrum: to choose a rank by eye.

    Attributes
    ----------
    values, low, high : array, shape (R,)
        All singular values that the sketch found, those beyond the result's rank among them, and
        an interval of each. All of these hold at once.
    further : float
        All other singular values of the data lie below; 0 where there are none.
    left : array, shape (k + 1,)
        Relative error of the result after truncation to the ranks 0 to k.
    total : float
        Squares of the other singular values add up to at most its square.
    confidence : float
        With which all of this holds.

    Raises
    ------
    SketchError
        Of a picture, if matplotlib is not installed.

    Notes
    -----
    Follows from the singular values of the sketch and its error: no product with the data is taken.

    References
    ----------
    .. [1] R. Cattell, "The scree test for the number of factors", Multivar. Behav. Res. 1 (1966)
       245-276, doi:10.1207/s15327906mbr0102_10.
    .. [2] L. Mirsky, "Symmetric gauge functions and unitarily invariant norms", Quart. J. Math. 11
       (1960) 50-59, doi:10.1093/qmath/11.1.50: the intervals.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> found = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=2).scree()
    >>> bool(np.all(found.low <= 0.5 ** np.arange(12)) and found.further >= 0.5**12)
    True
    >>> print(str(found).splitlines()[1])
       1           1    [1, 1]                          0.5
    """

    values: Floats
    low: Floats
    high: Floats
    further: float
    left: Floats
    total: float
    confidence: float

    def __str__(self) -> str:
        level = f"{100 * self.confidence:g} % interval"
        lines = [f"rank       value    {level:<26}relative error"]
        for k in range(min(_LISTED, len(self.values))):
            ends = f"[{self.low[k]:.4g}, {self.high[k]:.4g}]"
            left = f"{self.left[k + 1]:.3g}" if k + 1 < len(self.left) else ""
            lines.append(f"{k + 1:4} {self.values[k]:11.4g}    {ends:<26}{left:>9}".rstrip())
        if len(self.values) > _LISTED:
            lines.append(f" ...             {len(self.values) - _LISTED} more")
        if self.further:
            lines.append(f"all others are at most {self.further:.4g}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        facts = {
            "found": f"{len(self.values)} singular values",
            "all others": f"at most {self.further:.4g}",
        }
        return html.card("Scree", facts, html.values_picture(self.values.tolist()))

    def plot(self, axes: object = None) -> PlotAxes:
        """Draw the singular values with their intervals, and what bounds all others.

        Parameters
        ----------
        axes : matplotlib Axes, optional
            Where to draw; new ones by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        SketchError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> res = sketch.svd(np.diag(0.5 ** np.arange(40.0)), rank=5)
        >>> res.scree().plot().get_ylabel()
        'singular value'
        """
        (ax,) = drawing.fresh_axes(axes, 1, (5, 3.6))
        count = max(3, len(self.left) // 2)
        most = np.minimum(self.further, self.total / np.sqrt(np.arange(1, count + 1)))
        label = f"singular value, {100 * self.confidence:g} % interval"
        drawing.draw_values(ax, self.values, self.low, self.high, most, label)
        return ax
