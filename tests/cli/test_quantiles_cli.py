"""Several quantiles through the command line: columns, records, words, exports, what is refused."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from exporting import run_onnx, run_python, run_sql
from shell import columns_of, fails, run

from wedgefit.model.file import load

TOLD = ["--loss", "quantile", "--quantile", "0.9", "--quantile", "0.1", "--quantile", "0.3"]
NAMES = ["q0.1", "q0.3", "q0.9"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a table on which outputs cross, and its model."""
    folder = tmp_path_factory.mktemp("quantiles")
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=(2, 40)).round(3)
    y = (x + (0.2 + np.abs(x)) * rng.standard_t(3, size=40)).round(3)
    lines = [",".join(map(str, row)) for row in zip(x, z, y)]
    (folder / "data.csv").write_text("\n".join(["x,z,y", *lines]) + "\n")
    with chdir(folder):
        run("train", "data.csv", *TOLD, "--alpha", "0.02", "--tol", "1e-4", "--quiet")
    return folder


@pytest.fixture
def data(trained, tmp_path, monkeypatch):
    """A copy of that folder to work in; returns the model."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return load("wedgefit.json")


def test_predict_has_a_column_for_each(data):
    run("predict", "data.csv", "-o", "out.csv")
    columns = columns_of("out.csv")
    assert list(columns) == [f"prediction_{name}" for name in NAMES]
    made = np.array(list(columns.values()), dtype=float).T
    assert (np.diff(made, axis=1) >= 0).all()
    record = json.loads(run("predict", "data.csv", "--json").stdout)
    np.testing.assert_array_equal(np.array(record["predictions"]), made)


def test_contributions_add_up_to_the_scores_before_they_are_sorted(data):
    run("predict", "data.csv", "--contributions", "-o", "out.csv")
    columns = {name: np.array(cells, dtype=float) for name, cells in columns_of("out.csv").items()}
    scores = np.column_stack([columns[f"score_{name}"] for name in NAMES])
    for name, score in zip(NAMES, scores.T):
        parts = [
            c
            for key, c in columns.items()
            if key.startswith((f"average_{name}", f"contribution_{name}"))
        ]
        np.testing.assert_allclose(np.sum(parts, axis=0), score, atol=1e-9)
    made = np.column_stack([columns[f"prediction_{name}"] for name in NAMES])
    np.testing.assert_allclose(made, np.sort(scores, axis=1), atol=1e-12)
    assert not np.allclose(made, scores)


def test_exports_agree_with_predict(data):
    rng = np.random.default_rng(0)
    rows = [dict(zip("xz", map(float, row))) for row in 3 * rng.normal(size=(200, 2))]
    X = np.array([[row["x"], row["z"]] for row in rows])
    raw = data.network.forward((X - [f.center for f in data.encoding.features])
                               / [f.scale for f in data.encoding.features])  # fmt: skip
    assert (np.diff(raw, axis=1) < 0).any()
    for export in (run_python, run_sql, run_onnx):
        found = np.array(export(data, rows)[0], dtype=float)
        np.testing.assert_allclose(found, np.sort(raw, axis=1), rtol=1e-9, atol=1e-9)
    assert run_sql(data, rows)[2] == [f"prediction_{name}" for name in NAMES]


def test_the_exported_script_names_its_columns(data):
    source = run("export", "--format", "python").stdout
    assert "TARGETS = ('q0.1', 'q0.3', 'q0.9')" in source and "ASCENDING = True" in source


def test_the_record_and_its_certificate(data):
    report = json.loads(run("train", "data.csv", *TOLD, "--alpha", "0.02", "--json").stdout)
    assert report["problem"]["quantile"] == [0.1, 0.3, 0.9]
    assert report["data"]["outputs"] == NAMES and report["data"]["target"] == "y"
    assert [stage["output"] for stage in report["stages"]] == NAMES
    total = sum(stage["objective"] for stage in report["stages"])
    assert report["certificate"]["objective"] == pytest.approx(total, rel=1e-12)
    run("certify", "data.csv")
    run("certify", "data.csv", "--all")
    record = json.loads(Path("wedgefit.json").read_text())
    for levels in ([0.1, 0.9, 0.3], [0.1, 0.1, 0.9], [0.1], [0.1, 0.3]):
        record["problem"]["quantile"] = levels
        Path("other.json").write_text(json.dumps(record))
        fails("certify", "other.json", "data.csv")


def test_what_people_read(data, without_pictures):
    said = run("train", "data.csv", *TOLD, "--alpha", "0.02", "--verbose").stdout
    together = "Of several quantiles the pinball losses are added up, and MAE is the mean."
    assert "quantile loss at 0.1000, 0.3000, 0.9000" in said and "One network per quantile" in said
    assert together in said and together in run("evaluate", "data.csv").stdout.replace("\n", " ")
    assert "class" not in said
    assert "in ascending order" in run("explain").stdout
    row = run("explain", "data.csv", "--row", "1").stdout
    assert "y, q0.3:" in row and "q0.9 before sorting" in row
    said = run("evaluate", "data.csv").stdout
    assert "0.1000 and 0.9000" in said and "the quantiles of all" in said
    for kind in ("effects", "predicted", "residuals", "importance"):
        run("plot", "data.csv", "--kind", kind, "-o", f"{kind}.svg")
    run("train", "data.csv", *TOLD, "--drop", "z", "--alpha", "0.05", "-o", "one.json", "--quiet")
    run("plot", "one.json", "data.csv", "--kind", "fit", "-o", "fit.svg")
    run("report", "data.csv", "-o", "page.html")
    page = Path("page.html").read_text()
    assert "<th>quantile</th>" in page and together in page
    alone = ["--loss", "quantile", "--target", "y", "--quantile", "0.9", "--alpha", "0.02"]
    assert together not in run("train", "data.csv", *alone, "-o", "one.json").stdout
    assert together not in run("evaluate", "one.json", "data.csv").stdout


def test_held_out_predictions_stand_behind_the_target(data):
    told = [*TOLD, "--alpha", "0.05", "--order", "1", "--cv", "2", "--predictions", "held.csv"]
    run("train", "data.csv", *told)
    columns = columns_of("held.csv")
    assert list(columns) == ["row", "y", *(f"prediction_{name}" for name in NAMES)]
    known = columns_of("data.csv")["y"]
    assert list(map(float, columns["y"])) == list(map(float, known))


def test_two_models_are_compared_by_the_loss_of_both(data):
    more = ["--alpha", "0.2", "-o", "plain.json", "--quiet"]
    run("train", "data.csv", *TOLD, *more)
    record = json.loads(run("compare", "wedgefit.json", "plain.json", "data.csv", "--json").stdout)
    assert record["loss"]["name"] == "own"
    for each in record["models"]:
        assert each["loss"] == pytest.approx(each["score"]["pinball"], rel=1e-9)


@pytest.mark.parametrize(
    "told, words",
    [
        ([*TOLD, "--quantile", "0.9"], "several different ones"),
        (["--quantile", "0.1", "--quantile", "0.9"], "--quantile is for --loss quantile"),
        ([*TOLD, "--convex", "x"], "--convex and --concave are for one quantile"),
        ([*TOLD, "--intervals"], "--intervals is for numbers whose mean is predicted"),
        ([*TOLD, "--layers", "3"], "one hidden layer"),
        ([*TOLD, "--target", "y", "--target", "z"], "for one target"),
        (["--loss", "quantile", "--quantile", "1.5"], "a probability between 0 and 1"),
    ],
)
def test_contradictions_are_refused(data, told, words):
    said = fails("train", "data.csv", *told, code=2)
    assert words in str(said)


@pytest.mark.parametrize("level, side", [("0.001", "below"), ("0.9999", "above")])
def test_of_a_quantile_beyond_all_rows_train_says_that_rows_do_not_tell(data, level, side):
    told = ["--alpha-ratio", "0.3", "--order", "1", "--loss", "quantile", "--quantile", "0.5"]
    assert "next to nothing" not in run("train", "data.csv", *told).stderr
    said = run("train", "data.csv", *told, "--quantile", level).stderr
    assert f"next to nothing of the quantile {level}: fewer than one" in said
    assert f"expected {side} it" in said


def test_train_says_what_rows_held_out_make_of_quantiles(tmp_path, monkeypatch):
    """Where that is not what they say, and as its own predictions of these rows have it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    x = rng.uniform(size=(60, 6))
    y = x[:, 0] + rng.exponential(size=60)
    names = "a,b,c,d,e,f,y"
    np.savetxt("d.csv", np.column_stack([x, y]), delimiter=",", header=names, comments="")
    told = ["--order", "1", "--cv", "3", "--loss", "quantile", "--predictions", "held.csv"]
    told += ["--certificate", "sampled"]
    said = run("train", "d.csv", *told, "--quantile", "0.05", "--quantile", "0.95").stderr
    held = {name: np.array(cells, float) for name, cells in columns_of("held.csv").items()}
    low, high = held["prediction_q0.05"], held["prediction_q0.95"]
    part = np.mean((low <= held["y"]) & (held["y"] <= high))
    words = f"of rows held out {part:.1%} lie between the quantiles 0.05 and 0.95, not 90.0%"
    assert part < 0.85 and words in said
    # A median of so many rows is nearly where it should be.
    assert "of rows held out" not in run("train", "d.csv", *told).stderr
