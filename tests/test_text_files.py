"""Matrix Market and FROSTT files: what the format says, or a refusal with the line."""

from __future__ import annotations

import bz2
import decimal
import functools
import gzip
import itertools
import lzma
import math
import random
import re

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import sketch
from sketch.io import _entry_files, _numbers, open_matrix, open_tensor
from sketch.io._numbers import BadLineError, LineForm
from sketch.io._plain_numbers import read_plain
from sketch.sources import _entry_rows, as_matrix_source

COMPRESSIONS = {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
FLOAT, INT, UINT = np.dtype(float), np.dtype(np.int64), np.dtype(np.uint64)

# ------------------------------------------------------------------ numbers


@pytest.fixture(scope="module", params=["plain", "compiled"])
def read_numbers(request):
    """Return the reader of numbers, one that is compiled by numba or not."""
    return functools.partial(_numbers.read_numbers, compiled=request.param == "compiled")


PROGRAMS = {
    "%d %d %.16e": "C",
    "%d %d %.15E": "SciPy",
    "%d %d %r": "Python",
    "%8d %8d %22.15e": "Fortran",
    " %d\t%d\t%g ": "tables",
    "%d %d %+.9e": "with signs",
    "%d %d %.3f\r": "on Windows",
}


@pytest.mark.parametrize("form", PROGRAMS, ids=PROGRAMS.values())
def test_what_programs_write_is_read_without_going_through_its_lines(form):
    values = [1.5, -2.25e-7, 3e12, -0.0, 1.0]
    lines = [form % (i + 1, 2 * i + 1, value) for i, value in enumerate(values)]
    found = read_plain("".join(line + "\n" for line in lines).encode(), LineForm(2, 1, FLOAT), 0)
    assert found is not None
    assert found[0].T.tolist() == [[i + 1, 2 * i + 1] for i in range(len(values))]
    assert [repr(x) for x in found[1][:, 0].tolist()] == [
        repr(float(line.split()[2])) for line in lines
    ]


indices = st.integers(1, 10**6).map(str)
reals = st.one_of(
    st.floats().map(repr),
    st.floats(width=32).map("{:.6g}".format),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-1000, 1000, places=3).map("{:+}".format),
    st.tuples(st.floats(-10, 10), st.sampled_from("eEdD"), st.integers(-400, 400)).map(
        lambda t: f"{t[0]:.5f}{t[1]}{t[2]:+03}"
    ),
    st.sampled_from(["1.", ".5", "-.5", "+.5e3", "1.E+05", "NaN", "-Inf", "infinity", "007", "-0"]),
)
blanks = st.sampled_from([" ", "  ", "\t", " \t "])
ends = st.sampled_from(["\n", "\r\n", " \n", "\n\n", "\n  \n", "\n% a comment\n"])


def outcome(function, *arguments):
    """Return what a function returns, or the error by which it refuses."""
    try:
        return function(*arguments)
    except (BadLineError, sketch.StateFileError) as error:
        return error


def value(word):
    return float(re.sub("[dD]", "e", word))


@st.composite
def written(draw, words, columns):
    """Return rows of words and a text that holds them, with odd blanks and line ends or none."""
    rows = draw(st.lists(st.tuples(*[words] * columns), max_size=20))
    odd = draw(st.booleans())
    text = "".join(
        (draw(st.sampled_from(["", " "])) if odd else "")
        + "".join(word + (draw(blanks) if odd else " ") for word in row[:-1])
        + row[-1]
        + (draw(ends) if odd else "\n")
        for row in rows
    )
    return rows, text.encode()


GAPS = [
    " ",
    "  ",
    "\t",
    " \t ",
    "\r",
    "+",
    "-",
    "\n",
    "\r\n",
    "\n \n",
    " \r\n",
    "\r \n",
    "\r\r\n",
    "\xff",
]
WORDS = ["1", "23", "+4", "++5", "1.5", "+2e+3", "-1D2", ".5", "7.", "-0", "+-1", "+ 1", "1+"]


