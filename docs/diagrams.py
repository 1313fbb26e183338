"""Diagrams of the pages, drawn as SVG in the colour of the text."""

from __future__ import annotations

from pathlib import Path

BLUE, RED = "#3b82c4", "#d9692c"


class Drawing:
    """A picture of boxes, circles, lines and words."""

    def __init__(self, width: float, height: float, label: str) -> None:
        self.size, self.label = (width, height), label
        self.parts: list[str] = []

    def box(
        self, x: float, y: float, w: float, h: float, text: str = "", *, fill: str = "none"
    ) -> None:
        shade = f'fill="{fill}" fill-opacity="0.25"' if fill != "none" else 'fill="none"'
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="3" stroke="currentColor" {shade}/>'
        )
        if text:
            self.words(x + w / 2, y + h / 2, text)

    def words(
        self, x: float, y: float, text: str, *, size: int = 13, colour: str = "currentColor"
    ) -> None:
        lines = text.split("\n")
        for k, line in enumerate(lines):
            drop = y + (k - (len(lines) - 1) / 2) * (size + 3) + 0.35 * size
            self.parts.append(
                f'<text x="{x}" y="{drop:.1f}" font-size="{size}" text-anchor="middle" '
                f'fill="{colour}">{line}</text>'
            )

    def circle(self, x: float, y: float, r: float, text: str = "", *, fill: str = BLUE) -> None:
        self.parts.append(
            f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" fill-opacity="0.3" '
            'stroke="currentColor"/>'
        )
        if text:
            self.words(x, y, text, size=12)

    def line(self, *points: tuple[float, float], width: float = 1.2, arrow: bool = False) -> None:
        path = " ".join(f"{x},{y}" for x, y in points)
        head = ' marker-end="url(#tip)"' if arrow else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="currentColor" '
            f'stroke-width="{width}"{head}/>'
        )

    def save(self, path: Path) -> None:
        w, h = self.size
        tip = (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" '
            'fill="currentColor"/></marker></defs>'
        ).replace("tip", path.stem)
        body = "".join(self.parts).replace("#tip", f"#{path.stem}")
        path.write_text(
            f'<div class="drawing"><svg viewBox="0 0 {w} {h}" width="{w}" role="img" '
            f'style="min-width:{min(w, 520)}px" aria-label="{self.label}">{tip}{body}</svg></div>\n'
        )


def pipeline() -> Drawing:
    d = Drawing(720, 150, "chunks are multiplied by test matrices, added up, and finalized")
    for k in range(4):
        d.box(10, 12 + 33 * k, 90, 26, f"chunk {k + 1}" if k < 3 else "...")
        d.line((102, 25 + 33 * k), (134, 25 + 33 * k), arrow=True)
        d.box(138, 12 + 33 * k, 132, 26, "times test matrix", fill=RED)
        d.line((272, 25 + 33 * k), (330, 75), arrow=True)
    d.circle(352, 75, 20, "+", fill=BLUE)
    d.line((374, 75), (412, 75), arrow=True)
    d.box(416, 45, 110, 60, "the sums:\na sketch", fill=BLUE)
    d.line((528, 75), (548, 75))
    d.box(570, 20, 140, 46, "low-rank matrix\nor tensor train")
    d.box(570, 84, 140, 46, "its error")
    d.line((548, 75), (548, 107), (566, 107), arrow=True)
    d.line((548, 75), (548, 43), (566, 43), arrow=True)
    return d


def one_pass() -> Drawing:
    d = Drawing(700, 225, "the range A Omega and the corange Psi* A of a matrix A")
    d.box(60, 20, 130, 170, fill="none")
    d.words(125, 205, "A, m × n, never held", size=12)
    d.box(88, 70, 60, 40, "chunk", fill=BLUE)
    d.words(218, 105, "×", size=16)
    d.box(240, 20, 34, 130, "Ω", fill=RED)
    d.words(257, 164, "n × R", size=11)
    d.words(298, 105, "=", size=16)
    d.box(322, 20, 34, 170, "", fill=BLUE)
    d.words(339, 40, "B")
    d.box(322, 70, 34, 40, "", fill=BLUE)
    d.words(339, 205, "m × R", size=11)
    d.box(430, 40, 110, 42, "Ψ*", fill=RED)
    d.words(485, 96, "l × m", size=11)
    d.words(566, 61, "× A =", size=14)
    d.box(594, 40, 100, 42, "", fill=BLUE)
    d.words(605, 61, "W")
    d.box(618, 40, 46, 42, "", fill=BLUE)
    d.words(640, 96, "l × n", size=11)
    return d


