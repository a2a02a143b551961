"""The examples that docs/idea.md computes by hand, recomputed."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from kinds import table_of

from wedgefit.learning.settings import Options
from wedgefit.model.build import train
from wedgefit.model.uniqueness import uniqueness
from wedgefit.watch import Silent

PAGE = (Path(__file__).parents[2] / "docs" / "idea.md").read_text(encoding="utf-8")


def fitted(columns, alpha):
    table = table_of({name: np.array(values, dtype=float) for name, values in columns.items()})
    options = Options(target=("y",), task="regression", alpha=alpha, standardize=False, tol=1e-12)
    return train(table, options, Silent()), table


def said(section, *figures):
    """Every figure as the section of the page has it."""
    text = PAGE.split(f"## By hand: {section} rows")[1].split("\n## ")[0]
    for figure in figures:
        assert str(figure) in text, figure


def test_three_rows():
    model, _ = fitted({"x": [-1, 0, 1], "y": [1, 0, 1]}, 1 / 18)
    said("three", "alpha = 1/18", "alpha_max is 1/9", "z = 1/2; then t = 1/3", "2/36 = 1/12")
    assert model.problem.alpha_max == pytest.approx(1 / 9)
    assert [neuron.coefficient for neuron in model.neurons] == pytest.approx([1 / 2, 1 / 2])
    assert [neuron.samples for neuron in model.neurons] == [[2], [2]]
    assert model.intercept == pytest.approx(1 / 3)
    assert model.certificate.objective == pytest.approx(1 / 12)
    assert model.certificate.network_lower_bound == pytest.approx(1 / 12)
    residuals = np.array([1, 0, 1]) - model.network.forward(np.array([[-1.0], [0.0], [1.0]]))[:, 0]
    v = [Fraction(1, 18), Fraction(-1, 9), Fraction(1, 18)]
    said("three", f"v = ({v[0]}, {str(v[1]).replace('-', '−')}, {v[2]})")
    assert residuals / 3 == pytest.approx([float(part) for part in v])


def test_four_rows():
    columns = {"a": [0, 1, 0, 1], "b": [0, 0, 1, 1], "y": [1, 0, 0, 1]}
    model, table = fitted(columns, 1 / 32)
    said("four", "alpha = 1/32", "score 1/16", "z = 1 with t = 1/4", "2/32 = 3/32")
    assert model.problem.alpha_max == pytest.approx(1 / 16)
    assert model.certificate.objective == pytest.approx(3 / 32)
    assert model.certificate.network_lower_bound == pytest.approx(3 / 32)
    X = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    output = model.network.forward(X)[:, 0]
    assert np.array(columns["y"]) - output == pytest.approx([1 / 4, -1 / 4, -1 / 4, 1 / 4])
    hinge = np.maximum(0, (X.sum(axis=1) - 1) / 2)
    assert hinge.tolist() == [0, 0, 0, 1 / 2]
    assert uniqueness(model, table, 1).unique is False


@pytest.mark.parametrize("columns", [2, 3])
def test_heights_are_areas_and_volumes(columns, rng):
    """Divided by the base: the distance of a row from the hyperplane through the others."""
    points = rng.normal(size=(columns + 1, columns))
    edges = points[1:-1] - points[0]
    row = points[-1] - points[0]
    content = abs(np.linalg.det(np.vstack([edges, row])))
    base = np.sqrt(np.linalg.det(edges @ edges.T))
    normal = np.linalg.svd(edges)[2][-1]
    assert content / base == pytest.approx(abs(normal @ row))
