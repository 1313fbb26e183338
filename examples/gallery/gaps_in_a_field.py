"""
A climate field with gaps
=========================

Annual-mean temperatures of a climate model, of which three cells in ten are taken away: some here
and there, some as whole regions for years, as where no ship went. What is left determines the
others, as far as the field has few patterns.
"""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

import sketch

DATA = Path(sketch.__file__).parents[1] / "examples" / "data"

with sketch.open(f"{DATA}/temperature.nc::TREFHT") as field:
    years, lat, lon = (np.asarray(axis, dtype=float) for axis in field.labels)
    rows = np.asarray(field).reshape(len(years), -1)[:, ::2]

rng = np.random.default_rng(0)
known = rng.random(rows.shape) > 0.25
grid = known.reshape(len(years), lat.size, -1)
for _ in range(40):  # regions of 8 by 8 cells that are missing for 20 years
    year, i, j = (rng.integers(0, size - 8) for size in grid.shape)
    grid[year : year + 20, i : i + 8, j : j + 8] = False
gaps = np.where(known, rows, np.nan)
print(f"{1 - known.mean():.1%} of {rows.size:,} cells are missing")

# %%
# The rank is chosen among a few, and the ridge by itself, at entries that are held out for it.
# Others measure the error: it holds for cells that are missing here and there. Of those in a
# region, neighbours are missing too, and the error is larger.

found = sketch.complete(gaps, rank=(5, 10, 20))
print(found)
print("held out:", found.rmse)
filled = found.fill(gaps)
spread = np.where(known, rows, np.nan) - np.nanmean(gaps, axis=0)
print(f"spread about the mean of each cell: {np.sqrt(np.nanmean(spread**2)):.2f} K")
print(f"error of missing cells: {np.sqrt(np.mean((filled - rows)[~known] ** 2)):.2f} K")

# %%
# **What to see.** One year, its gaps, and what fills them, as differences from the mean of all
# years.

year = int(np.argmin(known.mean(axis=1)))
mean = np.nanmean(gaps, axis=0)
figure, axes = plt.subplots(1, 3, figsize=(11, 2.6), layout="constrained")
pictures = {"the model": rows[year], "what is known": gaps[year], "completed": filled[year]}
for ax, (title, values) in zip(axes, pictures.items()):
    shown = (values - mean).reshape(lat.size, -1)
    mesh = ax.pcolormesh(lon[::2], lat, shown, cmap="RdBu_r", vmin=-3, vmax=3)
    ax.set(title=title, xticks=[], yticks=[])
figure.colorbar(mesh, ax=axes, label="K")
