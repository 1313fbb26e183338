"""
An image, by rank
=================

A photograph is a matrix for each colour. It is a small and friendly example: one sees what a rank
is.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_sample_image

import sketch

image = load_sample_image("china.jpg") / 255.0  # 427 x 640 x 3
tall = np.concatenate([image[:, :, colour] for colour in range(3)])  # colours below each other
found = sketch.svd(tall, rank=120, power_iters=1)
print(found)

# %%
# One decomposition serves all smaller ranks: `truncate` cuts it, and the error follows.

RANKS = (5, 20, 60, 120)
for rank in RANKS:
    short = found.truncate(rank)
    size = short.U.size + short.s.size + short.Vh.size
    print(f"rank {rank:3}: error {short.error.relative:.3f}, {tall.size / size:.1f} times smaller")

# %%
# **What to see.** Rank 5 is light and dark, rank 20 the shape of the building, rank 60 most of
# what one notices. The error printed above is that of the whole picture in the mean square.

figure, axes = plt.subplots(1, 4, figsize=(11, 2.4))
for ax, rank in zip(axes, RANKS):
    again = np.asarray(found.truncate(rank).to_array()).reshape(3, *image.shape[:2])
    ax.imshow(np.clip(np.moveaxis(again, 0, -1), 0, 1))
    ax.set(title=f"rank {rank}", xticks=[], yticks=[])
figure.tight_layout()
