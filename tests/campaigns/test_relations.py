"""The relations between a problem and the same one moved or scaled."""

import numpy as np
import pytest
from campaigns.relations import campaign, trained


def test_ten_problems_keep_the_relations():
    assert campaign(10)[1] == []


@pytest.mark.slow
def test_five_hundred_problems_keep_the_relations():
    largest, broken = campaign(500, seed=1)
    assert broken == []
    assert largest["c y", "objective"] < 1e-12 and largest["X + c", "objective"] < 1e-9


@pytest.mark.parametrize("mean", [0.0, 1e6, 1e8])
def test_the_mean_of_the_target_does_not_matter(mean):
    """The optimum is the conic solver's, on the target less its mean. With the mean left in, the
    bound rose above an objective that was a quarter too high, and passed for a proof."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    signal = np.sin(2 * X[:, 0]) + 0.5 * np.abs(X[:, 1]) + 0.1 * rng.normal(size=30)
    model = trained(X, mean + signal, alpha=0.0045)
    found = model.certificate
    assert found.objective == pytest.approx(0.0320940519739, rel=1e-9)
    assert found.lower_bound <= found.objective and found.relative_gap <= 1e-12
    assert found.network_lower_bound == pytest.approx(found.lower_bound, rel=1e-12)


def test_columns_seventeen_orders_apart_are_told_apart():
    """Unstandardised, the small one is worth nothing to a neuron: the optimum does without it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16, 2))
    y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=16)
    options = {"alpha": 0.01, "standardize": False, "jobs": 1}
    both = trained(X * [1, 1e-17], y, **options).certificate
    alone = trained(X[:, :1], y, **options).certificate
    assert both.relative_gap <= 1e-9 and both.scope == "exact"
    assert both.objective == pytest.approx(alone.objective, rel=1e-12)
