"""
A random forest compressed into a tensor train
==============================================

A random forest of 100 trees is a function that is constant on boxes. On a grid of 16 quantiles of
each of its five variables it is a tensor of a million entries, which ``sketch.cross`` turns into
a train of less than a thousand numbers, by asking the forest itself.
"""

import time

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import make_friedman1
from sklearn.ensemble import RandomForestRegressor

import sketch

BINS = 16
x, y = make_friedman1(1000, n_features=5, random_state=0)
x_new, y_new = make_friedman1(10_000, n_features=5, random_state=1)
forest = RandomForestRegressor(100, random_state=0).fit(x, y)
variables = x.shape[1]

edges = np.quantile(x, np.arange(1, BINS) / BINS, axis=0)
middles = np.quantile(x, (np.arange(BINS) + 0.5) / BINS, axis=0)


def bins_of(points):
    """Return the multi-index of the box that each point is in."""
    return np.stack([np.searchsorted(edges[:, k], points[:, k]) for k in range(variables)], axis=1)


def on_the_grid(i):
    """Return what the forest predicts in the middle of boxes."""
    return forest.predict(np.take_along_axis(middles, i, axis=0))


wide = sketch.cross(on_the_grid, (BINS,) * variables, rank=6)
tt = wide.round(4)  # closer to the forest than what rank 4 asks it for
print(tt)
print(f"asked the forest {wide.n_evaluations:,} times for {BINS**variables:,} boxes")

# %%
# Both predict 10,000 new points:


def timed(predict):
    """Return the mean square of what predictions miss, and the seconds they took."""
    began = time.perf_counter()
    predicted = predict(x_new)
    took = time.perf_counter() - began
    return np.mean((predicted - y_new) ** 2), took


def by_train(points):
    return tt.entries(bins_of(points))


kept = sum(core.size for core in tt.cores) + edges.size
nodes = 3 * sum(tree.tree_.node_count for tree in forest.estimators_)
by_train(x_new[:10])
for name, predict, numbers in (("forest", forest.predict, nodes), ("train", by_train, kept)):
    missed, took = timed(predict)
    print(f"{name:6}  mean square error {missed:.2f}, {numbers:7,} numbers, {took * 1e3:.1f} ms")

# %%
# **What to see.** The train is as good as the forest within a few hundredths of the error, four
# hundred times smaller, and many times faster: a look into five small arrays instead of a hundred
# trees. More ranks would follow the forest's steps more closely, and predict no better. On the
# right, the first two variables of both, the others in the middle of their range.

side = np.linspace(0.01, 0.99, 100)
plane = np.stack([*(v.ravel() for v in np.meshgrid(side, side)), *[np.full(10_000, 0.5)] * 3], 1)
ranks, misses = range(1, 8), []
for rank in ranks:
    other = sketch.cross(on_the_grid, (BINS,) * variables, rank=rank)
    misses.append(np.mean((other.entries(bins_of(x_new)) - y_new) ** 2))

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.2))
left.plot(ranks, misses, "o-", label="train")
left.axhline(np.mean((forest.predict(x_new) - y_new) ** 2), color="0.5", label="forest")
left.set(xlabel="rank", ylabel="mean square error", ylim=(0, None))
left.legend(frameon=False)
for ax, predict, title in ((middle, forest.predict, "forest"), (right, by_train, "train")):
    ax.imshow(predict(plane).reshape(100, 100), origin="lower", extent=(0, 1, 0, 1))
    ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
figure.tight_layout()
