"""
Ratings from a stream
=====================

Users come one after the other, and each has rated a few films in a hundred. Their tastes follow a
few directions, and there is noise. A stream of them is read once; what is held does not grow with
their number. Synthetic, so that the truth is known; the real data of this form have 480,189 users.
"""

import time

import numpy as np
import scipy.sparse
from matplotlib import pyplot as plt

import sketch

USERS, FILMS, TASTES, NOISE = 24_000, 2_000, 8, 0.8
rng = np.random.default_rng(0)
films = rng.standard_normal((FILMS, TASTES)) / TASTES**0.25
liked = 0.5 * rng.standard_normal(FILMS)  # films that all like, or none
popularity = np.arange(1, FILMS + 1) ** -0.5
popularity /= popularity.sum()


def users(count):
    """Return the ratings of some users that nobody has seen before, and what they would rate."""
    tastes = rng.standard_normal((count, TASTES)) / TASTES**0.25
    mild = 3.5 + 0.4 * rng.standard_normal(count)
    truth = mild[:, None] + liked + tastes @ films.T
    places = [rng.choice(FILMS, 80, replace=False, p=popularity) for _ in range(count)]
    columns, starts = np.concatenate(places), 80 * np.arange(count + 1)
    ratings = truth[np.repeat(np.arange(count), 80), columns]
    ratings = ratings + NOISE * rng.standard_normal(columns.size)
    return scipy.sparse.csr_array((ratings, columns, starts), shape=truth.shape), truth


# %%
# New users are kept apart, to see how well their tastes are known from what they rated.

some, truth = users(500)


def error(found):
    return np.sqrt(np.mean((found.of(some).to_array() - truth) ** 2))


sk = sketch.Completion((None, FILMS), rank=TASTES)
seen, errors, spent = [], [], 0.0
for _ in range(USERS // 1000):
    ratings, _ = users(1000)
    start = time.perf_counter()
    sk.update(ratings)
    spent += time.perf_counter() - start
    seen.append(sk.shape[0])
    errors.append(error(sk.finalize()) if len(seen) % 4 == 0 else np.nan)
found = sk.finalize()
print(found)
print(f"state of {sk.nbytes / 1e6:.1f} MB")
print("error of a rating:", found.rmse)
print(f"of which {NOISE} is noise; error of what users think: {error(found):.3f}")

# %%
# **What to see.** The more users, the better the films are known. Two halves of the stream that
# were followed apart are merged into one sketch.

halves = []
for _ in range(2):
    half = sketch.Completion((None, FILMS), rank=TASTES)
    half.consume(users(1000)[0] for _ in range(USERS // 2000))
    halves.append(half)
alone, merged = error(halves[0].finalize()), error((halves[0] + halves[1]).finalize())
print(f"error after half of the users {alone:.3f}, both halves merged {merged:.3f}")

figure, ax = plt.subplots(figsize=(6, 3.4))
at = ~np.isnan(errors)
ax.plot(np.array(seen)[at], np.array(errors)[at], "o-", color="#2a6db0", label="one stream")
ax.plot(USERS, merged, "s", color="#b0502a", label="two halves merged")
ax.set(xlabel="users seen", ylabel="error of a rating, noise apart", ylim=(0, None))
ax.legend()
figure.tight_layout()
