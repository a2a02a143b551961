"""Data, timing and tables shared by the benchmark scripts; every script prints one markdown
table."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import Solution, largest_alpha, solve
from wedgefit.watch import Deadline


def surface(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n noisy samples of sin(3 x0) cos(2 x1) on the square, columns standardised."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 2))
    y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) + 0.1 * rng.standard_normal(n)
    return standardized(X), y


def curve(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n noisy samples of sin(6 x) + 0.3 |x|, the column standardised."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 1))
    y = np.sin(6 * X[:, 0]) + 0.3 * np.abs(X[:, 0]) + 0.1 * rng.standard_normal(n)
    return standardized(X), y


def genes(n: int) -> dict[str, np.ndarray]:
    """n rows of 200 numbers of which a few matter: more columns than most of its rows tell."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 200))
    y = 2 * X[:, 3] + np.abs(X[:, 17]) + X[:, 40] * (X[:, 90] > 0) + 0.5 * rng.standard_normal(n)
    return {f"gene_{j}": column for j, column in enumerate(X.T)} | {"y": y}


def houses(n: int) -> dict[str, np.ndarray]:
    """n rows in the shape of census tracts with their house values: places in clusters, counts with
    heavy tails, one text of five levels, one of them rare, and a target that is capped."""
    rng = np.random.default_rng(0)
    centres = rng.uniform([-124, 32.5], [-114, 42], (12, 2))
    place = centres[rng.integers(12, size=n)] + 0.5 * rng.standard_normal((n, 2))
    age = rng.integers(1, 53, n).astype(float)
    rooms = np.exp(7.6 + 0.7 * rng.standard_normal(n)).round()
    people = (rooms * np.exp(-0.6 + 0.4 * rng.standard_normal(n))).round()
    homes = (people / np.exp(1.05 + 0.2 * rng.standard_normal(n))).round()
    income = np.exp(1.25 + 0.45 * rng.standard_normal(n))
    coast = np.digitize(place[:, 0] + 0.8 * (place[:, 1] - 37), [-122, -120, -117.5])
    sea = np.array(["near bay", "near ocean", "coast", "inland"])[coast]
    sea[rng.choice(n, max(2, n // 4000), replace=False)] = "island"
    value = 4e4 * income * (1 + 0.3 * (coast < 3)) + 5e4 * np.cos(place[:, 0]) * (coast < 2)
    value += 6e4 * np.log1p(rooms / people) + 400 * age + 4e4 * rng.standard_normal(n)
    return {
        "longitude": place[:, 0], "latitude": place[:, 1], "age": age, "rooms": rooms,
        "bedrooms": (rooms / 5).round(), "people": people, "homes": homes, "income": income,
        "sea": sea, "value": np.clip(value, 15_000, 500_001).round(),
    }  # fmt: skip


def census(n: int) -> dict[str, np.ndarray]:
    """n rows in the shape of a census: six numbers, two of them mostly zero, eight columns of text
    with 2 to 40 levels, and two classes, a quarter of the rows in the second."""
    rng = np.random.default_rng(0)
    age, hours = rng.integers(17, 91, n), np.clip(40 + 12 * rng.standard_normal(n), 1, 99).round()
    school = np.clip(10 + 2.5 * rng.standard_normal(n), 1, 16).round()
    gain = np.where(rng.random(n) < 0.08, np.exp(8.5 + rng.standard_normal(n)).round(), 0.0)
    loss = np.where(rng.random(n) < 0.05, np.exp(7.5 + 0.2 * rng.standard_normal(n)).round(), 0.0)
    texts, pull = {}, np.zeros(n)
    for k, levels in enumerate((2, 5, 6, 7, 9, 15, 16, 40)):
        shares = 1.0 / np.arange(1, levels + 1)
        found = rng.choice(levels, n, p=shares / shares.sum())
        pull += 0.5 * rng.standard_normal(levels)[found]
        texts[f"text_{levels}"] = np.char.add(f"{'abcdefgh'[k]}", found.astype(str))
    odds = 0.35 * (school - 10) - 0.002 * (age - 48.0) ** 2 + 0.03 * (hours - 40) + pull
    odds += 2.0 * (gain > 5_000) + 0.5 * (loss > 0) + 0.02 * (age - 40) * (school > 12) - 1.0
    rich = rng.random(n) < 1 / (1 + np.exp(-odds))
    numbers = {
        "age": age, "weight": np.exp(12 + 0.5 * rng.standard_normal(n)).round(), "school": school,
        "gain": gain, "loss": loss, "hours": hours,
    }  # fmt: skip
    return numbers | texts | {"class": np.where(rich, "over", "under")}


def written(table: dict[str, np.ndarray], path: Path) -> None:
    """The table as a CSV file."""
    with path.open("w") as file:
        file.write(",".join(table) + "\n")
        file.writelines(",".join(map(str, row)) + "\n" for row in zip(*table.values()))


def trained(table: dict[str, np.ndarray] | Path, *options: str) -> list[str]:
    """A process of its own that runs ``wedgefit train`` on the table: cross-validated score,
    neurons, proven gap, scope, seconds of everything, and its peak memory."""
    with TemporaryDirectory() as folder:
        data, took = table, Path(folder) / "took.json"
        if isinstance(table, dict):
            data = Path(folder) / "data.csv"
            written(table, data)
        train = ["wedgefit", "train", str(data), "--json", "-q", "-o", f"{folder}/model.json"]
        measured = [sys.executable, str(Path(__file__).with_name("measured.py")), str(took)]
        command = [*measured, sys.executable, "-m", *train, *options]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        used = json.loads(took.read_text())
    figures = [f"{used['seconds']:.1f}", f"{used['peak_gigabytes']:.2f}"]
    if used["status"]:
        return ["–", "–", "–", "failed", *figures]
    report = json.loads(output)
    certificate, chosen = report["certificate"], report["score"]["cv"] or report["score"]["train"]
    score = next(chosen[name] for name in ("r2", "accuracy") if chosen.get(name) is not None)
    return [
        f"{score['mean'] if isinstance(score, dict) else score:.3f}",
        str(len(report["neurons"])),
        f"{certificate['relative_gap']:.0e}",
        certificate["scope"],
        *figures,
    ]


def standardized(X: np.ndarray) -> np.ndarray:
    return (X - X.mean(axis=0)) / X.std(axis=0)


def fitted(
    X,
    y,
    orders,
    norm,
    ratio,
    *,
    tol=1e-9,
    exact=True,
    jobs=2,
    refine=False,
    seconds=None,
    effort=np.inf,
    on_round=lambda *_: None,
):
    """Solve at ``ratio`` of alpha_max: the solution, alpha and the seconds it took, alpha_max
    included."""
    clock = time.perf_counter()
    pricer = Pricer(Dictionary(X, orders, norm, True), jobs=jobs, refine=refine, effort=effort)
    alpha = ratio * largest_alpha(Problem(y, 1.0), pricer, exact=exact)
    solution = solve(
        Problem(y, alpha),
        pricer,
        tol=tol,
        exact=exact,
        on_round=on_round,
        deadline=Deadline(seconds),
    )
    return solution, alpha, time.perf_counter() - clock


def sorting_unit(n: int) -> float:
    """T(n): the seconds of one argsort of n × n random numbers along the rows, one thread."""
    rows = min(n, 2_000)
    keys = np.random.default_rng(0).random((rows, n))
    clock = time.perf_counter()
    np.argsort(keys, axis=1)
    return (time.perf_counter() - clock) * n / rows


def peak_gigabytes() -> float:
    """The largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def print_table(title: str, header: list[str], rows: Iterable[list[str]]) -> None:
    """Print a markdown table row by row, as the rows come."""
    print(f"### {title}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


def timed(work: Callable):
    """The result of ``work()`` and its seconds."""
    clock = time.perf_counter()
    result = work()
    return result, time.perf_counter() - clock


def described(solution: Solution) -> list[str]:
    """Objective, gap and scope as table cells."""
    certificate = solution.certificate
    return [f"{certificate.objective:.12f}", f"{certificate.relative_gap:.0e}", certificate.scope]
