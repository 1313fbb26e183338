"""
Knowledge graph: a sparse tensor of order four
==============================================

Facts of the kind *subject, relation, object, year* from Wikidata, such as who held which office
when. As a tensor that is 12,554 x 24 x 12,554 x 1,019 entries, of which 38,707 are 1 and all
others 0. Made dense it would need 31 TB.
"""

import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from matplotlib import pyplot as plt

import sketch

DATA = Path(sketch.__file__).parents[1] / "examples" / "data" / "wikidata12k"
facts = np.concatenate(
    [
        np.loadtxt(DATA / f"{part}.txt.gz", dtype=str, comments=None)
        for part in ("train", "valid", "test")
    ]
)
begin = np.array([start[:4] for start in facts[:, 3]])
known = np.char.isdigit(begin)
place = np.column_stack([facts[known, :3].astype(int), begin[known].astype(int) - 1000])
place = np.unique(place, axis=0)
shape = tuple(int(n) for n in place.max(0) + 1)
tensor = sp.coo_array((np.ones(len(place)), tuple(place.T)), shape=shape)
print(shape, tensor.nnz, "facts")

# %%
# A tensor train, from one pass over the entries and from one pass for each mode:

for method in ("stta", "tt-hmt"):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tt = sketch.tensor_train(tensor, rank=8, method=method)
    print(f"{method:7}", tt.error, *(f"\n        {warning.message}" for warning in said))

# %%
# **What to see.** Facts about people have no low rank. After one pass the result is further away
# than zero, and a warning says so; after a pass for each mode the error is just below 1: nothing
# like the whole tensor fits into rank 8. An error bar that says this plainly is worth more than a
# picture that hides it. What can be had are the years in which most facts begin: the last core of
# the train shows them.

years = np.arange(1000, 1000 + shape[3])
counts = np.bincount(place[:, 3], minlength=shape[3])
core = np.asarray(tt.cores[-1])[:, :, 0]
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
left.semilogy(years, np.maximum(counts, 0.5), color="0.4", linewidth=0.8)
left.set(xlabel="year", title="facts in the data", xlim=(1500, 2018))
strength = np.linalg.norm(core, axis=1)
for k in np.argsort(strength)[::-1][:3]:
    right.plot(years, np.abs(core[k]), linewidth=0.9)
right.set(xlabel="year", title="leading rows of the core of years", xlim=(1500, 2018))
figure.tight_layout()
