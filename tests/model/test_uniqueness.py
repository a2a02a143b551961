"""Is the optimum the only one: against linear programs over every wedge there is."""

from dataclasses import replace

import numpy as np
import pytest
from kinds import table_of
from oracles import enumerate_wedges, hinge_matrix, lasso_optimum
from scipy.optimize import linprog
from shell import fails, run, strict

from wedgefit.errors import UsageError
from wedgefit.learning.settings import Options
from wedgefit.model import uniqueness as room
from wedgefit.model.build import train
from wedgefit.model.origin import rows_trained_on, sample_trained_on
from wedgefit.model.uniqueness import check, uniqueness
from wedgefit.watch import Silent


def fitted(columns, **options):
    table = table_of(columns)
    given = {"alpha_ratio": 0.1, "tol": 1e-9}
    return train(table, Options(**given | options), Silent()), table


def ends_by_programs(model, table):
    """The least and largest share of each column over all optima, by the definition: every wedge,
    the outputs and the penalty of the conic solver's optimum."""
    sample = sample_trained_on(model, rows_trained_on(model, table))
    X, alpha = sample.X, model.problem.alpha
    wedges = list(enumerate_wedges(X, range(1, model.problem.order + 1), 1, True))
    K = hinge_matrix(X, wedges)
    _, z, t = lasso_optimum(K, sample.y[:, 0], alpha, True)
    n, m = K.shape
    penalty = np.abs(z).sum()
    slack = 1e-6 * np.abs(K @ z).max()
    outputs = np.hstack([K, -K, np.ones((n, 1)), -np.ones((n, 1))])
    size = np.append(np.ones(2 * m), [0, 0])
    ends = []
    for j in range(X.shape[1]):
        reads = np.array([bool(abs(w[j]) > 1e-9) for _, _, w, _ in wedges])
        weights = np.append(np.tile(reads, 2), [0, 0]).astype(float)
        both = []
        for sign in (1, -1):
            found = linprog(
                sign * weights,
                A_ub=np.vstack([outputs, -outputs, size]),
                b_ub=np.concatenate(
                    [K @ z + t + slack, -(K @ z + t) + slack, [penalty * (1 + 1e-6)]]
                ),
                bounds=(0, None),
            )
            both.append(sign * found.fun / penalty)
        ends.append(both)
    return np.array(ends)


@pytest.mark.parametrize("seed", range(6))
def test_ranges_are_those_of_linear_programs_over_every_wedge(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 2)).round(1)
    if seed % 2:
        X[:, 1] = X[:, 0] + (np.arange(8) % 3 == 0)
    y = np.abs(X[:, 0]) + 0.2 * rng.normal(size=8)
    model, table = fitted({"a": X[:, 0], "b": X[:, 1], "y": y})
    found = uniqueness(model, table, 1)
    ends = ends_by_programs(model, table)
    np.testing.assert_allclose([s.least for s in found.shares], ends[:, 0], atol=2e-3)
    np.testing.assert_allclose([s.most for s in found.shares], ends[:, 1], atol=2e-3)
    assert all(s.least <= s.share <= s.most for s in found.shares)


def test_random_columns_have_one_optimum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X[:, 0] + np.maximum(X[:, 1], 0) + rng.normal(size=40)
    columns = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y}
    model, table = fitted(columns, alpha_ratio=0.2, order=1)
    found = uniqueness(model, table, 1)
    assert found.unique is True
    assert all(s.least == s.share == s.most for s in found.shares)


def test_a_column_that_repeats_another_may_take_its_whole_share():
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(2, 30))
    model, table = fitted({"a": a, "copy": a.copy(), "c": c, "y": np.abs(a) + 0.3 * c}, order=1)
    found = uniqueness(model, table, 1)
    assert found.unique is False
    ends = {share.column: (share.least, share.most) for share in found.shares}
    assert ends["a"][0] == ends["copy"][0] == pytest.approx(0, abs=1e-6)
    assert ends["a"][1] == pytest.approx(ends["copy"][1]) and ends["a"][1] > 0.5
    assert ends["c"][1] - ends["c"][0] < 1e-4


def test_two_bends_may_trade_their_faces():
    """Both faces of |x − 1| and |x + 1| are used; what one rises more, the other may fall more."""
    x = np.linspace(-2, 2, 21)
    bends = fitted({"x": x, "y": np.abs(x - 1) + np.abs(x + 1)}, alpha_ratio=0.01)
    found = uniqueness(*bends, 1)
    assert found.unique is False and 1 - 1e-9 < found.shares[0].most <= 1
    assert 1 - 1e-9 < found.shares[0].least <= found.shares[0].share <= 1
    (one_bend,) = {uniqueness(*fitted({"x": x, "y": np.abs(x)}, alpha_ratio=0.01), 1).unique}
    assert one_bend is True


def test_classes_each_have_their_own_optima():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 40))
    y = np.digitize(a + 0.5 * rng.normal(size=40), [-0.5, 0.5])
    labels = np.array(["p", "q", "r"], dtype=object)[y]
    model, table = fitted({"a": a, "b": b, "y": labels}, order=1, alpha_ratio=0.3, loss="logistic")
    found = uniqueness(model, table, 1)
    assert found.neurons == len(model.neurons) <= found.candidates
    assert sum(share.share for share in found.shares) == pytest.approx(1)


def test_the_constant_is_the_only_optimum_beyond_alpha_max():
    x = np.arange(12.0)
    model, table = fitted({"x": x, "y": x**2}, alpha_ratio=1.5)
    found = uniqueness(model, table, 1)
    assert (found.unique, found.candidates) == (True, 0)


def test_what_is_not_looked_at(monkeypatch):
    x = np.arange(12.0)
    two, _ = fitted({"x": x, "y": x**2, "z": -x}, target=("y", "z"))
    with pytest.raises(UsageError, match="several targets"):
        check(two)
    one, table = fitted({"x": x, "y": x**2})
    for changed, words in (({"layers": 3}, "hidden layer"), ({"refined": True}, "no wedges")):
        with pytest.raises(UsageError, match=words):
            check(replace(one, problem=replace(one.problem, **changed)))
    monkeypatch.setattr(room, "MOST_LOOKS", 10)
    with pytest.raises(UsageError, match="too many"):
        uniqueness(one, table, 1)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{k / 3:.3f},{k / 3:.3f},{abs(k - 15)}" for k in range(30)]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,y", *lines]))
    run("train", "d.csv", "--order", "1", "--alpha-ratio", "0.1", "-q")
    assert strict(run("certify", "d.csv", "--unique", "--json").stdout)["unique"]["unique"] is False
    assert "The optimum is not unique" in run("certify", "d.csv", "--unique").stdout
    run("train", "d.csv", "--alpha-ratio", "2", "-o", "flat.json", "-q")
    text = run("certify", "flat.json", "d.csv", "--unique").stdout
    assert "The optimum is unique: no wedge can be in an optimum (proven)." in text
    (tmp_path / "net.json").write_text("{}")
    fails(
        "certify", "d.csv", "--weights", "net.json", "--unique", code=2, words=["--unique is for"]
    )
