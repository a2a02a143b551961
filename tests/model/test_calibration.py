"""Are probabilities what they say: against scikit-learn's curve, and by simulation."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from wedgefit.model.calibration import calibration


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_the_groups_are_those_of_sklearn(digits, rng):
    """Few digits are many ties."""
    given = rng.random(200).round(digits)
    came = rng.random(200) < given
    found = calibration(given, came)
    true, said = calibration_curve(came, given, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([part.given for part in found], said)
    np.testing.assert_allclose([part.came for part in found], true)
    assert sum(part.rows for part in found) == 200


def test_weights_are_repeated_rows(rng):
    given, weights = rng.random(60).round(1), rng.integers(1, 4, 60)
    came = rng.random(60) < given
    weighted = calibration(given, came, weights * 1.0)
    repeated = calibration(
        np.repeat(given, weights), np.repeat(came, weights), np.ones(weights.sum())
    )
    for name in ("given", "came"):
        np.testing.assert_allclose(
            [getattr(part, name) for part in weighted], [getattr(part, name) for part in repeated]
        )


def test_the_error_is_that_of_chance(rng):
    given = np.linspace(0.05, 0.95, 400)
    drawn = np.array(
        [[part.came for part in calibration(given, rng.random(400) < given)] for _ in range(300)]
    )
    stated = [part.se for part in calibration(given, given > 0.5)]
    np.testing.assert_allclose(drawn.std(axis=0), stated, rtol=0.2)


def test_equal_probabilities_are_one_group():
    (found,) = calibration(np.full(7, 0.25), np.arange(7) < 2)
    assert (found.rows, found.given, found.came) == (7, pytest.approx(0.25), pytest.approx(2 / 7))


@pytest.mark.parametrize("rows", [6, 30, 47, 90, 107, 490])
def test_a_class_that_always_came_true_came_true_in_one(rows):
    """Not in a little more, of which pictures cannot say how far it is below one."""
    some = np.linspace(0.5, 1.0, rows)
    for weights in (None, 0.1 + some):
        found = calibration(some, np.ones(rows, dtype=bool), weights)
        assert {part.came for part in found} == {1.0}
