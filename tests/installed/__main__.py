"""Build the sdist and the wheel, and try them in empty environments of every Python at hand.

Needs the package index, or a mirror, of what the package depends on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMOKE = Path(__file__).with_name("smoke.py")
VERSIONS = ("3.11", "3.12", "3.13")


def main() -> None:
    """Build, install and try; the exit status is 1 where something fails."""
    parser = argparse.ArgumentParser(prog="dev package", description=__doc__)
    parser.add_argument("--python", action="append", help="an interpreter; all found by default")
    pythons = parser.parse_args().python or found_pythons()
    with tempfile.TemporaryDirectory() as folder:
        run(
            sys.executable, "-m", "build", "--outdir", folder, str(ROOT)
        )  # the wheel from the sdist
        (wheel,), (sdist,) = Path(folder).glob("*.whl"), Path(folder).glob("*.tar.gz")
        first, *_ = pythons
        trials = [(python, "the wheel", [str(wheel)]) for python in pythons]
        trials += [(first, "the sdist", [str(sdist)])]
        trials += [(first, "the wheel, lowest versions", [str(wheel), *lowest_versions()])]
        failed = [what for python, what, asked in trials if not works(python, what, asked)]
    raise SystemExit(1 if failed else 0)


def found_pythons() -> list[str]:
    """Return an interpreter of each supported version that is on this machine."""
    found = {version: shutil.which(f"python{version}") for version in VERSIONS}
    for version, path in found.items():
        if path is None:
            print(f"no Python {version} here; name one by --python")
    return [path for path in found.values() if path is not None] or [sys.executable]


def lowest_versions() -> list[str]:
    """Return what the package depends on, in the lowest versions that it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [each.replace(">=", "==") for each in project["dependencies"]]


def works(python: str, what: str, asked: list[str]) -> bool:
    """Install in an empty environment, and try what must work there."""
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-m", "venv", folder)
        inside = os.path.join(folder, "bin", "python")
        run(inside, "-m", "pip", "--disable-pip-version-check", "install", "-q", *asked)
        done = subprocess.run(
            [inside, "-I", str(SMOKE)], cwd=folder, capture_output=True, text=True
        )
    print(f"{what}: {'works' if done.returncode == 0 else 'FAILS'}: {done.stdout.strip()}")
    print(done.stderr, end="")
    return done.returncode == 0


def run(*command: str) -> None:
    """Run a command, and stop where it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


main()