@pytest.mark.parametrize("seed", range(4))
def test_what_stands_around_numbers_is_left_out_by_the_grammar_or_not_at_all(seed):
    """Blanks, line ends, returns and signs in any row: read as line by line, or left to it."""
    chance, read = random.Random(seed), 0
    for _ in range(1500):
        form = LineForm(chance.choice([0, 2]), chance.choice([1, 2]), FLOAT)
        lines = [["1"] * form.indices + ["2.5"] * form.values for _ in range(3)]
        for _ in range(chance.randrange(4)):
            chance.choice(lines)[chance.randrange(form.columns)] = chance.choice(WORDS)
        parts = [part for line in lines for word in line for part in (word, " ")]
        parts[2 * form.columns - 1 :: 2 * form.columns] = ["\n"] * 3
        for _ in range(chance.randrange(5)):
            parts[chance.randrange(3 * form.columns) * 2 + 1] += chance.choice(GAPS)
        text = f"{chance.choice(['', ' ', '+'])}{''.join(parts)}\n".encode("latin-1")
        found = read_plain(text, form, 0)
        if found is not None:
            read += 1
            for mine, exact in zip(found, _numbers._read_by_line(text, form), strict=True):
                assert np.array_equal(mine, exact)
    assert read > 300


@given(written(reals, 2))
def test_reals_are_read_exactly(read_numbers, case):
    rows, text = case
    _, found = read_numbers(text, LineForm(0, 2, FLOAT))
    expected = np.array([[value(w) for w in row] for row in rows]).reshape(-1, 2)
    assert np.array_equal(found, expected, equal_nan=True)


def halves(doubles):
    """Return decimals half way between doubles and the next ones, to their last digit."""
    with decimal.localcontext(prec=1100, Emin=-2000):
        return [
            (decimal.Decimal(x) + decimal.Decimal(math.nextafter(x, math.inf))) / 2 for x in doubles
        ]


def decimals(kind):
    """Return words whose nearest doubles are easy to miss."""
    rng = np.random.default_rng(0)
    any_bits = rng.integers(0, 2**64, 6000, np.uint64).view(float)
    doubles = any_bits[np.isfinite(any_bits)].tolist()
    subnormal = rng.integers(1, 2**53, 2000, np.uint64).view(float).tolist()
    if kind == "few digits":
        return [f"{x:.{k}e}" for k in range(8) for x in doubles[::8]]
    if kind == "many digits":
        return [f"{x:.{k}e}" for k in range(14, 60) for x in doubles[k::46]]
    if kind == "shortest":
        return [repr(x) for x in doubles + subnormal]
    if kind == "without exponent":
        return [f"{x:f}" for x in doubles[:300]] + [f"{x:.360f}" for x in doubles[:300]]
    if kind == "whole":
        bits = rng.integers(2**53, 2**54, 2000).tolist()  # odd ones are half way
        return [f"{b << k}e{q}" for b, k, q in zip(bits, rng.integers(0, 10, 2000).tolist(),
                rng.integers(-30, 31, 2000).tolist(), strict=True)]  # fmt: skip
    if kind == "half way":
        middle = halves(doubles[:150] + subnormal[:50] + [5e-324, 2.2250738585072011e-308, 1.0])
        cut = [f"{x:.{k}e}" for x in middle for k in (16, 17, 18, 19, 20)]
        return [str(x) for x in middle] + [f"{x:.1100e}" for x in middle[::9]] + cut
    largest = halves([1.7976931348623157e308 / 2])[0] * 2
    limits = "1e309 1e400 -1e99999 1e-324 2e-324 3e-324 1e-400 0e99999 -0 0.0e-5 00.0010 1e99999999"
    return [*limits.split(), str(largest), f"{largest:.18e}", f"{largest:.17e}", "1.5D3", "2d-3"]


@pytest.mark.parametrize(
    "kind",
    ["few digits", "many digits", "shortest", "without exponent", "whole", "half way", "limits"],
)
def test_reals_are_the_doubles_nearest_to_them(read_numbers, kind):
    words = decimals(kind)
    text = "\n".join(words).encode() + b"\n"
    _, found = read_numbers(text, LineForm(0, 1, FLOAT))
    expected = np.array([value(word) for word in words])
    assert np.array_equal(found[:, 0].view(np.uint64), expected.view(np.uint64))


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_zeros_keep_their_sign(read_numbers, before):
    words = ["-0", "0", "-0.0", "-.0e7", "-1", "+0.", "-00e-3", "1"]
    text = "".join("1 " * before + word + "\n" for word in words).encode()
    _, found = read_numbers(text, LineForm(before, 1, FLOAT))
    assert np.array_equal(np.signbit(found[:, 0]), [word.startswith("-") for word in words])


