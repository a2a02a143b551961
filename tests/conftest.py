"""What all tests share: a seeded generator, property tests that try the same examples every time,
pages that are read for their words, and what both processes of a run need."""

import gc
import os
from importlib.util import find_spec
from math import inf
from pathlib import Path

import hypothesis
import kernels
import numpy as np
import once
import pytest

from wedgefit.engine import nomination
from wedgefit.learning import side_by_side

hypothesis.settings.register_profile(
    "same-every-time", derandomize=True, deadline=None, database=None, max_examples=30
)
hypothesis.settings.load_profile("same-every-time")


ONE_OF_SEVERAL = "PYTEST_XDIST_WORKER" in os.environ


def pytest_configure():
    if not ONE_OF_SEVERAL:
        kernels.forget_old_ones(Path(nomination.__file__).parent)


def pytest_collection_finish():
    """What there is by now stays: no search for garbage need go through it again and again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def processes_of_a_run(tmp_path_factory):
    """Kernels are compiled, and models of ``kinds`` trained, once a run, not once a process. Folds
    stay in their process: these have the processor's cores among them already."""
    if not ONE_OF_SEVERAL:
        return
    folder = tmp_path_factory.getbasetemp().parent
    once.share(folder)
    side_by_side.SECONDS_HERE = inf
    if find_spec("numba") is not None:
        kernels.compile_once(folder / "kernels")


@pytest.fixture
def rng():
    """A fresh ``numpy.random.Generator``, the same one for every test."""
    return np.random.default_rng(0)


@pytest.fixture
def without_pictures(monkeypatch):
    """Pages have a mark in the place of each picture: drawing is nearly all that they cost."""
    from wedgefit.views import page

    monkeypatch.setattr(
        page.plot, "inline", lambda model, table, kind: f"<svg><!-- {kind} --></svg>"
    )


@pytest.fixture
def few_alphas(monkeypatch):
    """Paths have two alphas per factor of ten and end soon after the last gain: for tests of what
    becomes of a choice, not of the choice."""
    from wedgefit.learning import path
    from wedgefit.model import notes, training

    few = path.Pace(per_decade=2, stride=1, patience=1)
    for module in (path, notes, training):
        monkeypatch.setattr(module, "FINE", few)


@pytest.fixture
def few_draws(monkeypatch):
    """Partial rounds draw so few pencils that a small table has more: else nothing is sampled."""
    monkeypatch.setattr(nomination, "RANDOM", 4)
    monkeypatch.setattr(nomination, "THOROUGH", 0)
