"""
Genotypes: ancestry from a `.bed` file
======================================

Genetics stores for each person and variant how many copies of a letter were found: 0, 1 or 2, in
two bits. Here 1,500 people of three populations are simulated, 5,000 variants each, written to a
PLINK file, and read back in blocks.
"""

import tempfile
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

import sketch

rng = np.random.default_rng(0)
PEOPLE, VARIANTS = 1500, 5000
ancestral = rng.uniform(0.1, 0.9, VARIANTS)
drift = 0.05 * ancestral * (1 - ancestral)
frequencies = np.clip(ancestral + np.sqrt(drift) * rng.standard_normal((3, VARIANTS)), 0.02, 0.98)
origin = rng.integers(0, 3, PEOPLE)
genotypes = rng.binomial(2, frequencies[origin]).astype(np.uint8)  # people x variants

# %%
# Two bits a genotype, four people a byte, one variant after the other:

folder = Path(tempfile.mkdtemp())
codes = np.array([3, 2, 0], dtype=np.uint8)[genotypes.T]  # 0, 1 or 2 copies of the first letter
packed = codes.reshape(VARIANTS, -1, 4) << np.array([0, 2, 4, 6], dtype=np.uint8)
content = bytes([0x6C, 0x1B, 0x01]) + packed.sum(-1).astype(np.uint8).tobytes()
(folder / "cohort.bed").write_bytes(content)
(folder / "cohort.fam").write_text("".join(f"f p{i} 0 0 0 -9\n" for i in range(PEOPLE)))
(folder / "cohort.bim").write_text("".join(f"1 v{j} 0 {j + 1} A G\n" for j in range(VARIANTS)))
with sketch.open(folder / "cohort.bed") as data:
    print(data)
    print("read back as written:", bool(np.array_equal(np.asarray(data), genotypes)))

# %%
# **What to see.** Two components separate three populations, as they must: three means span a
# plane. The next ones explain no more than chance.

found = sketch.pca(folder / "cohort.bed", rank=6)
print(found)
scores = np.asarray(found.transform(genotypes.astype(float)))
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
left.scatter(scores[:, 0], scores[:, 1], c=origin, s=5, cmap="viridis")
left.set(xlabel="component 1", ylabel="component 2", title="people, coloured by population")
right.bar(range(1, 7), 100 * np.asarray(found.explained_variance_ratio), color="#2a6db0")
right.set(xlabel="component", title="% of the variance")
figure.tight_layout()