@given(written(st.integers(-(2**63), 2**63 - 1).map(str), 3))
def test_integers_are_read_exactly(read_numbers, case):
    rows, text = case
    _, found = read_numbers(text, LineForm(0, 3, INT))
    assert np.array_equal(found, np.array(rows, INT).reshape(-1, 3))


@given(written(indices, 3), st.data())
def test_a_changed_byte_is_read_as_it_stands_or_refused(read_numbers, case, data):
    """The array operations accept nothing that the grammar does not, and read the same."""
    _, text = case
    changed = bytearray(text or b"\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        odd = st.sampled_from(b"0123456789.+-eEdDx ,\t\r\n\x00\x0b%#_nainf")
        changed[at : at + data.draw(st.integers(0, 1))] = [data.draw(odd)]
    text = bytes(changed) + b"\n"
    for form in (
        LineForm(2, 1, FLOAT),
        LineForm(3, 0, INT),
        LineForm(1, 2, FLOAT),
        LineForm(2, 1, UINT),
    ):
        expected = outcome(_numbers._read_by_line, text, form)
        found = outcome(read_numbers, text, form)
        if isinstance(expected, BadLineError):
            assert isinstance(found, BadLineError)
            assert found.index == expected.index
            assert expected.line in text.split(b"\n")[expected.index]
        else:
            assert all(
                np.array_equal(*x, equal_nan=True) for x in zip(found, expected, strict=True)
            )


@pytest.mark.parametrize(
    "word",
    ["-2d1x", "1.5.3", "1e5.3", "1e", "1e+", "1e5e3", "--1", "1-5", "1+5", ".", "-", "+", "-.",
     "e5", ".e5", "0x10", "1_000", "1,5", "nan(1)", "1.5f", "1e-.5", "\u0661", "1\x0b", "infin"],
)  # fmt: skip
def test_what_is_a_number_only_at_its_beginning_is_refused(read_numbers, word):
    for rows in (1, 5000):
        text = (b"1.5\n" * rows) + word.encode() + b"\n" + b"2.5\n" * rows
        with pytest.raises(BadLineError) as refused:
            read_numbers(text, LineForm(0, 1, FLOAT))
        assert refused.value.index == rows


# ------------------------------------------------------------------ Matrix Market


def matrix(field, symmetry, n=7):
    rng = np.random.default_rng(3)
    a = rng.integers(-9, 10, (n, n)) * (rng.random((n, n)) < 0.5)
    if field == "unsigned-integer":
        a = abs(a).astype(np.uint64)
    if field == "real":
        a = a * np.pi
    if field == "complex":
        a = a * np.pi + 1j * rng.standard_normal((n, n)) * (a != 0)
    if field == "pattern":
        a = (a != 0).astype(float)
    lower = np.tril(a, -1)
    return {
        "general": a,
        "symmetric": np.tril(a) + lower.T,
        "skew-symmetric": lower - lower.T if field != "unsigned-integer" else lower,
        "hermitian": lower + lower.conj().T + np.diag(np.diag(a).real),
    }[symmetry]


KINDS = [
    (layout, field, symmetry)
    for layout, field, symmetry in itertools.product(
        ["coordinate", "array"],
        ["real", "integer", "unsigned-integer", "complex", "pattern"],
        ["general", "symmetric", "skew-symmetric", "hermitian"],
    )
    if not (layout == "array" and field == "pattern")
    and not (field in ("unsigned-integer", "pattern") and symmetry == "skew-symmetric")
    and (symmetry == "hermitian") <= (field == "complex")
]


def file_of(layout, field, symmetry):
    """Return the text of a file and what is in it."""
    a = matrix(field, symmetry)
    show = {
        "real": repr,
        "complex": lambda v: f"{v.real!r} {v.imag!r}",
        "pattern": lambda v: "",
    }.get(field, str)
    lines = [
        (f"{i + 1} {j + 1} " if layout == "coordinate" else "") + show(a[i, j].item())
        for j, i in itertools.product(range(len(a)), repeat=2)
        if (symmetry == "general" or i > j or (i == j and symmetry != "skew-symmetric"))
        and (layout == "array" or a[i, j] != 0)
    ]
    size = f"{len(a)} {len(a)}" + f" {len(lines)}" * (layout == "coordinate")
    head = f"%%MatrixMarket matrix {layout} {field} {symmetry}\n% comment\n{size}\n"
    return head + "".join(line.strip() + "\n" for line in lines), a


def dense(data):
    if hasattr(data, "pieces"):
        data = sum(data.pieces())
    return data.toarray() if hasattr(data, "toarray") else data


def read(path):
    with open_matrix(str(path)) as data:
        assert data.dtype == dense(data).dtype
        return dense(data)


VARIANTS = {
    "plain": lambda text: text,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "blank lines": lambda text: text.replace("\n", "\n\n  \n"),
    "no last line end": lambda text: text.rstrip("\n"),
    "trailing blanks": lambda text: text.replace("\n", " \t\n") + "\n \n",
    "aligned": lambda text: re.sub(r"(?m)^(?=[^%])", "   ", text).replace(" ", "  "),
    "capitals": str.upper,
    "mixed case": str.title,
    "byte order mark": lambda text: "\N{BYTE ORDER MARK}" + text,
    "blanks before": lambda text: "\n  " + text,
    "one percent sign": lambda text: text[1:],
    "Fortran": lambda text: re.sub(r"(?<=\d)e(?=[-+\d])", "D", text),
    "comment among the entries": lambda text: text + "% the end\n",
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("layout", "field", "symmetry"), KINDS)
def test_matrix_market_files_of_every_form(layout, field, symmetry, variant, tmp_path, monkeypatch):
    text, a = file_of(layout, field, symmetry)
    path = tmp_path / "a.mtx"
    path.write_text(text)
    theirs = scipy.io.mmread(path, spmatrix=False)
    assert np.array_equal(dense(theirs), a)
    path.write_bytes(VARIANTS[variant](text).encode())
    ours = read(path)
    assert ours.dtype == theirs.dtype
    assert np.array_equal(ours, a)
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 60)
    assert np.array_equal(read(path), a)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("name", ["a.mtx", "A.MTX", "a.mtx.gz", "a.mtx.bz2", "a.MTX.xz"])
