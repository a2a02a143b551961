"""How far pricing goes by default."""

import csv
from math import comb
from pathlib import Path

import numpy as np
import pytest

from wedgefit.data.sample import Sample
from wedgefit.engine.nomination import AXIS
from wedgefit.learning.learn import Learner
from wedgefit.learning.policy import Policy
from wedgefit.learning.settings import Settings

SPIRAL = Path(__file__).parents[2] / "sample_data" / "spiral.csv"


def policy(heard=None, **settings):
    given = Settings(order="full", alpha_ratio=0.05, jobs=1, **settings)
    return Policy(given, "full", [].append if heard is None else heard.append)


def test_few_rows_of_many_columns_are_not_swept_for_hours(rng):
    """What a dozen rows of three columns make a second layer read: 80 million wedges, each of
    which costs far more than one of two columns."""
    few, many = rng.normal(size=(14, 3)), rng.normal(size=(14, 14))
    small, large = (policy().pricer(X, stage=2) for X in (few, many))
    assert policy().exact(small) and not policy().exact(large)
    # Told to, it says first how long: by the pencils' axes, C(14, s) C(14, s - 1) of them.
    heard = []
    assert policy(heard, certificate="exact").exact(large)
    axes = sum(AXIS * s * comb(14, s) * comb(14, s - 1) for s in range(3, 15))
    seconds = int(heard[0].split(" seconds")[0].split()[-1].replace(",", ""))
    assert axes * 3e-8 < seconds < 1.1 * axes * 3e-8


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows, columns, settings",
    [(14, 3, {"layers": 3}), (14, 3, {"layers": 4}), (14, 8, {"cv": 2}), (10, 20, {})],
)
def test_tiny_tables_end(rows, columns, settings, rng):
    """A quarter of a minute each; the first did not end in ten."""
    X, y = rng.normal(size=(rows, columns)), rng.normal(size=rows)
    usual = {} if "cv" in settings else {"alpha_ratio": 0.05}
    given = Settings(order="full", jobs=1, **usual | settings)
    found = Learner(Sample(X, y[:, None], "regression"), given, print).learn(lambda *_: None)
    assert found.certificate.relative_gap <= 1e-6


@pytest.mark.slow
def test_every_layer_of_the_spirals_is_exact():
    """Their largest dictionary has 332 million wedges: all layers but the first had silently become
    sampled."""
    with open(SPIRAL, newline="") as file:
        _, *rows = csv.reader(file)
    X = np.array([row[:2] for row in rows], dtype=float)
    y = np.where([row[2] == rows[0][2] for row in rows], 1.0, -1.0)
    settings = Settings(loss="squared", alpha_ratio=0.01, layers=5)
    learner = Learner(Sample(X, y[:, None], "classification"), settings, print)
    (stages,) = learner.learn(lambda *_: None).networks
    certificates = [stage.solution.certificate for stage in stages]
    assert len(stages) == 4 and {found.scope for found in certificates} == {"exact"}
    assert max(found.relative_gap for found in certificates) <= 1e-6
    objectives = [found.objective for found in certificates]
    assert objectives == sorted(objectives, reverse=True)
