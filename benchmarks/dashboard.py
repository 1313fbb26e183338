"""How fast and how accurate the library is, and has been.

python3 dev dashboard                  the page of what is kept in results/history.json, at once
python3 dev dashboard --range A..B     measure commits of a span before, --commits of them at most
python3 dev dashboard --kept           measure cases that commits lack which are kept

All suites, by asv, with peers and methods side by side:

python3 dev dashboard --suites         quick sizes, this environment (some minutes)
python3 dev dashboard --full           all sizes (most of an hour)
python3 dev dashboard --build          in an environment that asv builds from the commit
python3 dev dashboard --bench REGEX    some benchmarks alone
python3 dev dashboard --publish        only make the pages of what was measured

The first page is benchmarks/.asv/history.html, one file that any browser opens. The others are in
benchmarks/.asv/html, for a server; their scripts are fetched once, by npm, when they are published.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import history
import measure
from history_page import page

HERE = Path(__file__).resolve().parent
HTML = HERE / ".asv" / "html"
PAGE = HERE / ".asv" / "history.html"

# what the pages load: the package that has it, and where
SCRIPTS = {
    "jquery-3.3.1.min.js": ("jquery@3.3.1", "dist/jquery.min.js"),
    "jquery.flot.min.js": ("jquery-flot@0.8.3", "jquery.flot.js"),
    "jquery.flot.time.min.js": ("jquery-flot@0.8.3", "jquery.flot.time.js"),
    "jquery.flot.selection.min.js": ("jquery-flot@0.8.3", "jquery.flot.selection.js"),
    "jquery.flot.categories.min.js": ("jquery-flot@0.8.3", "jquery.flot.categories.js"),
    "jquery.flot.orderBars.js": ("flot-orderbars@1.0.0", "js/jquery.flot.orderBars.js"),
    "stupidtable.min.js": ("stupid-table-plugin@1.1.3", "stupidtable.min.js"),
    "md5.min.js": ("blueimp-md5@2.19.0", "js/md5.min.js"),
    "bootstrap.min.js": ("bootstrap@3.1.1", "dist/js/bootstrap.min.js"),
    "bootstrap.min.css": ("bootstrap@3.1.1", "dist/css/bootstrap.min.css"),
}


def asv(*arguments: str, env: dict[str, str] | None = None) -> None:
    """Run asv beside its configuration; stop where it fails."""
    command = [sys.executable, "-m", "asv", *arguments]
    subprocess.run(command, cwd=HERE, check=True, env={**os.environ, **(env or {})})


def run(full: bool, build: bool, pattern: str | None) -> None:
    """Measure the commit at hand."""
    asv("machine", "--yes")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    ).stdout.strip()
    place = ["HEAD^!"] if build else ["-E", f"existing:{sys.executable}", "--set-commit-hash", head]
    bench = ["--bench", pattern] if pattern else []
    quick = [] if full else ["-a", "repeat=(1, 3, 2.0)", "-a", "processes=1"]
    env = {"SKETCH_BENCH": "full" if full else "quick"}
    asv("run", "--show-stderr", *place, *bench, *quick, env=env)


def publish() -> None:
    """Make the pages, and put all that they load beside them."""
    asv("publish")
    vendor = HTML / "vendor"
    vendor.mkdir(exist_ok=True)
    for package in sorted({package for package, _ in SCRIPTS.values()}):
        wanted = {path: name for name, (p, path) in SCRIPTS.items() if p == package}
        fetch(package, wanted, vendor)
    for name in ("index.html", "error.html"):
        text = (HTML / name).read_text()
        (HTML / name).write_text(offline(text))


def fetch(package: str, wanted: dict[str, str], vendor: Path) -> None:
    """Unpack the wanted files of an npm package, by their paths in it and the names they get."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", package]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        with tarfile.open(Path(folder) / done.stdout.split()[-1]) as archive:
            for path, name in wanted.items():
                member = archive.extractfile(f"package/{path}")
                assert member is not None, path
                (vendor / name).write_bytes(member.read())


def offline(page: str) -> str:
    """Return a page whose scripts and styles are its neighbours."""
    for name in SCRIPTS:
        address = rf'"https://[^"]*/{re.escape(name)}"'
        page = re.sub(address + r'[^>]*?(?=( onerror="[^"]*")?>)', f'"vendor/{name}"', page)
    return page


def show_history() -> None:
    """Write the page of what is kept, for the machine that has measured the newest commit."""
    records = history.load()
    machine = records[-1]["machine"]
    PAGE.parent.mkdir(exist_ok=True)
    mine = [record for record in records if record["machine"] == machine]
    PAGE.write_text(page(mine, list(measure.load().values())))
    print(f"dashboard: {PAGE}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--range", metavar="A..B", help="measure commits before")
    parser.add_argument("--kept", action="store_true", help="measure what kept commits lack")
    parser.add_argument("--commits", type=int, default=10, metavar="N", help="of the span at most")
    parser.add_argument("--suites", action="store_true", help="run all suites, by asv")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--bench", metavar="REGEX")
    parser.add_argument("--publish", action="store_true", help="only make the pages of asv")
    options = parser.parse_args()
    measured = options.suites or options.full or options.build or options.bench
    if measured:
        run(options.full, options.build, options.bench)
    if measured or options.publish:
        publish()
        print(f"dashboard: {HTML / 'index.html'}")
        print("to look at it: python3 -m http.server --directory", HTML)
        return
    if options.range:
        history.measure(history.commits(options.range, options.commits))
    if options.kept:
        history.measure([record["commit"] for record in history.load()])
    show_history()


if __name__ == "__main__":
    main()
