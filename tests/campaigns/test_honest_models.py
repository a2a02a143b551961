"""Honest models: what ``train`` has just written is accepted by ``certify``, with the data it was
trained on, at any alpha."""

import json
from pathlib import Path

import numpy as np
import pytest
from as_json import certify

from wedgefit.data.table import Column, Table, read_table
from wedgefit.errors import WedgefitError
from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.file import loads
from wedgefit.watch import Silent

WAYS = [
    {},
    {"norm": 2},
    {"refit": True},
    {"intercept": False},
    {"bias": False},
    {"standardize": False},
    {"tol": 1e-3},
    {"weight": "w"},
]
CLASSES = [{}, {"loss": "squared"}, {"class_weight": "balanced"}, {"weight": "w"}]


def table(rows, columns, rng, classes):
    """A random table: smooth and stepped columns, some with gaps, at any scale and far from
    zero."""
    held = {}
    for j in range(columns):
        values = rng.normal(size=rows) * 10.0 ** rng.integers(-3, 4)
        values = np.round(values, 2) if rng.random() < 0.3 else values
        values = values + 10.0 ** rng.integers(0, 5) * (rng.random() < 0.3)
        if rng.random() < 0.2:
            values[rng.random(rows) < 0.1] = np.nan
        held[f"x{j}"] = values
    first = held["x0"] - np.nanmean(held["x0"])
    y = np.abs(np.nan_to_num(first)) + rng.normal(size=rows) * np.nanstd(first)
    held["w"] = rng.uniform(0.1, 3, size=rows)
    data = {name: Column(name, "numeric", values) for name, values in held.items()}
    if classes:
        labels = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
        data["y"] = Column("y", "category", np.array(list("pqr"), dtype=object)[labels])
    else:
        data["y"] = Column("y", "numeric", y)
    return Table("t.csv", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), data)


def campaign(count, seed, sizes):
    """How many models were trained, and the messages of those that were refused."""
    rng, trained, refused = np.random.default_rng(seed), 0, []
    for number in range(count):
        classes = int(rng.choice([0, 0, 0, 2, 3]))
        columns = int(rng.integers(1, 3))
        rows = table(int(rng.choice(sizes)), columns, rng, classes)
        ways = CLASSES if classes else WAYS
        way = ways[rng.integers(len(ways))]
        order = int(rng.integers(1, columns + 1)) if len(rows.row_ids) < 200 else 1
        ratio = 10.0 ** rng.uniform(-6, -1)
        drop = () if "weight" in way else ("w",)
        options = Options(alpha_ratio=ratio, order=order, drop=drop, jobs=1, **way)
        try:
            model = train(rows, options, Silent())
        except WedgefitError:
            continue  # A column of which nothing is left, for instance; said before any file.
        trained += 1
        found = certify(loads(model.dumps()), rows, jobs=1)
        json.dumps(found, allow_nan=False)
        if not found["agrees"]:
            refused.append((number, found["message"], way, ratio))
    return trained, refused


def test_models_of_small_tables_are_accepted():
    trained, refused = campaign(6, seed=1, sizes=[12])
    assert refused == [] and trained >= 5


@pytest.mark.parametrize(
    "name, options",
    [
        ("hundred", {"alpha_ratio": 1e-5}),
        ("norm2", {"norm": 2, "alpha_ratio": 7.63372e-06}),
        ("classes", {"loss": "squared", "alpha_ratio": 4.47521e-06}),
    ],
)
def test_bounds_of_small_alphas_are_accepted(name, options):
    """A dual point that is small beside the outputs: rounding moves the bound in its ninth
    digit."""
    rows = read_table(Path(__file__).parent / "small_alpha" / f"{name}.csv")
    model = train(rows, Options(order=1, jobs=1, **options), Silent())
    for jobs in (1, 2):
        found = certify(loads(model.dumps()), rows, jobs=jobs)
        assert found["agrees"], found["message"]


def test_the_slack_is_the_problems_own():
    """Moved by one unit in the last place of every output, a bound stays within its slack; where
    alpha is large the slack is a million times smaller."""
    rows = read_table(Path(__file__).parent / "small_alpha" / "hundred.csv")
    slack = []
    for ratio in (1e-5, 1e-1):
        model = train(rows, Options(order=1, jobs=1, alpha_ratio=ratio), Silent())
        data = json.loads(model.dumps())
        bound = data["certificate"]["lower_bound"]
        for by in 10.0 ** np.arange(-14, -5):
            data["certificate"]["lower_bound"] = bound * (1 + by)
            names = certify(loads(json.dumps(data)), rows, jobs=1)["message"]
            if "certificate.lower_bound" in names:
                slack.append(by)
                break
    assert len(slack) == 2 and slack[1] <= 1e-10 and 10 * slack[1] <= slack[0] <= 1e-6


@pytest.mark.slow
def test_hundreds_of_models_are_accepted(capsys):
    trained, refused = campaign(400, seed=2, sizes=[25, 100, 400])
    with capsys.disabled():
        print(f"\n{trained} honest models of 400 tables, {len(refused)} refused")
    assert refused == [] and trained >= 350
