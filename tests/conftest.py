"""What all tests share: a seeded generator, and property tests that try the same examples every
time."""

import hypothesis
import numpy as np
import pytest

hypothesis.settings.register_profile(
    "same-every-time", derandomize=True, deadline=None, database=None
)
hypothesis.settings.load_profile("same-every-time")


@pytest.fixture
def rng():
    """A fresh ``numpy.random.Generator``, the same one for every test."""
    return np.random.default_rng(0)