def test_compression_shows_in_the_content_not_in_the_name(compression, name, tmp_path):
    text, a = file_of("coordinate", "real", "general")
    (tmp_path / name).write_bytes(COMPRESSIONS[compression](text.encode()))
    assert np.array_equal(read(tmp_path / name), a)


def oracle(text):
    """Return the matrix of a file as the format says, line by line; None if it breaks a rule."""
    real = r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?|[+-]?(nan|inf|infinity)"
    forms = {
        "real": (1, real),
        "complex": (2, real),
        "integer": (1, r"[+-]?\d+"),
        "pattern": (0, ""),
    }
    text = text.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    lines = [line.removesuffix("\r").strip(" \t") for line in text.split("\n")]
    lines = [line for line in lines if line]
    banner = re.split(r"[ \t]+", lines[0].lower()) if lines else []
    if len(banner) != 5 or banner[0] not in ("%%matrixmarket", "%matrixmarket"):
        return None
    _, matrix_word, layout, field, symmetry = banner
    field = {"double": "real", "unsigned-integer": "integer"}.get(field, field)
    body = [re.split(r"[ \t]+", line) for line in lines[1:] if not line.startswith("%")]
    coordinate = layout == "coordinate"
    if (
        matrix_word != "matrix"
        or layout not in ("coordinate", "array")
        or field not in forms
        or symmetry not in ("general", "symmetric", "skew-symmetric", "hermitian")
        or (field == "pattern" and not coordinate)
        or not body
        or len(body[0]) != 2 + coordinate
        or not all(re.fullmatch(r"\+?\d{1,18}", word) for word in body[0])
    ):
        return None
    m, n, *count = map(int, body[0])
    values, form = forms[field]
    same = symmetry == "general"
    order = [
        (i, j)
        for j in range(min(n, 20))
        for i in range(min(m, 20))
        if same or i > j or (i == j and symmetry != "skew-symmetric")
    ]
    count = count[0] if coordinate else len(order)
    if coordinate and max(m, n) > 1000:
        return NotImplemented  # to be held here
    if (not coordinate and max(m, n) > 20) or (not same and m != n) or len(body) - 1 != count:
        return None
    a = np.zeros((m, n), complex if field == "complex" else float)
    sides = set()
    for place, words in zip(order + [None] * count, body[1:], strict=False):
        if len(words) != values + 2 * coordinate:
            return None
        if coordinate:
            if not all(re.fullmatch(r"\+?\d+", word) for word in words[:2]):
                return None
            place = int(words[0]) - 1, int(words[1]) - 1
            if not (0 <= place[0] < m and 0 <= place[1] < n):
                return None
            words = words[2:]
        if not all(re.fullmatch(form, word, re.IGNORECASE) for word in words):
            return None
        numbers = [value(word) for word in words] or [1.0]
        v = complex(*numbers) if field == "complex" else numbers[0]
        a[place] += v
        if not same:
            i, j = place
            if i == j and (
                symmetry == "skew-symmetric" or (symmetry == "hermitian" and np.imag(v))
            ):
                if v != 0:
                    return None
            elif i != j:
                sides.add(i > j)
                a[j, i] += {"hermitian": np.conj(v), "skew-symmetric": -v}.get(symmetry, v)
    return None if len(sides) > 1 else a


