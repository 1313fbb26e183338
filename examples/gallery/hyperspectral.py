"""
Hyperspectral cube: how many numbers are in a spectrum?
=======================================================

An airborne camera saw fields in Indiana at 145 x 145 pixels, each in 50 bands from visible light
to infrared (the Indian Pines scene). Fields differ in a few broad features, so a spectrum of 50
numbers holds far fewer. How many, and are they enough to tell what grows there?
"""

from pathlib import Path

import h5py
import numpy as np
from matplotlib import pyplot as plt
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import sketch
from sketch.sklearn import SketchPCA

FILE = Path(sketch.__file__).parents[1] / "examples" / "data" / "indian_pines.h5"
with h5py.File(FILE) as file:
    wavelength, crop = file["wavelength"][:], file["crop"][:].ravel()

# %%
# The file is a tensor, bands first; a matrix call takes the first axis against the others.

scene = sketch.open(f"{FILE}::scene")
result = sketch.svd(scene, rank=20)
print(scene.shape, result)

# %%
# Pixels as rows, about their mean spectrum, and what grows in those that somebody has visited:

spectra = scene[:].reshape(len(wavelength), -1).T
components = SketchPCA(20).fit(spectra)
scores = components.transform(spectra)
visited = np.flatnonzero(crop)[::4]
neighbours = KNeighborsClassifier(5)


def accuracy(features):
    """Return the share of pixels whose neighbours, by their features, grow the same."""
    return cross_val_score(neighbours, features[visited], crop[visited], cv=3).mean()


ranks = (1, 2, 3, 4, 6, 8, 12, 16, 20)
found = [accuracy(scores[:, :k]) for k in ranks]
print(f"all 50 bands: {accuracy(spectra):.3f}, 16 components: {found[7]:.3f}")

# %%
# **What to see.** Rank 2 leaves 5 % of the scene; from there on the error falls slowly, for noise
# and small things are of full rank. Of the pixels that all 50 bands tell right, three components do
# nine in ten, and sixteen all but one in a hundred. The second component knows fields and roads.
# The sixteenth is stripes and grain, and its spectrum two neighbouring bands against each other:
# noise of the camera more than plants.

figure, axes = plt.subplots(2, 3, figsize=(10, 6.2))
by_rank = result.errors_by_rank()
axes[0, 0].semilogy(range(21), [by_rank(k).relative for k in range(21)], "o-", color="#c2571a")
axes[0, 0].set(xlabel="rank", title="Relative error")
axes[1, 0].plot(ranks, found, "o-")
axes[1, 0].axhline(accuracy(spectra), color="0.5", linestyle=":", label="all 50 bands")
axes[1, 0].set(xlabel="components", title="Share of pixels told right")
axes[1, 0].legend()
for ax, k in zip(axes[0, 1:], (1, 15)):
    low, high = np.percentile(scores[:, k], (2, 98))
    ax.imshow(scores[:, k].reshape(scene.shape[1:]), cmap="RdBu", vmin=low, vmax=high)
    ax.set(title=f"component {k + 1}", xticks=[], yticks=[])
for k, style in ((0, "-"), (1, "-"), (15, ":")):
    axes[1, 1].plot(wavelength, components.components_[k], style, label=f"{k + 1}")
axes[1, 1].set(xlabel="wavelength, nm", title="Spectra of components")
axes[1, 1].legend()
axes[1, 2].imshow(np.ma.masked_equal(crop, 0).reshape(scene.shape[1:]), cmap="tab20")
axes[1, 2].set(title="what grows there", xticks=[], yticks=[])
figure.tight_layout()
