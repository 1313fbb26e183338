"""
Hyperspectral cube: how many materials are in a scene?
======================================================

A hyperspectral camera records a spectrum of 150 bands at every pixel. If the scene is made of a
few materials, each pixel is a mixture of a few spectra, and the matrix *bands x pixels* has
nearly that rank. This scene is simulated: four smooth spectra, smooth abundances, and noise of 1
%.
"""

import numpy as np
from matplotlib import pyplot as plt

import sketch

rng = np.random.default_rng(0)
BANDS, SIDE, MATERIALS = 150, 120, 4

wave = np.linspace(0, 1, BANDS)[:, None]
centres, widths = rng.random((2, 3, 1, MATERIALS))
spectra = sum(np.exp(-((wave - c) ** 2) / (0.01 + 0.1 * w)) for c, w in zip(centres, widths))
y, x = np.mgrid[:SIDE, :SIDE] / SIDE
waves = rng.normal(size=(2, MATERIALS, 1, 1)) * 6
amounts = np.exp(2 * np.sin(waves[0] * x + waves[1] * y + np.arange(4)[:, None, None]))
amounts /= amounts.sum(0)
scene = np.einsum("bm,mxy->bxy", spectra, amounts)
scene += 0.01 * scene.std() * rng.standard_normal(scene.shape)

# %%
# The cube is a tensor; `sketch.svd` wants a matrix, and is told which axis goes against the
# others.

found = sketch.svd(scene.reshape(BANDS, -1), rank=12)
print(found)
noise = 0.01 * scene.std() * np.sqrt(scene.size) / np.linalg.norm(scene)
print(f"relative size of the noise: {noise:.4f}")

# %%
# **What to see.** The error falls until rank 4 and then stays at the level of the noise: four
# materials. The estimate says so without the noise level being known. The first maps carry the
# scene; the sixth is noise.

figure, axes = plt.subplots(1, 4, figsize=(11, 2.9), width_ratios=(1.5, 1, 1, 1))
by_rank = found.errors_by_rank()
axes[0].semilogy(range(13), [by_rank(k).relative for k in range(13)], "o-", color="#c2571a")
axes[0].axhline(noise, color="0.5", linestyle=":")
axes[0].set(xlabel="rank", title="Relative error, and noise")
for ax, k in zip(axes[1:], (0, 3, 5)):
    ax.imshow(np.asarray(found.Vh)[k].reshape(SIDE, SIDE), cmap="magma")
    ax.set(title=f"map {k + 1}", xticks=[], yticks=[])
figure.tight_layout()
