"""Check the built site: every link leads somewhere, and no page loads anything from elsewhere."""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).parent / "_build" / "html"


class Page(HTMLParser):
    """Targets, links and what a page loads by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag defines and refers to."""
        known = {name: value for name, value in attrs if value}
        self.ids |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if tag == "link" and known.get("rel") not in ("canonical", "edit"):
            self.loaded.append(known.get("href", ""))
        if tag in ("script", "img", "iframe", "source", "video") and "src" in known:
            self.loaded.append(known["src"])


@cache
def page(path: Path) -> Page:
    """Read a page once."""
    return Page(path)


def faults(path: Path) -> list[str]:
    """List what is wrong with a page."""
    found = []
    here = page(path)
    for target in here.loaded:
        if urlsplit(target).netloc:
            found.append(f"loads {target} from elsewhere")
    for target in here.links + here.loaded:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        file = file / "index.html" if file.is_dir() else file
        if not file.exists():
            found.append(f"links to {target}, which does not exist")
        elif (
            parts.fragment
            and file.suffix == ".html"
            and unquote(parts.fragment) not in page(file).ids
        ):
            found.append(f"links to {target}, which has no such place")
    return found


def main() -> int:
    """Check all pages and print what is wrong."""
    pages = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts]
    wrong = [f"{path.relative_to(SITE)} {fault}" for path in pages for fault in faults(path)]
    print("\n".join(wrong) or f"{len(pages)} pages, every link leads somewhere")
    return bool(wrong) or not pages


if __name__ == "__main__":
    sys.exit(main())
