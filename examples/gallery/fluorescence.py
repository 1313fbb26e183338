"""
Fluorescence: the chemical rank of a tensor
===========================================

Five samples with three amino acids in different amounts; for each, light of 61 wavelengths goes
in and 201 wavelengths are measured coming out. By the physics the tensor *sample x emission x
excitation* is a sum of three terms, one for each substance [1]_.

.. [1] R. Bro, "PARAFAC. Tutorial and applications", Chemom. Intell. Lab. Syst. 38 (1997) 149-171.
"""

from pathlib import Path

import numpy as np
import scipy.io
from matplotlib import pyplot as plt

import sketch

DATA = Path(sketch.__file__).parents[1] / "examples" / "data"
tensor = scipy.io.loadmat(f"{DATA}/aminoacids.mat")["X"][0, 0]["data"].astype(float)
print(tensor.shape)

# %%
# A tensor train of ranks (3, 3) is thirty times smaller than the tensor:

tt = sketch.tensor_train(tensor, rank=3)
print(tt)
print(tt.error)
kept = sum(core.size for core in tt.cores)
print(f"{tensor.size:,} numbers become {kept:,}")

# %%
# **What to see.** The singular values of the emission axis fall by a factor of twenty after the
# third: three substances. The train of rank 3 redraws a sample to within 3 %; what is left over
# is the scattered light along the diagonal, which is not chemistry.

emission = sketch.svd(np.moveaxis(tensor, 1, 0).reshape(201, -1), rank=12)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.3))
emission.scree().plot(axes[0])
sample = tensor[4]
rebuilt = np.asarray(tt[4].to_array())
extent = (240, 300, 450, 250)
axes[1].imshow(sample, aspect="auto", extent=extent, cmap="viridis")
axes[1].set(title="a sample", xlabel="excitation, nm", ylabel="emission, nm")
left_over = axes[2].imshow(sample - rebuilt, aspect="auto", extent=extent, cmap="RdBu_r")
axes[2].set(title="what rank 3 leaves over", xlabel="excitation, nm")
figure.colorbar(left_over, ax=axes[2])
figure.tight_layout()
