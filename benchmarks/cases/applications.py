"""What a low-rank engine is for: completion, cross approximation, forests, and nuclear norms."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import completion
import functions
import numpy as np

import sketch
from sketch.bench import Method, Work

from .components import climate

Array = np.ndarray[Any, Any]
Train = sketch.TensorTrain
RATING_RANK, FIELD_RANK, FIT_RANK, BINS = 20, 40, 5, 16
PRODUCTS, SEEDS = 500, 10
WHOLE, HALVES = "sketch, one stream", "sketch, two halves merged"
STREAM, SWEEPS = "sketch, one stream", "cmfrec, six sweeps"
CROSS, TENEVA = "sketch cross", [f"teneva, {k}" for k in range(len(functions.SETTINGS))]
TRAIN, FOREST = "sketch, train of the forest", "the forest"
OURS, MATFREE = "sketch schatten_norm", "matfree"


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def called(call: Callable[[Any], object], needs: str = "") -> Method:
    return Method(lambda data: functools.partial(call, data), needs)


# ---- completion ----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def ratings(m: int, n: int, each: int) -> dict[str, Any]:
    """Return rows with missing entries, and new entries with their noise."""
    model = completion.Ratings(n, RATING_RANK, each, skewed=False, biased=0.0)
    rows, factors = model.rows(1, m)
    rng = np.random.default_rng(2)
    i, j = rng.integers(0, m, 4 * m), rng.integers(0, n, 4 * m)
    fresh = np.sum(factors[i] * model.columns[j], axis=1)
    fresh += completion.NOISE * rng.standard_normal(len(i))
    return {"rows": rows, "at": (i, j), "fresh": fresh}


def streamed(data: dict[str, Any], ridge: float | None = None) -> Any:
    rows = data["rows"]
    sk = sketch.Completion((None, rows.shape[1]), RATING_RANK, ridge=ridge, biases=False)
    for at in range(0, rows.shape[0], 2500):
        sk.update(rows[at : at + 2500])
    return sk.finalize()


def by_cmfrec(ridge: float, data: dict[str, Any]) -> Array:
    runs = completion.by_cmfrec(ridge, data["rows"], *data["at"])
    return np.asarray(next(run[2] for run in runs if "each entry" in run[0]))  # the first alone


def off_ratings(data: dict[str, Any]) -> Callable[[Any], float]:
    """Return the root mean square error at new entries, whose noise is 0.5."""

    def error(found: Any) -> float:
        whole = found if isinstance(found, np.ndarray) else found.of(data["rows"])
        predicted = whole if whole is found else whole.predict(*data["at"])
        return completion.rms(predicted - data["fresh"])

    return error


@functools.lru_cache(maxsize=1)
def films(rows: int, n: int) -> dict[str, Any]:
    """Return chunks of rows as long and as skewed as those of the Netflix data, and new ones."""
    model, size = completion.Ratings(n, 10, 212, skewed=True, biased=0.4), completion.CHUNK
    starts = range(0, rows, size)
    chunks = [model.rows(at + 1, min(size, rows - at))[0] for at in starts]
    return {"chunks": chunks, "new": model.rows(10**6, 4000)[0]}


def followed(parts: int, data: dict[str, Any]) -> tuple[sketch.Completion, Any]:
    """Return the sketch of streams of equal length that are merged, and what it finds."""
    chunks, streams = data["chunks"], []
    for part in range(parts):
        sk = sketch.Completion((None, chunks[0].shape[1]), 10)
        for chunk in chunks[part * len(chunks) // parts : (part + 1) * len(chunks) // parts]:
            sk.update(chunk)
        streams.append(sk)
    for other in streams[1:]:
        streams[0].merge(other)
    return streams[0], streams[0].finalize()


def off_films(data: dict[str, Any]) -> Callable[[Any], float]:
    return lambda found: completion.error_of_new(found[1], data["new"])


@functools.lru_cache(maxsize=1)
def gaps(rows: int, columns: int) -> dict[str, Any]:
    """Return anomalies of temperatures without three cells in ten."""
    raw = climate(rows).astype(float)[:, :columns]
    field = raw - raw.mean(axis=0)
    removed = np.random.default_rng(0).random(field.shape) < 0.3
    return {"field": field, "removed": removed, "known": np.where(removed, np.nan, field)}


def filled(passes: int) -> Method:
    return called(lambda data: sketch.complete(data["known"], FIELD_RANK, passes=passes))


def off_field(data: dict[str, Any]) -> Callable[[Any], float]:
    removed = data["removed"]
    return lambda found: completion.rms((found.to_array() - data["field"])[removed])


# ---- trains of functions -------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def function(name: str, exact_rank: int, count: int = 1) -> dict[str, Any]:
    """Return a function, its wide train, and how many trains are asked for."""
    f, shape = functions.on_grid(name)
    exact = sketch.cross(f, shape, rank=exact_rank, seed=99)
    asked = sketch.cross(f, shape, rank=functions.RANK).n_evaluations
    return {"f": f, "shape": shape, "exact": exact, "asked": asked, "count": count}


def crossed(data: dict[str, Any]) -> list[Train]:
    f, shape = data["f"], data["shape"]
    return [sketch.cross(f, shape, functions.RANK, seed=seed) for seed in range(data["count"])]


def outside(data: dict[str, Any]) -> Callable[[list[Train]], float]:
    """Return the share of the errors that are outside of their interval, of those with one."""

    def error(found: list[Train]) -> float:
        out = []
        for tt in found:
            if tt.error is not None and tt.error.kind != "heuristic":
                low, high = tt.error.interval()
                out.append(not low <= (tt - data["exact"]).norm() <= high)
        return float(np.mean(out)) if out else 1.0

    return error


def by_teneva(setting: int) -> Method:
    first, how = functions.SETTINGS[setting]

    def run(data: dict[str, Any]) -> Train:
        return functions.by_teneva(data["f"], data["shape"], data["asked"], 0, first, **how)[0]

    return called(run, "teneva")


def scattered(order: int, known: int) -> dict[str, Any]:
    shape = (20,) * order
    points = np.random.default_rng(0).integers(0, shape, (known, order))
    fresh = np.random.default_rng(99).integers(0, shape, (50_000, order))
    return {"points": points, "shape": shape, "fresh": fresh}


def decay(points: Array) -> Array:
    return np.asarray(np.exp(-np.linalg.norm(points / 19, axis=1)))


def fitted(data: dict[str, Any]) -> Train:
    points = data["points"]
    return sketch.complete_train(points, decay(points), data["shape"], rank=FIT_RANK)


def by_anova(data: dict[str, Any]) -> Train:
    import teneva

    points = data["points"]
    start = teneva.anova(points, decay(points), FIT_RANK, seed=0)
    return sketch.TensorTrain(teneva.als(points, decay(points), start, nswp=50))


def off_fresh(data: dict[str, Any]) -> Callable[[Train], float]:
    truth = decay(data["fresh"])
    return lambda tt: (
        float(np.linalg.norm(tt.entries(data["fresh"]) - truth)) / float(np.linalg.norm(truth))
    )


@functools.lru_cache(maxsize=1)
def forest(samples: int, trees: int) -> dict[str, Any]:
    """Return a random forest, its train on a grid of quantiles, and new points."""
    from sklearn.datasets import make_friedman1
    from sklearn.ensemble import RandomForestRegressor

    x, y = make_friedman1(samples, n_features=5, random_state=0)
    new, truth = make_friedman1(10_000, n_features=5, random_state=1)
    grown = RandomForestRegressor(trees, random_state=0).fit(x, y)
    edges = np.quantile(x, np.arange(1, BINS) / BINS, axis=0)
    middles = np.quantile(x, (np.arange(BINS) + 0.5) / BINS, axis=0)

    def on_grid(i: Array) -> Array:
        return np.asarray(grown.predict(np.take_along_axis(middles, i, axis=0)))

    tt = sketch.cross(on_grid, (BINS,) * 5, rank=6).round(4)  # wider is closer
    return {"forest": grown, "train": tt, "edges": edges, "new": new, "truth": truth}


def by_train(data: dict[str, Any]) -> Array:
    columns = zip(data["edges"].T, data["new"].T, strict=True)
    bins = np.stack([np.searchsorted(edges, values) for edges, values in columns], axis=1)
    return np.asarray(data["train"].entries(bins))


def off_truth(data: dict[str, Any]) -> Callable[[Array], float]:
    return lambda predicted: completion.rms(predicted - data["truth"])


def numbers_of_train(data: dict[str, Any]) -> int:
    return sum(int(core.size) for core in data["train"].cores) + int(data["edges"].size)


def numbers_of_forest(data: dict[str, Any]) -> int:
    """Return what nodes hold: a variable, a threshold or value, and a place of the next ones."""
    return 3 * sum(tree.tree_.node_count for tree in data["forest"].estimators_)


# ---- nuclear norms -------------------------------------------------------------------------------

SPECTRA: dict[str, Callable[[Array], Array]] = {
    "1/i": lambda i: 1 / i,
    "exponential": lambda i: np.exp(-i / 20),
    "flat": lambda i: 1 + i / i[-1],
    "1/sqrt(i)": lambda i: 1 / np.sqrt(i),
}


@functools.lru_cache(maxsize=1)
def with_spectrum(spectrum: str, m: int, n: int, count: int = SEEDS) -> dict[str, Any]:
    """Return a matrix, its nuclear norm, and how many estimates of it are asked for."""
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.standard_normal((k, n)))[0] for k in (m, n))
    s = SPECTRA[spectrum](np.arange(1.0, n + 1))
    return {"a": (u * s) @ v.T, "norm": float(s.sum()), "count": count}


def estimates(data: dict[str, Any]) -> list[Any]:
    a = data["a"]
    return [sketch.schatten_norm(a, products=PRODUCTS, seed=seed) for seed in range(data["count"])]


def by_matfree(data: dict[str, Any]) -> list[Any]:
    import jax

    a = jax.numpy.asarray(data["a"])
    estimate = matfree_estimate(a.shape[1])
    return [float(estimate(jax.random.PRNGKey(seed), a)) for seed in range(data["count"])]


@functools.cache
def matfree_estimate(n: int) -> Callable[[Any, Any], Any]:
    """Return the compiled estimate by ten probes of 25 steps: as many products."""
    import jax
    from matfree import decomp, funm, stochtrace

    form = funm.monte_carlo_funm_product_schatten_norm(1.0, decomp.bidiag(25))
    sampler = stochtrace.sampler_normal(jax.numpy.ones(n), num=PRODUCTS // 50)
    estimate = stochtrace.estimator_monte_carlo(form, sampler)
    return jax.jit(lambda key, a: estimate(lambda x, a: a @ x, key, a))  # type: ignore[no-any-return]


def off_norm(data: dict[str, Any]) -> Callable[[list[Any]], float]:
    return lambda found: completion.rms(np.array([float(x) for x in found]) / data["norm"] - 1)


def missed(data: dict[str, Any]) -> Callable[[list[Any]], float]:
    """Return the share of the intervals that the norm is not in."""

    def error(found: list[Any]) -> float:
        ends = np.array([x.interval() for x in found])
        return float(np.mean((data["norm"] < ends[:, 0]) | (data["norm"] > ends[:, 1])))

    return error


WORKS: dict[str, Work] = {
    "ratings": Work(
        "ratings, {:,} x {:,}, {} known in each row, rank 20; error of new ones",
        ((2000, 300, 60), (50_000, 5000, 100)), ratings,
        {
            STREAM: called(streamed),
            f"{STREAM}, ridge given": called(functools.partial(streamed, ridge=0.02)),
            SWEEPS: called(functools.partial(by_cmfrec, 0.02), "cmfrec"),
            f"{SWEEPS}, a larger ridge": called(functools.partial(by_cmfrec, 0.05), "cmfrec"),
        },
        off_ratings,
    ),
    "films": Work(
        "films, {:,} x {:,}, 212 known in each row, rank 10; error of new rows",
        ((2000, 400), (20_000, 5000), (480_189, 17_769)), films,
        {WHOLE: called(functools.partial(followed, 1)),
         HALVES: called(functools.partial(followed, 2))},
        off_films,
    ),
    "films-state": Work(
        "state after {:,} x {:,}, 212 known in each row, rank 10; GB",
        ((1000, 400), (10_000, 5000), (40_000, 17_769)), films,
        {WHOLE: called(functools.partial(followed, 1))},
        lambda data: lambda found: found[0].nbytes / 1e9,
    ),
    "climate-gaps": Work(
        "climate of {} years, {:,} places, without three cells in ten, rank 40; error of these",
        ((60, 300), (660, 8192)), gaps,
        {
            "sketch complete, one reading": filled(1),
            "sketch complete, three readings": filled(3),
        },
        off_field,
    ),
    **{
        f"cross-{slug(name)}": Work(
            f"cross, {name}, rank {functions.RANK}; error, of a train of rank {{1}}",
            ((name, 10), (name, 24)), function,
            {
                CROSS: called(lambda data: sketch.cross(data["f"], data["shape"], functions.RANK)),
                **{peer: by_teneva(setting) for setting, peer in enumerate(TENEVA)},
            },
            lambda data: lambda tt: (tt - data["exact"]).norm() / data["exact"].norm(),
        )
        for name in functions.CASES
    },
    **{
        f"cross-missed-{slug(name)}": Work(
            f"intervals of cross, {name}, rank {functions.RANK}; share without the error",
            ((name, 10, 3), (name, 24, 100)), function, {CROSS: called(crossed)}, outside,
        )
        for name in functions.CASES
    },
    **{
        f"train-completion-{order}": Work(
            f"exp(-norm), order {{}}, {{:,}} entries, rank {FIT_RANK}; error at others",
            ((order, known // 8), (order, known)), scattered,
            {"sketch complete_train": called(fitted), "teneva": called(by_anova, "teneva")},
            off_fresh,
        )
        for order, known in ((4, 8000), (6, 60_000))
    },
    "forest": Work(
        "10,000 predictions of friedman1, {} samples, {} trees; root mean square error",
        ((600, 20), (1000, 100)), forest,
        {
            TRAIN: called(by_train, "sklearn"),
            FOREST: called(lambda data: data["forest"].predict(data["new"]), "sklearn"),
        },
        off_truth,
    ),
    "forest-numbers": Work(
        "friedman1, {} samples, {} trees; millions of numbers",
        ((600, 20), (1000, 100)), forest,
        {TRAIN: called(numbers_of_train, "sklearn"), FOREST: called(numbers_of_forest, "sklearn")},
        lambda data: lambda numbers: numbers / 1e6,
    ),
    **{
        f"nuclear-{slug(name)}": Work(
            f"nuclear norms, {name}, {{1:,}} x {{2:,}}, {SEEDS} times {PRODUCTS} products",
            ((name, 300, 200), (name, 3000, 1000)), with_spectrum,
            {OURS: called(estimates), MATFREE: called(by_matfree, "matfree")},
            off_norm,
        )
        for name in SPECTRA
    },
    **{
        f"nuclear-missed-{slug(name)}": Work(
            f"intervals of nuclear norms, {name}, {{1:,}} x {{2:,}}; share without the norm",
            ((name, 300, 260, 10), (name, 3000, 1000, 400)), with_spectrum,
            {OURS: called(estimates)}, missed,
        )
        for name in SPECTRA
    },
}  # fmt: skip
