"""
Climate: modes of variability in a packed file
==============================================

Annual-mean temperatures of a climate model, 110 years on a grid of 64 x 128 points. Climate
scientists call the principal components of such a field *empirical orthogonal functions*. The
file is packed to 16 bits; `sketch.open` decodes it by the conventions of its attributes and reads
it in blocks, so a file of any size is treated alike.
"""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

import sketch

DATA = Path(sketch.__file__).parents[1] / "examples" / "data"

with sketch.open(f"{DATA}/temperature.nc::TREFHT") as field:
    years, lat, lon = (np.asarray(axis, dtype=float) for axis in field.labels)
    print(field.dims, field.shape)
    rows = np.asarray(field).reshape(len(years), -1)

# %%
# Grid cells shrink towards the poles, so each column is weighted by the square root of its area.
# The sketch is as wide as there are years, so that nothing is missed and the bounds close; with
# the default width of 40 they would leave a quarter of the variance open.

area = np.sqrt(np.cos(np.radians(lat)))[:, None] * np.ones(lon.size)
found = sketch.pca(rows * area.ravel(), rank=5, sketch_rank=len(years))
print(found)
low, high = found.explained_variance_interval()
for k in range(3):
    ends = 100 * np.array([low[k], high[k]]) / found.total_variance
    print(f"component {k + 1}: between {ends[0]:.2f} and {ends[1]:.2f} % of the variance")

# %%
# **What to see.** The first pattern has one sign nearly everywhere and its time series drifts:
# the run is forced by rising greenhouse gases. It is strongest where sea ice retreats. The bounds
# printed above hold always, not only with a probability.

pattern = (np.asarray(found.components)[0] / area.ravel()).reshape(lat.size, lon.size)
score = np.asarray(found.transform(rows * area.ravel()))[:, 0]
sign = np.sign(score[-20:].mean() - score[:20].mean())
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), width_ratios=(3, 2))
most = np.abs(pattern).max()
mesh = left.pcolormesh(lon, lat, sign * pattern, cmap="RdBu_r", vmin=-most, vmax=most)
left.set(xlabel="longitude", ylabel="latitude", title="First pattern")
figure.colorbar(mesh, ax=left)
right.plot(years, sign * score, color="#2a6db0")
right.set(xlabel="year", title="Its strength in time")
figure.tight_layout()
