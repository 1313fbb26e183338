"""Damaged files of every format, read in processes of their own: no crash, no foreign error.

The long form of `test_hostile_files`: ``python tests/damage.py [--cases N] [--seed S] [WRITER...]``
flips, cuts, inserts, removes and repeats bytes of small files, opens them by `sketch.open` and
reads all; it prints a Markdown table, and each finding with the seed that shows it again.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import file_formats
from file_formats import contents

import sketch

MATRIX = np.round(np.random.default_rng(0).standard_normal((23, 17)) * 100)
WRITERS = {writer.__name__: writer for writer in file_formats.ALL}
SLICE = 100  # cases of one process
SECONDS = 60  # that a case may take
MEMORY = 6 * 2**30


def read(spec):
    """Open and read all, labels too, as far as it claims to be of a size that a test can hold."""
    with sketch.open(spec) as file:
        assert len(file.labels) == file.ndim
        if np.prod(file.shape, dtype=float) < 1e6:
            contents(file)


def damaged(content, chance):
    """Return bytes that were hit once, by what a seeded source of chance draws."""
    size = len(content)
    at = chance.randrange(min(size, 300) if chance.random() < 0.5 else size) if size else 0
    kind = chance.choice(["flip", "flip", "byte", "cut", "insert", "remove", "repeat"])
    length = chance.choice([1, 1, 2, 4, 8, 64])
    changed = {
        "flip": lambda: bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :],
        "byte": lambda: chance.choice([b"\0", b"\xff", b" ", b"9", b"-"]) + content[at + 1 :],
        "cut": lambda: b"",
        "insert": lambda: chance.randbytes(length) + content[at:],
        "remove": lambda: content[at + length :],
        "repeat": lambda: content[at : at + length] + content[at:],
    }
    return content[:at] + (changed[kind]() if size else b"\0")


def run(name, first, count):
    """Damage the files of a writer and tell of each case what came: a line before, a word after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        spec = WRITERS[name](Path(folder), MATRIX)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        for seed in range(first, first + count):
            print(f"\n{seed}", end=" ", flush=True)
            chance = random.Random(f"{name} {seed}")
            path = chance.choice(files)
            whole = path.read_bytes()
            path.write_bytes(damaged(whole, chance))
            signal.alarm(SECONDS)
            try:
                read(spec)
                said = "read"
            except sketch.SketchError as error:
                said = "refused" if folder in str(error) else f"nameless: {error!r}"
            except BaseException as error:
                said = f"foreign: {error!r}"
            signal.alarm(0)
            print(said.replace("\n", " "), end="", flush=True)
            path.write_bytes(whole)


def outcomes(name, first, count):
    """Yield the seed of each case and what came, from processes that may crash."""
    end = first + count
    while first < end:
        command = [sys.executable, __file__, "--child", name, "--seed", str(first)]
        command += ["--cases", str(min(SLICE, end - first))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line.partition(" ") for line in done.stdout.splitlines() if line]
        if not lines:
            raise RuntimeError(done.stderr)
        for seed, _, said in lines:
            yield int(seed), said or f"crashed: {done.returncode} {done.stderr[-200:]}"
        first = int(lines[-1][0]) + 1


def main():
    """Read the arguments, run, print the counts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("writers", nargs="*", metavar="WRITER", default=list(WRITERS))
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        run(chosen.child, chosen.seed, chosen.cases)
        return 0
    rows, bad = [], 0
    for name in chosen.writers:
        counts = collections.Counter()
        for seed, said in outcomes(name, chosen.seed, chosen.cases):
            kind = said if said in ("read", "refused") else "bad"
            counts[kind] += 1
            if kind == "bad":
                print(f"FINDING {name} seed {seed}: {said}", flush=True)
        rows.append((name, counts))
        bad += counts["bad"]
        print(f"{name}: {dict(counts)}", file=sys.stderr, flush=True)
    print("| written by | read | refused | bad |\n|---|---|---|---|")
    for name, counts in rows:
        print(f"| {name} | {counts['read']} | {counts['refused']} | {counts['bad']} |")
    return int(bad > 0)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