@given(st.sampled_from(KINDS), st.sampled_from(list(VARIANTS)), st.data())
def test_damaged_matrix_market_files_are_read_by_the_grammar_or_refused(kind, variant, data):
    text = bytearray(VARIANTS[variant](file_of(*kind)[0]).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        match data.draw(st.sampled_from(["flip", "drop", "insert", "cut"])):
            case "flip":
                text[at] ^= data.draw(st.integers(1, 255))
            case "drop":
                del text[at : at + data.draw(st.integers(1, 5))]
            case "insert":
                text[at:at] = data.draw(
                    st.sampled_from([b"9", b".", b"e", b"\n", b" ", b"-", b"\x00"])
                )
            case "cut":
                del text[at:]
        text = text or bytearray(b"\n")
    expected = oracle(bytes(text))
    path = FOLDER / "damaged.mtx"
    path.write_bytes(text)
    assume(expected is not NotImplemented)
    found = outcome(read, path)
    if isinstance(found, sketch.StateFileError):
        assert expected is None or "64 bits" in str(found)
        assert str(path) in str(found)
        assert re.search(
            r", line \d+: |promises \d+ entries|no line with the sizes|is empty", str(found)
        )
    else:
        assert np.array_equal(found, expected, equal_nan=True)


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory):
    global FOLDER
    FOLDER = tmp_path_factory.mktemp("text")


HEAD = "%%MatrixMarket matrix coordinate real general\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n\n", "banner"),
        ("hello\n", "line 1: 'hello': expected the banner"),
        ("%%MatrixMarket vector coordinate real general\n3 1\n1 1\n", "expected the banner"),
        ("%%MatrixMarket matrix array pattern general\n1 1\n", "expected the banner"),
        (HEAD.replace("real general", "unsigned-integer skew-symmetric") + "1 1 0\n", "banner"),
        (HEAD + "% no sizes\n", "no line with the sizes"),
        (HEAD + "2 x 1\n1 1 1\n", "line 2: '2 x 1': expected the numbers of rows"),
        (HEAD + "2 2 1\n1 3 1\n", "line 3: '1 3 1': the column is not within 1 and 2"),
        (HEAD + "2 2 1\n\n\n0 1 1\n", "line 5: '0 1 1': the row is not within 1 and 2"),
        (HEAD + "2 2 1\n1 1.0 1\n", "line 3: .*'1.0' is no index"),
        (HEAD + "2 2 1\n1 1\n", "line 3: .*expected 3 numbers, found 2"),
        (HEAD + "2 2 1\n1 99999999999999999999 1\n", "line 3: .*beyond 64 bits"),
        (HEAD + "2 2 1000000000000000\n1 1 1\n", "promises 1000000000000000 entries, but"),
        (
            HEAD.replace("real", "integer") + "1 1 1\n1 1 2.0\n",
            "line 3: .*'2.0' is no whole number",
        ),
        (HEAD.replace("real", "integer") + "1 1 1\n1 1 9223372036854775808\n", "beyond 64 bits"),
        (HEAD.replace("general", "symmetric") + "2 3 1\n1 1 1\n", "must be square"),
        (HEAD.replace("general", "symmetric") + "2 2 2\n1 2 1\n2 1 1\n", "one triangle"),
        (HEAD.replace("general", "skew-symmetric") + "2 2 1\n1 1 1\n", "line 3: .*diagonal"),
        (HEAD.replace("coordinate", "array") + "2 2\n1\n2\n3\n", "promises 4 entries, 3 lines"),
        (HEAD.replace("coordinate", "array") + "6 5\n1.26E", "promises 30 entries"),
        (HEAD.replace("coordinate", "array") + "1000000000000000 10\n1\n", "promises"),
    ],
)
def test_refusals_say_the_line(text, reason, tmp_path):
    path = tmp_path / "a.mtx"
    path.write_text(text)
    with pytest.raises(sketch.StateFileError, match=reason) as refused:
        read(path)
    assert str(path) in str(refused.value)


