"""
Low rank plus sparse, without adding them
=========================================

A model of rank 30 is known as its factors, and sparse corrections arrive beside it: ratings,
residuals, a day's changes. Their sum is neither low-rank nor sparse. Written down, it would fill
8 GB; as a lazy sum each term is multiplied in its own form.
"""

import time

import numpy as np
import scipy.sparse as sp
from matplotlib import pyplot as plt

import sketch
from sketch.testing import exponential

rng = np.random.default_rng(0)
m, n, r = 40_000, 25_000, 30
left = np.linalg.qr(rng.standard_normal((m, r)))[0] * (1000 * exponential(r, 0.8))
right = np.linalg.qr(rng.standard_normal((n, r)))[0]
model = sketch.CPTensor(None, [left, right])
changes = sp.random_array((m, n), density=2e-4, format="csr", rng=1)
print(model.shape, f"and {changes.nnz:,} changes")

# %%
# The sum is an expression, and goes into `svd` as it is.

start = time.perf_counter()
total = model + 10.0 * changes
found = sketch.svd(total, rank=30, power_iters=2)
print(f"{time.perf_counter() - start:.2f} s")
print(found)

# %%
# **What to see.** The leading singular values are the model's. From about the fifteenth on they
# lie on a plateau: that is the noise of the changes, and for practical purposes the rank of the
# model ends there. Values near the plateau are lower bounds that further power steps would lift a
# little.

figure, ax = plt.subplots(figsize=(6, 3.4))
ax.semilogy(np.arange(1, r + 1), 1000 * exponential(r, 0.8), "k.", label="of the model alone")
ax.semilogy(np.arange(1, r + 1), found.s, color="#2a6db0", label="of the sum")
ax.set(xlabel="index", ylabel="singular value")
ax.legend(frameon=False)
figure.tight_layout()
