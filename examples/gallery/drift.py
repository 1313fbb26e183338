"""
A stream that changes: windows and forgetting
=============================================

Sensors deliver 100 rows of 60 channels every minute. What moves them changes at minute 100. A
sketch of everything mixes both regimes; a sliding window and fading memory follow.
"""

import numpy as np
from matplotlib import pyplot as plt

import sketch

rng = np.random.default_rng(0)
MINUTES, CHANNELS = 200, 60
before, after = np.linalg.qr(rng.standard_normal((CHANNELS, 4)))[0].T.reshape(2, 2, CHANNELS)


def minute(t):
    """Return the rows of one minute."""
    plane = before if t < 100 else after
    return 5 * rng.standard_normal((100, 2)) @ plane + rng.standard_normal((100, CHANNELS))


everything = sketch.GramNystrom(CHANNELS, rank=2)
window = sketch.SlidingWindow(sketch.GramNystrom(CHANNELS, rank=2), length=20)
fading = sketch.GramNystrom(CHANNELS, rank=2)


def agreement(sk):
    """Return how much of the new plane the leading components span, between 0 and 1."""
    return np.linalg.norm(after @ np.asarray(sk.finalize().components).T) ** 2 / 2


followed = []
for t in range(MINUTES):
    rows = minute(t)
    everything.update(rows)
    window.update(rows)
    fading = 0.9 * fading
    fading.update(rows)
    followed.append([agreement(sk) for sk in (everything, window, fading)])

# %%
# **What to see.** The sketch of everything needs as long to learn the new regime as it watched
# the old one. The window of 20 minutes turns after ten and is rid of the past after twenty;
# fading by a tenth each minute turns after five and forgets without an edge. The sketches hold a
# few kilobytes each, the window one for every minute in it, however long the stream.

figure, ax = plt.subplots(figsize=(7.5, 3.2))
labels = ("everything", "window of 20", "fading, 0.9 a minute")
for values, label, colour in zip(np.array(followed).T, labels, ("0.4", "#2a6db0", "#c2571a")):
    ax.plot(values, label=label, color=colour)
ax.axvline(100, color="0.7", linestyle=":")
ax.set(xlabel="minute", ylabel="share of the new plane")
ax.legend(frameon=False)
figure.tight_layout()
print(f"bytes held: {everything.nbytes:,} (everything), {fading.nbytes:,} (fading)")
