"""``--alternate``: models whose layers asked for more, from the command line."""

import numpy as np
import pytest
from shell import fails, run, strict

from wedgefit import WedgeRegressor


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (22, 3))
    rows = np.column_stack([X, 8 * X.prod(axis=1) + 0.1 * rng.normal(size=22)]).round(4)
    lines = [",".join(map(str, row)) for row in rows]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,c,y", *lines]))
    return rows


def test_the_command_gains_and_certify_agrees(in_folder):
    words = ("train", "d.csv", "--layers", "4", "--alpha-ratio", "0.2", "--certificate", "sampled")
    plain = strict(run(*words, "--json").stdout)
    asked = strict(run(*words, "--json", "--alternate", "1").stdout)
    assert [stage["layer"] for stage in asked["stages"]] == [1, 2, 3]
    first, *deeper = zip(plain["stages"], asked["stages"])
    assert first[0]["objective"] == pytest.approx(first[1]["objective"], rel=1e-9)
    assert all(with_["objective"] < 0.995 * without["objective"] for without, with_ in deeper)
    assert all(stage["relative_gap"] < 1e-6 for stage in asked["stages"])
    assert asked["certificate"]["objective"] == asked["stages"][-1]["objective"]
    assert strict(run("certify", "d.csv", "--all", "--json").stdout)["agrees"]


def test_estimators_take_it_too(in_folder):
    X, y = in_folder[:, :3], in_folder[:, 3]
    plain, asked = (
        WedgeRegressor(layers=3, alpha_ratio=0.1, alternate=turns).fit(X, y) for turns in (0, 1)
    )
    assert asked.certificate_.objective < 0.99 * plain.certificate_.objective


def test_one_hidden_layer_has_none_to_ask(in_folder):
    fails("train", "d.csv", "--alternate", "1", code=2, words=["--alternate is for more than one"])
