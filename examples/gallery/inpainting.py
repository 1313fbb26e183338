"""
An image with gaps
==================

A photograph is not of low rank, but its small patches nearly are: as rows of a matrix, they fill
each other's gaps. Scattered pixels that are missing are easy; scratches are harder, as whole parts
of a patch are gone.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_image

import sketch

image = load_sample_image("china.jpg")[:256, 160:416] / 255.0  # 256 x 256 x 3
rng = np.random.default_rng(0)
scattered = rng.random(image.shape[:2]) < 0.5
i, j = np.mgrid[:256, :256]
scratched = np.zeros((256, 256), bool)
for _ in range(25):  # lines of 3 pixels
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-60, 316)
    scratched |= abs(i * np.cos(angle) + j * np.sin(angle) - offset) < 1.5
SIZE, STEP = 8, 4


def patches(x):
    """Return all patches of SIZE by SIZE pixels, STEP apart, as rows."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (SIZE, SIZE, 3))[::STEP, ::STEP, 0]
    return windows.reshape(-1, SIZE * SIZE * 3)


def assembled(rows, shape):
    """Return the image whose patches are given, averaged where they overlap."""
    total, count = np.zeros(shape), np.zeros(shape)
    steps = range(0, shape[0] - SIZE + 1, STEP), range(0, shape[1] - SIZE + 1, STEP)
    places = [(a, b) for a in steps[0] for b in steps[1]]
    for (a, b), row in zip(places, rows):
        total[a : a + SIZE, b : b + SIZE] += row.reshape(SIZE, SIZE, 3)
        count[a : a + SIZE, b : b + SIZE] += 1
    return total / count


# %%
# Each gap is completed by the columns of all patches, with the rank and the ridge that are best at
# pixels held out. The errors printed are those of missing pixels alone.

results = {}
for name, missing in {"scattered": scattered, "scratched": scratched}.items():
    gaps = np.where(missing[:, :, None], np.nan, image)
    rows = patches(gaps)
    found = sketch.complete(rows, rank=(12, 24))
    filled = np.where(missing[:, :, None], assembled(found.fill(rows), image.shape), image)
    error = np.sqrt(np.mean((filled - image)[missing] ** 2))
    print(f"{name}: {missing.mean():.0%} missing, rank {found.rank}, error {error:.3f}")
    results[name] = gaps, filled, error

# %%
# **What to see.** Edges of roofs go on through the gaps, since patches elsewhere have them too.

figure, axes = plt.subplots(1, 4, figsize=(11, 3))
for pair, (name, (gaps, filled, error)) in zip((axes[:2], axes[2:]), results.items()):
    pair[0].imshow(np.nan_to_num(gaps, nan=1.0))
    pair[0].set(title=name)
    pair[1].imshow(np.clip(filled, 0, 1))
    pair[1].set(title=f"completed, error {error:.3f}")
for ax in axes:
    ax.set(xticks=[], yticks=[])
figure.tight_layout()
