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
BASE, EXTRAS = (str(Path(__file__).with_name(name)) for name in ("smoke.py", "extras.py"))
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
        full = f"{wheel}[all]"
        trials = [(python, "the wheel", BASE, [str(wheel)]) for python in pythons]
        trials += [(first, "the sdist", BASE, [str(sdist)])]
        trials += [(first, "the wheel, lowest versions", BASE, [str(wheel), *lowest_versions()])]
        trials += [(python, "all extras", EXTRAS, [full]) for python in pythons]
        trials += [(first, "all extras, lowest versions", EXTRAS, [full, *lowest_versions("all")])]
        failed = [trial for trial in trials if not works(*trial)]
    raise SystemExit(1 if failed else 0)


def found_pythons() -> list[str]:
    """Return an interpreter of each supported version that answers on this machine."""
    found = [path for version in VERSIONS if (path := found_python(version)) is not None]
    return found or [sys.executable]


def found_python(version: str) -> str | None:
    """Return an interpreter of a version, on the path or among those that pyenv keeps."""
    kept = Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")
    for path in (shutil.which(f"python{version}"), *map(str, kept)):
        asked = path and subprocess.run([path, "--version"], capture_output=True)
        if asked and asked.returncode == 0:  # a shim may stand for a version that is not chosen
            return path
    print(f"no Python {version} here; name one by --python")
    return None


def lowest_versions(*extras: str) -> list[str]:
    """Return what the package and extras of it depend on, in the lowest versions allowed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    asked = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    own = f"{project['name']}["
    named = [
        name for each in asked if each.startswith(own) for name in each[len(own) : -1].split(",")
    ]
    asked += [each for name in named for each in optional[name]]
    return [each.replace(">=", "==") for each in asked if not each.startswith(own)]


def works(python: str, what: str, script: str, asked: list[str]) -> bool:
    """Install in an empty environment, and try what must work there."""
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-m", "venv", folder)
        inside = os.path.join(folder, "bin", "python")
        run(inside, "-m", "pip", "--disable-pip-version-check", "install", "-q", *asked)
        done = subprocess.run([inside, "-I", script], cwd=folder, capture_output=True, text=True)
    print(f"{what}: {'works' if done.returncode == 0 else 'FAILS'}: {done.stdout.strip()}")
    print(done.stderr, end="")
    return done.returncode == 0


def run(*command: str) -> None:
    """Run a command, and stop where it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


main()
