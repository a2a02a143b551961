"""What a model says of itself, beside its figures."""

from types import SimpleNamespace

import numpy as np
import pytest

from wedgefit.engine.losses import Quantile
from wedgefit.model.notes import held_out_notes


def told_of(y, weights=None):
    """Of a quantile 0.9 that is 0 in all rows."""
    sample = SimpleNamespace(y=np.array(y, dtype=float)[:, None], weights=weights)
    curve = SimpleNamespace(outputs=lambda position, rows: np.zeros((rows, 1)))
    return held_out_notes(sample, Quantile(0.9), SimpleNamespace(curve=curve, position=0))


@pytest.mark.parametrize("above, told", [(10, False), (15, False), (17, True), (3, True)])
def test_two_standard_errors_of_a_part_contradict_a_quantile(above, told):
    """Of a hundred rows one error is three."""
    part = f"of rows held out {1 - above / 100:.1%} lie below the quantile 0.9, not 90.0%"
    assert told_of(np.arange(100) < above) == ([part] if told else [])


def test_a_part_of_rows_that_weigh_much_is_that_of_few():
    """A row of nearly all the weight says no more than one row does."""
    y = np.arange(100) < 10
    weights = np.where(np.arange(100) == 50, 1e3, 1.0)
    assert told_of(y, weights) == []
    assert told_of(y, np.full(100, 7.0)) == []
