"""How a model was learnt, as its file tells."""

from dataclasses import replace

import numpy as np
import pytest
from kinds import table_of

from wedgefit.model.build import Options, train
from wedgefit.model.origin import settings_of
from wedgefit.watch import Silent


@pytest.fixture(scope="module")
def model():
    x = np.arange(20.0)
    table = table_of({"x": x, "y": np.abs(x - 8)})
    return train(table, Options(target=("y",), alpha_ratio=0.1, tol=1e-4), Silent())


def test_the_gap_is_the_one_that_training_was_told(model):
    """Of files that do not tell how they were trained it is that of their time."""
    assert settings_of(model).tol == 1e-4
    assert settings_of(replace(model, options={})).tol == 1e-6
    assert settings_of(replace(model, options=model.options | {"tol": "auto"})).tol == "auto"
    assert settings_of(replace(model, options=model.options | {"tol": -1.0})).tol == "auto"
