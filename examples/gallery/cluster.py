"""
A cluster that loses a worker
=============================

A Dask array of 320 MB, made where it is needed, is sketched by two worker processes. While they
are at it, one of them is killed. Its chunks are computed again elsewhere, and the result is the
same bit for bit: test matrices follow from the seed and the place, and sums are added in an order
that depends on the chunks alone.
"""

import os
import signal
import threading
import time

import dask.array as da
import numpy as np
from distributed import Client, SubprocessCluster
from matplotlib import pyplot as plt

import sketch


def block(block_info=None):
    """Make one chunk: rank 8 and noise, from the number of its place alone."""
    (r0, r1), (c0, c1) = block_info[None]["array-location"]
    time.sleep(0.02)  # as if it were read from a disk
    i, j = np.arange(r0, r1)[:, None], np.arange(c0, c1)
    smooth = sum(np.sin(k * i / 3e3) * np.cos(k * j / 500) / k for k in range(1, 9))
    noise = np.random.default_rng([r0, c0]).standard_normal((r1 - r0, c1 - c0))
    return smooth + 0.05 * noise


x = da.map_blocks(block, chunks=((1000,) * 20, (1000, 1000)), dtype=float, meta=np.empty((0, 0)))

cluster = SubprocessCluster(
    n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
)
client = Client(cluster)

# %%
# A small piece first, so that the workers have started and imported what they need. Then once in
# peace, once with a kill after a moment:

sketch.svd(x[:4000], rank=8, method="nystrom")
seconds = {}
start = time.perf_counter()
calm = sketch.svd(x, rank=8, method="nystrom")
seconds["in peace"] = time.perf_counter() - start

pids = list(client.run(os.getpid).values())
alarm = threading.Timer(0.4, os.kill, (pids[0], signal.SIGKILL))
start = time.perf_counter()
alarm.start()
stormy = sketch.svd(x, rank=8, method="nystrom")
seconds["one worker killed"] = time.perf_counter() - start
alarm.join()

same = np.array_equal(calm.s, stormy.s) and np.array_equal(calm.Vh, stormy.Vh)
print("the same bit for bit:", same)
print(stormy)
left = np.asarray(stormy.U)
client.close()
cluster.close()

# %%
# **What to see.** The kill costs time and nothing else.

figure, (ax, spectrum) = plt.subplots(1, 2, figsize=(9, 3))
ax.barh(list(seconds), list(seconds.values()), color=["#2a6db0", "#c2571a"])
ax.set(xlabel="seconds")
spectrum.semilogy(range(1, 9), calm.s, "o", fillstyle="none", label="in peace")
spectrum.semilogy(range(1, 9), stormy.s, "x", label="one worker killed")
spectrum.set(xlabel="index", ylabel="singular value")
spectrum.legend(frameon=False)
figure.tight_layout()