def stta() -> Drawing:
    d = Drawing(680, 150, "tensor diagrams of Psi_3 and Omega_2 of STTA for a tensor of order 5")

    def case(x0: float, y0: float, open_mode: int | None, bond: int, title: str) -> None:
        step = 56
        d.words(x0 - 42, y0 + 35, title, size=14)
        d.box(x0 - 16, y0, 4 * step + 32, 30, "the data", fill=BLUE)
        for k in range(5):
            x = x0 + step * k
            if k == open_mode:
                d.line((x, y0 + 30), (x, y0 + 100))
                d.words(x, y0 + 110, "n", size=12)
                continue
            d.line((x, y0 + 30), (x, y0 + 66))
            d.circle(x, y0 + 76, 11, fill=RED)
            last = k + 1 == 5 or k + 1 == open_mode or (open_mode is None and k + 1 == bond)
            if not last and k + 1 != open_mode:
                d.line((x + 11, y0 + 76), (x + step - 11, y0 + 76))
        left_end = x0 + step * ((open_mode if open_mode is not None else bond) - 1)
        reach = 24 if open_mode is not None else 19
        d.line((left_end + 11, y0 + 76), (left_end + reach, y0 + 100))
        right_start = x0 + step * (open_mode + 1 if open_mode is not None else bond)
        d.line((right_start - 11, y0 + 76), (right_start - reach, y0 + 100))
        d.words(left_end + reach, y0 + 110, "l", size=12)
        d.words(right_start - reach, y0 + 110, "r", size=12)

    case(80, 10, 2, 0, "Ψ₃")
    case(420, 10, None, 2, "Ω₂")
    return d


def train() -> Drawing:
    d = Drawing(460, 110, "a tensor train of order five")
    for k in range(5):
        x = 40 + 90 * k
        if k < 4:
            d.line((x + 16, 40), (x + 74, 40), width=2.5)
            d.words(x + 45, 28, f"r{chr(0x2081 + k)}", size=12, colour=RED)
        d.line((x, 56), (x, 86))
        d.words(x, 98, f"n{chr(0x2081 + k)}", size=12)
        d.circle(x, 40, 16, f"G{chr(0x2081 + k)}")
    return d


def cluster() -> Drawing:
    d = Drawing(700, 225, "chunks of a Dask array, their contributions, and the tree of sums")
    for i in range(4):
        for j in range(2):
            d.box(10 + 62 * j, 14 + 52 * i, 58, 48, f"{i + 1},{j + 1}")
        d.line((138, 38 + 52 * i), (176, 38 + 52 * i), arrow=True)
        d.box(180, 18 + 52 * i, 120, 40, f"rows {i + 1} of B\nand a share of W", fill=BLUE)
        target = (360, 64) if i < 2 else (360, 168)
        d.line((302, 38 + 52 * i), target, arrow=True)
    for y in (64, 168):
        d.circle(376, y, 15, "+", fill=RED)
        d.line((392, y), (450, 116), arrow=True)
    d.circle(466, 116, 15, "+", fill=RED)
    d.line((482, 116), (520, 116), arrow=True)
    d.box(524, 92, 60, 48, "W", fill=BLUE)
    d.line((586, 116), (612, 116), arrow=True)
    d.box(616, 92, 76, 48, "solve")
    return d


def architecture() -> Drawing:
    d = Drawing(700, 502, "the layers of the package, from the command line down to errors")
    rows = [
        ("cli", "arguments in, a report out", "none"),
        ("io · plot · testing", "files, pictures, data of known error", "none"),
        ("linear_systems · semidefinite · measure", "solve, kernels, exact errors", BLUE),
        ("decompose", "svd, pca, tensor_train: one call", BLUE),
        ("from_entries", "complete, cross: what is known by some entries", BLUE),
        ("sketches", "what is accumulated; one method a file", BLUE),
        ("finalize", "from sums to factors: pure functions", BLUE),
        ("results", "factors with their error, and its laws", BLUE),
        ("maps · sources", "test matrices · kinds of input; neither knows the other", RED),
        ("formats", "trains, CP, Tucker, lazy sums", RED),
        ("random bits · linear algebra · arrays", "one file names the array libraries", "none"),
        ("errors", "what can go wrong", "none"),
    ]
    for k, (name, what, fill) in enumerate(rows):
        d.box(20, 8 + 41 * k, 270, 32, name, fill=fill)
        d.words(480, 24 + 41 * k, what, size=13)
    d.line((8, 10), (8, 482), arrow=True)
    return d


def checkpoints() -> Drawing:
    d = Drawing(
        700, 120, "a stream with checkpoints: after a crash only the last chunks come again"
    )
    d.line((20, 50), (680, 50), arrow=True)
    for k in range(12):
        x = 40 + 50 * k
        d.box(x, 38, 36, 24, f"{k + 1}", fill=BLUE if k < 10 else "none")
    for k in (4, 9):
        d.line((84 + 50 * k, 30), (84 + 50 * k, 70), width=2.5)
        d.words(84 + 50 * k, 84, "state saved", size=12, colour=RED)
    d.words(566, 20, "killed here", size=12, colour=RED)
    d.line((618, 20), (640, 36), arrow=True)
    d.words(330, 108, "resumed: chunks 1 to 10 are skipped, 11 and 12 are read again", size=12)
    return d


DIAGRAMS = (pipeline, one_pass, stta, train, cluster, architecture, checkpoints)


def draw_all(folder: Path) -> None:
    """Draw every diagram."""
    for diagram in DIAGRAMS:
        diagram().save(folder / f"{diagram.__name__}.html")
