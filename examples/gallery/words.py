"""
Words: where one pass is not enough
===================================

Counts of 6,906 words in 3,430 blog entries: 353,160 numbers that are not zero. Their singular
values fall slowly, as those of texts do. This is the hard case for sketching, and worth an honest
look.
"""

import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from matplotlib import pyplot as plt

import sketch

DATA = Path(sketch.__file__).parents[1] / "examples" / "data"
document, word, count = np.loadtxt(
    f"{DATA}/docword.kos.txt.gz", dtype=np.int64, skiprows=3, unpack=True
)
counts = sp.csr_array((count.astype(float), (document - 1, word - 1)), shape=(3430, 6906))
norm = sp.linalg.norm(counts)

# %%
# The matrix is never made dense. The best error of rank 20, from an exact decomposition, is
# 0.8077 of the norm. How near does each method come?

BEST = 0.8077
runs = {
    "Nyström": {"method": "nystrom"},
    "HMT": {},
    "HMT, half a step": {"power_iters": 0.5},
    "HMT, one step": {"power_iters": 1},
    "HMT, two steps": {"power_iters": 2},
    "krylov": {"method": "krylov", "passes": 3},
}
found = {}
for name, options in runs.items():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found[name] = sketch.svd(counts, 20, **options)
    read = f"{found[name].n_passes} reading{'s' * (found[name].n_passes > 1)}"
    print(f"{name:16} {read:10} {found[name].error.relative:.4f}", *(one.message for one in said))

# %%
# **What to see.** With the method for streams that are cut both ways, the result of rank 20 is
# further from the data than zero is, and a warning says so. HMT mends that in the same single
# reading, since the rows are whole; a second one closes nearly all of the gap to the best, and a
# third the rest. The estimate of each method is the dot, its 95 % interval the bar.

figure, ax = plt.subplots(figsize=(7, 3.2))
for place, one in enumerate(found.values()):
    low, high = (x / norm for x in one.error.interval())
    value = one.error.relative
    ax.errorbar(
        value, place, xerr=[[max(0, value - low)], [max(0, high - value)]], fmt="o", capsize=3
    )
ax.axvline(BEST, color="#c2571a", linestyle=":", label="best of rank 20")
ax.legend(frameon=False, loc="center right")
ax.set(yticks=range(len(found)), yticklabels=list(found), xlabel="relative error", ylim=(-0.5, 5.7))
ax.invert_yaxis()
figure.tight_layout()
