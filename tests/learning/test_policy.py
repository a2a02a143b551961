"""How far pricing goes by default."""

import csv
from pathlib import Path

import numpy as np
import pytest

from wedgefit.learning.learn import Learner
from wedgefit.learning.select import Sample
from wedgefit.learning.settings import Settings

SPIRAL = Path(__file__).parents[2] / "sample_data" / "spiral.csv"


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
