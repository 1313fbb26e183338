"""
A function of seven variables, asked and overheard
==================================================

The cycle time of a piston depends on seven quantities: its mass, its surface, the volume of the
gas, and so on. On 16 values of each, that is a tensor of 268 million entries. ``sketch.cross`` may
ask for the entries it wants; ``sketch.complete_train`` has to live with those that are given.
"""

import numpy as np
from matplotlib import pyplot as plt

import sketch

low = np.array([30, 0.005, 0.002, 1000, 90_000, 290, 340])
high = np.array([60, 0.020, 0.010, 5000, 110_000, 296, 360])
SHAPE = (16,) * 7


def cycle_time(i):
    """Return the seconds of a cycle of the piston at multi-indices (p, 7)."""
    mass, surface, volume, spring, pressure, ambient, temperature = (low + (high - low) * i / 15).T
    a = pressure * surface + 19.62 * mass - spring * volume / surface
    heat = pressure * volume * ambient / temperature
    v = surface / (2 * spring) * (np.sqrt(a**2 + 4 * spring * heat) - a)
    return 2 * np.pi * np.sqrt(mass / (spring + surface**2 * heat / v**2))


ranks, asked, given = range(1, 6), [], []
points = np.random.default_rng(0).integers(0, 16, (20_000, 7))
for rank in ranks:
    asked.append(sketch.cross(cycle_time, SHAPE, rank=rank))
    given.append(sketch.complete_train(points, cycle_time(points), SHAPE, rank=rank))
    print(
        f"rank {rank}: {asked[-1].n_evaluations:6,} entries that were chosen, error "
        f"{asked[-1].error.relative:.1e}; {len(points):,} that were given, error "
        f"{given[-1].error.relative:.1e} ({given[-1].error.kind})"
    )

# %%
# The truth at 100,000 further entries, beside what the trains say of themselves:

fresh = np.random.default_rng(1).integers(0, 16, (100_000, 7))
exact = cycle_time(fresh)


def true_error(tt):
    return np.linalg.norm(tt.entries(fresh) - exact) / np.linalg.norm(exact)


figure, ax = plt.subplots(figsize=(7.5, 3.4))
for trains, label, colour in ((asked, "asked", "#2a6db0"), (given, "given", "#c2571a")):
    ax.semilogy(ranks, [true_error(tt) for tt in trains], "o-", color=colour, label=label)
    for rank, tt in zip(ranks, trains):
        if tt.error.kind != "heuristic":
            ends = np.array(tt.error.interval()) / tt.error.norm
            ax.plot([rank + 0.1] * 2, ends, color=colour, linewidth=4, alpha=0.4)
        else:
            ax.plot(rank + 0.1, tt.error.relative, "_", color=colour, markersize=12)
ax.set(xlabel="rank", ylabel="relative error")
ax.legend(frameon=False)
figure.tight_layout()

# %%
# **What to see.** Trains that may ask go on getting better. Trains of given entries do as long as
# the entries determine them. Bars are 95 % intervals, from entries that were held out; where these
# cannot show how far the train is off where no entry lies, its error is heuristic, and a dash here.
