"""
A plate with nine cookies, for all their conductivities at once
===============================================================

A heated square plate holds nine discs, each of one of 15 conductivities: 15^9 = 38 billion plates
with 576 temperatures each. They solve one linear system whose matrix is a train operator and whose
solution is a train of some 130,000 numbers: the *cookie problem* of the literature, on a coarse
grid.
"""

import time

import numpy as np
import scipy.sparse as sp
from matplotlib import pyplot as plt

import sketch

grid, discs, values = 24, 9, np.linspace(0.0, 1.0, 15)
centres = [((2 * i + 1) / 6, (2 * j + 1) / 6) for i in range(3) for j in range(3)]


def stiffness(inside):
    """Return the five-point stiffness matrix of a conductivity that is 1 inside, 0 elsewhere."""
    half, whole = np.meshgrid((np.arange(grid + 1) + 0.5), (np.arange(grid) + 1), indexing="ij")
    step = sp.diags_array([1.0, -1.0], offsets=[0, -1], shape=(grid + 1, grid))
    eye = sp.eye_array(grid)
    across = sp.diags_array(inside(half / (grid + 1), whole / (grid + 1)).ravel().astype(float))
    down = sp.diags_array(inside(whole.T / (grid + 1), half.T / (grid + 1)).ravel().astype(float))
    first, second = sp.kron(step, eye), sp.kron(eye, step)
    return (first.T @ across @ first + second.T @ down @ second).tocsr()


plate = stiffness(lambda x, y: np.ones_like(x))
cookies = [stiffness(lambda x, y, c=c: (x - c[0]) ** 2 + (y - c[1]) ** 2 < 0.1**2) for c in centres]

# %%
# Each disc adds its own matrix times its own value: a term of rank one. The sum of the ten terms
# has cores of rank 10, most of whose entries are zero, and so they are multiplied as sparse ones.

eye = sp.eye_array(values.size)
terms = [sketch.TTOperator.kronecker([plate] + [eye] * discs)]
for k, cookie in enumerate(cookies):
    others = [sp.diags_array(values) if j == k else eye for j in range(discs)]
    terms.append(sketch.TTOperator.kronecker([cookie, *others]))
operator = sum(terms)
print(operator)

# %%
# The right-hand side is heat that comes evenly. The inverse at the mean of all values, the same for
# each plate, is a preconditioner of rank one. The residual that is printed is the true one, found
# by orthogonalising b - A x.

heat = sketch.CPTensor(None, [np.ones((n, 1)) for n in operator.in_shape])
mean = plate + values.mean() * sum(cookies)
inverse = sketch.TTOperator.kronecker([np.linalg.inv(mean.toarray())] + [eye] * discs)
start = time.perf_counter()
found = sketch.solve(operator, heat, tol=1e-3, preconditioner=inverse)
print(f"{time.perf_counter() - start:.1f} s, {found.steps} steps, ranks up to {max(found.ranks)}")
print(found.residual)

# %%
# **What to see.** Mean and spread of the temperature over all 38 billion plates follow from the
# train itself. The plate is hottest in the middle, but what the cookies change is largest at the
# inner rims of those at the sides. Each step of the solver divides the residual by about six.

plates = values.size**discs
average = found.x.sum(axis=range(1, discs + 1)).to_array() / plates
first = found.x.orthogonalize(0).cores[0][0]  # all cores behind it have orthonormal rows
spread = np.sqrt(np.square(first).sum(axis=1) / plates - average**2)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.0), width_ratios=(1.2, 1.2, 1))
for ax, field, title in zip(axes, (average, spread), ("Mean", "Standard deviation")):
    image = ax.imshow(field.reshape(grid, grid), extent=(0, 1, 0, 1), origin="lower", cmap="magma")
    ax.set(xticks=[], yticks=[], title=title)
    for centre in centres:
        ax.add_patch(plt.Circle(centre[::-1], 0.1, fill=False, color="white", lw=0.7))
    figure.colorbar(image, ax=ax)
axes[2].semilogy(np.arange(1, len(found.history) + 1), found.history, "o-", color="#2a6db0")
axes[2].set(xlabel="step", title="Relative residual")
figure.tight_layout()