def test_an_upper_triangle_alone_is_as_good_as_a_lower_one(tmp_path):
    path = tmp_path / "a.mtx"
    path.write_text(HEAD.replace("general", "symmetric") + "2 2 2\n1 2 3\n2 2 1\n")
    assert np.array_equal(read(path), [[0, 3], [3, 1]])


# ------------------------------------------------------------------ compression


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_damaged_archives_are_refused_by_name(compression, tmp_path):
    text, a = file_of("coordinate", "real", "general")
    whole = COMPRESSIONS[compression](text.encode())
    path = tmp_path / "a.mtx"
    rng = np.random.default_rng(0)
    for _ in range(150):
        changed = bytearray(whole)
        if rng.random() < 0.3:
            del changed[rng.integers(len(whole)) :]
        else:
            changed[rng.integers(len(whole))] ^= rng.integers(1, 256)
        path.write_bytes(changed)
        found = outcome(read, path)  # some bytes have no meaning
        refused = isinstance(found, sketch.StateFileError) and str(path) in str(found)
        assert refused or np.array_equal(found, a)


@pytest.mark.parametrize("ending", ["mtx", "tns"])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(gzip.compress(HEAD.encode() * (ending == "mtx") + b"1" * 30_000_000))
    with (
        pytest.raises(sketch.StateFileError, match=r"line \d: longer than"),
        open_tensor(str(path)),
    ):
        pass


# ------------------------------------------------------------------ FROSTT


def entries_of(path):
    with open_tensor(str(path)) as data:
        return sum(data.pieces()) if hasattr(data, "pieces") else data


def tensor_of(path):
    return entries_of(path).toarray()


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("head", ["", "# comment\n", "3\n4 5 6\n", "% c\n\n3\n# c\n4 5 6\n"])
def test_tensor_files_of_every_form(head, compression, tmp_path, monkeypatch):
    text = head + "1 1 1 0.5\r\n4  5 6 -2d1\n\n# comment\n2 3 1 1.5E-3\n1 1 1 1\n"
    expected = np.zeros((4, 5, 6))
    expected[0, 0, 0], expected[3, 4, 5], expected[1, 2, 0] = 1.5, -20, 1.5e-3
    path = tmp_path / "a.tns"
    path.write_bytes(COMPRESSIONS[compression](text.encode()))
    assert np.array_equal(tensor_of(path), expected)
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 20)
    assert np.array_equal(tensor_of(path), expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n", "found none"),
        ("# nothing\n", "found none"),
        ("1 1 1 0.5\n2 0 1 1.5\n", "line 2: '2 0 1 1.5': indices count from 1; .*zero_based"),
        ("1 1 1 0.5\n2 1 1\n", "line 2: .*expected 4 numbers, found 3"),
        ("1 1 99999999999999999999 0.5\n", "line 1: .*beyond 64 bits"),
        ("1 1 0.5 1\n", "line 1: .*'0.5' is no index"),
        ("1 1 1 0.5x\n", "line 1: .*'0.5x' is no number"),
        ("1 2\n", "line 1: .*two indices at least"),
        ("3\n4 5 6\n1 1 7 1.0\n", r"line 3: .*beyond the shape \(4, 5, 6\)"),
        ("3\n4 5 6\n1 1 1\n", "line 3: .*expected 3 indices and a value"),
        ("3\n4 5\n1 1 1\n", "line 1: '3': expected indices and a value, or an order"),
        ("sptensor\n3\n", "line 1: 'sptensor'"),
    ],
)
def test_refusals_of_tensor_files_say_the_line(text, reason, tmp_path):
    path = tmp_path / "a.tns"
    path.write_text(text)
    with pytest.raises(sketch.StateFileError, match=reason) as refused:
        tensor_of(path)
    assert str(path) in str(refused.value)


