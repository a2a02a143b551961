"""Deep networks of one column: what a model claims of all its layers together."""

from dataclasses import replace

import numpy as np
import pytest
from as_json import certify
from kinds import table_of
from oracles import lasso_optimum
from shell import run, strict

from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.file import loads
from wedgefit.watch import Silent


def waves(rows=40, seed=116):
    """Of which layer by layer misses the optimum."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, rows))
    x = rng.normal(size=n).round(2)
    return {"x": x, "y": rng.normal(size=n)}


def fitted(columns, **options):
    table = table_of(columns)
    given = {"layers": 3, "alpha_ratio": 0.05, "target": ("y",), "standardize": False, "tol": 1e-9}
    return train(table, Options(**given | options), Silent()), table


def every_ramp(x):
    rows = np.unique(x)
    return np.array([np.clip(x, a, b) - a for i, a in enumerate(rows) for b in rows[i + 1 :]]).T


@pytest.mark.parametrize("layers", [3, 4])
def test_the_claim_is_that_of_a_conic_solver_and_certify_finds_it_again(layers):
    columns = waves()
    model, table = fitted(columns, layers=layers)
    best, *_ = lasso_optimum(every_ramp(columns["x"]), columns["y"], model.problem.alpha, True)
    claim = model.all_layers
    assert model.certificate.objective == pytest.approx(best, rel=1e-7)
    assert claim.lower_bound <= best * (1 + 1e-9) and claim.relative_gap <= 1e-8
    assert certify(model, table)["agrees"]
    again = loads(model.dumps())
    assert again.all_layers == claim and "all_layers" in model.report()
    wrong = replace(claim, lower_bound=claim.lower_bound * 1.001)
    found = certify(replace(model, all_layers=wrong), table)
    assert not found["agrees"] and "all_layers.lower_bound" in found["message"]
    wrong = replace(claim, relative_gap=-claim.relative_gap - 1e-15)
    found = certify(replace(model, all_layers=wrong), table)
    assert not found["agrees"] and "all_layers.relative_gap" in found["message"]
    # Files of older versions do not claim anything.
    assert certify(replace(model, all_layers=None), table)["agrees"]


def test_the_first_layer_hands_on_neurons_that_are_not_its_own():
    """Of 20 such problems at least one needs them, and is certified with them all the same."""
    more = 0
    for seed in range(100, 120):
        model, table = fitted(waves(seed=seed), alpha_ratio=0.03)
        own = model.stages[0].neurons
        rows = {tuple(neuron.samples) for neuron in model.layer(1)[:own]}
        if any(tuple(neuron.samples) not in rows for neuron in model.layer(1)):
            more += 1
            assert certify(model, table)["agrees"]
        assert model.all_layers.relative_gap <= 1e-8
    assert more


def test_classes_add_up():
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    labels = np.array(["p", "q", "r"], dtype=object)[np.digitize(np.sin(2 * x), [-0.4, 0.4])]
    model, table = fitted({"x": x, "y": labels}, alpha_ratio=0.1, tol=1e-7)
    assert model.all_layers.relative_gap <= 1e-6
    assert model.all_layers.lower_bound <= model.certificate.objective
    assert certify(model, table)["agrees"]


@pytest.mark.parametrize(
    "options", [{"layers": 2}, {"intercept": False}, {"bias": False}, {"order": (1, 2)}]
)
def test_what_is_not_claimed(options):
    assert fitted(waves(), tol=1e-6, **options)[0].all_layers is None


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{k},{abs(k - 6) % 5}" for k in range(20)]
    (tmp_path / "d.csv").write_text("\n".join(["x,y", *lines]))
    report = strict(run("train", "d.csv", "--layers", "3", "--alpha-ratio", "0.1", "--json").stdout)
    assert report["all_layers"]["relative_gap"] <= 1e-6
    text = run("train", "d.csv", "--layers", "3", "--alpha-ratio", "0.1").stdout
    assert "All layers together, among all ReLU networks of three layers or more" in text
    assert "no claim is made" not in text
    assert "all_layers" in run("certify", "d.csv").stdout
    text = run("train", "d.csv", "--layers", "3", "--order", "1,2", "--alpha-ratio", "0.1").stdout
    assert (
        "no claim is made about all layers together" in text and "All layers together" not in text
    )