def test_a_tensor_that_counts_from_0_is_read_when_asked_for(tmp_path):
    path = tmp_path / "a.tns"
    path.write_text("0 1 0 0.5\n1 0 2 1.5\n")
    found = tensor_of(f"{path}::zero_based")
    assert found.shape == (2, 2, 3)
    assert (found[0, 1, 0], found[1, 0, 2], found.sum()) == (0.5, 1.5, 2)
    with pytest.raises(sketch.StateFileError, match="leave out ::other"):
        tensor_of(f"{path}::other")


def test_a_tensor_without_values_is_refused_until_it_is_told(tmp_path):
    path = tmp_path / "a.tns"
    index = np.argwhere(np.random.default_rng(0).random((6, 5, 8)) < 0.5)
    np.savetxt(path, index + 1, "%d")
    with pytest.raises(sketch.StateFileError, match=r"looks like an index.*a.tns::no_values"):
        tensor_of(path)
    found = tensor_of(f"{path}::no_values")
    assert found.sum() == len(index)
    assert np.array_equal(np.argwhere(found), index)
    np.savetxt(path, index, "%d")
    assert np.array_equal(np.argwhere(tensor_of(f"{path}::zero_based,no_values")), index)
    path.write_text("1 2\n2 1\n")
    with pytest.raises(sketch.StateFileError, match=r"line 1: .*two indices.*::no_values"):
        tensor_of(path)
    assert np.array_equal(tensor_of(f"{path}::no_values"), [[0, 1], [1, 0]])


def test_counts_and_repeated_entries_are_values(tmp_path):
    path = tmp_path / "a.tns"
    path.write_text("1 1 3\n1 1 3\n1 2 1\n2 1 4\n" * 5)
    assert np.array_equal(tensor_of(path), [[30, 5], [20, 0]])


@given(st.data())
def test_damaged_tensor_files_are_read_or_refused(data):
    text = bytearray(b"# c\n1 2 3 0.5\n4 5 6 -2e-3\n10 1 1 7\n2 2 2 1.25\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=2))
        text = text or bytearray(b"\n")
    path = FOLDER / "damaged.tns"
    path.write_bytes(text)
    found = outcome(entries_of, path)
    if isinstance(found, sketch.StateFileError):
        assert re.search(r", line \d+: |found none|is empty", str(found))
        return
    words = [line.split() for line in text.decode("latin-1").split("\n")]
    expected = [value(w[-1]) for w in words if len(w) == found.ndim + 1 and w[0][0] not in "#%"]
    assert np.array_equal(found.data, expected, equal_nan=True)


@pytest.mark.parametrize("held", [0, 10**9])
@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
def test_rows_of_large_files_go_to_pca(symmetry, held, tmp_path, monkeypatch):
    a = sp.random_array((60, 60), density=0.3, rng=np.random.default_rng(0), format="coo")
    a = a if symmetry == "general" else sp.coo_array(a + a.T)
    path = tmp_path / "a.mtx"
    scipy.io.mmwrite(path, a, symmetry=symmetry)
    monkeypatch.setattr(_entry_files, "_PIECE_BYTES", 500)
    monkeypatch.setattr(_entry_rows, "_HELD_BYTES", held)
    monkeypatch.setattr(_entry_rows, "_BLOCK_BYTES", 3000)
    exact = sketch.pca(a.toarray(), 4)
    with open_matrix(str(path)) as file:
        blocks = list(as_matrix_source(file).row_blocks())
        found = sketch.pca(file, 4)
    assert len(blocks) > 3
    assert np.array_equal(np.vstack([block.csr.toarray() for _, block in blocks]), a.toarray())
    assert [at for at, _ in blocks][1:] == [(at[0] + b.shape[0], 0) for at, b in blocks][:-1]
    assert np.allclose(found.explained_variance, exact.explained_variance, rtol=1e-10)
