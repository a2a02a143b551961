"""Hostile and contradictory uses of classes, weights, groups and selection: one message, the right
exit code, nothing written."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from shell import contents, fails, run, strict

from wedgefit.model.file import load

A, B = np.linspace(0, 5, 30).round(3), np.cos(np.arange(30)).round(3)
VALUE = np.abs(A - 2) + B
KIND = [["low", "mid", "top"][k] for k in np.digitize(VALUE, [1, 2])]
BOTH = ["yes" if value > 1.5 else "no" for value in VALUE]
HEADER = "w,g,a,b,kind,both,y"
LINES = [
    f"{1 + i % 3},p{i % 8},{A[i]},{B[i]},{KIND[i]},{BOTH[i]},{round(VALUE[i], 3)}"
    for i in range(30)
]
FAST = ("--alpha-ratio", "0.05", "--order", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test works in a folder of its own with a table of weights, groups and three targets."""
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("\n".join([HEADER, *LINES]) + "\n")


def with_cell(column, text, row=3):
    """The table with one cell changed."""
    cells = LINES[row - 1].split(",")
    cells[HEADER.split(",").index(column)] = text
    Path("d.csv").write_text(
        "\n".join([HEADER, *LINES[: row - 1], ",".join(cells), *LINES[row:]]) + "\n"
    )


USAGE = {
    "unknown loss": (["--loss", "hinge"], "--loss"),
    "logistic of numbers": (["--loss", "logistic"], "the logistic loss is for classes"),
    "unknown class weight": (["--class-weight", "heavy"], "--class-weight"),
    "class weights of numbers": (
        ["--class-weight", "balanced"],
        "--class-weight is for classification",
    ),
    "unknown scoring": (["--scoring", "f1"], "--scoring"),
    "scoring of classes": (["--scoring", "accuracy"], "--scoring accuracy is not for regression"),
    "scoring of numbers": (
        ["--target", "kind", "--scoring", "mae"],
        "--scoring mae is not for classification",
    ),
    "log loss without probabilities": (
        ["--target", "both", "--loss", "squared", "--scoring", "log_loss"],
        "needs probabilities",
    ),
    "refit of classes": (["--target", "kind", "--refit"], "--refit is for the squared loss"),
    "several targets of classes": (
        ["--target", "a", "--target", "b", "--task", "classification"],
        "Give one --target to classify",
    ),
}


@pytest.mark.parametrize("command", ["train", "path"])
@pytest.mark.parametrize("options, words", USAGE.values(), ids=USAGE)
def test_wrong_usage(options, words, command):
    fails(command, "d.csv", *options, code=2, words=[words])


TRAIN_ONLY = {
    "the dictionary of classes at once": (
        ["--target", "kind", "--solver", "full"],
        "--solver full is for the squared loss",
    ),
    "a negative bound": (["--max-neurons", "-1"], "--max-neurons"),
    "a broken bound": (["--max-neurons", "2.5"], "--max-neurons"),
    "two choices of alpha": (
        ["--max-neurons", "3", "--alpha", "0.1"],
        "--max-neurons chooses alpha",
    ),
    "three choices of alpha": (
        ["--max-neurons", "3", "--alpha-ratio", "0.1"],
        "--max-neurons chooses alpha",
    ),
    "an unknown rule": (["--rule", "2se"], "--rule"),
    "a rule for an alpha that is given": (
        ["--rule", "1se", "--alpha", "0.1", "--intervals"],
        "--rule 1se chooses alpha, and so does --alpha.",
    ),
    "a score for an alpha that is given": (
        ["--scoring", "mae", "--alpha-ratio", "0.1"],
        "--scoring mae chooses alpha, and so does --alpha-ratio.",
    ),
    "folds for an alpha that is given": (
        ["--cv", "3", "--alpha-ratio", "0.1"],
        "--cv is for the choice of alpha, and --alpha-ratio leaves nothing to choose.",
    ),
}


@pytest.mark.parametrize("options, words", TRAIN_ONLY.values(), ids=TRAIN_ONLY)
def test_wrong_usage_of_train(options, words):
    fails("train", "d.csv", *options, code=2, words=[words])


@pytest.mark.parametrize(
    "more", [["--intervals"], ["--predictions", "p.csv"], ["--layers", "auto"]]
)
def test_folds_serve_a_given_alpha_where_more_is_asked_of_them(more):
    told = ["--keep", "a", "--order", "1", "--alpha-ratio", "0.3", "--tol", "0.01"]
    run("train", "d.csv", "--target", "y", *told, "--cv", "2", *more)


def test_a_score_counts_layers_at_a_given_alpha():
    told = ["--keep", "a", "--order", "1", "--alpha-ratio", "0.3", "--tol", "0.01", "--cv", "2"]
    run("train", "d.csv", "--target", "y", *told, "--layers", "auto", "--scoring", "mae")


COLUMNS = {
    "no such weight": (["--weight", "ww"], 1, 'no column "ww"'),
    "no such group": (["--group", "gg"], 1, 'no column "gg"'),
    "weights of text": (["--weight", "kind"], 1, 'row 1 (line 2), column "kind"'),
    "negative weights": (["--weight", "b"], 1, 'column "b": this weight is -'),
    "the target as weight": (["--target", "y", "--weight", "y"], 1, '"y" cannot have two roles'),
    "the target as group": (["--target", "y", "--group", "y"], 1, '"y" cannot have two roles'),
    "weight and group": (["--weight", "w", "--group", "w"], 1, '"w" cannot have two roles'),
    "weight kept": (["--weight", "w", "--keep", "w"], 1, '"w" is the column of weights'),
    "group kept": (["--group", "g", "--keep", "g"], 1, '"g" is the column of groups'),
    "weight dropped": (["--weight", "w", "--drop", "w"], 2, "--weight"),
    "group dropped": (["--group", "g", "--drop", "g"], 2, "--group"),
    "target twice": (["--target", "y", "--target", "y"], 1, '"y" is a --target twice'),
    "text among targets": (["--target", "y", "--target", "kind"], 1, 'column "kind": "'),
    "too few groups": (["--group", "both"], 1, "takes 5 groups unless --cv says otherwise"),
    "too few groups for the folds": (
        ["--group", "g", "--cv", "9"],
        1,
        "8 groups cannot be split into 9 folds",
    ),
    "a class too rare": (
        ["--target", "kind", "--cv", "20"],
        1,
        "smallest class cannot be split into 20 folds",
    ),
}


@pytest.mark.parametrize("command", ["train", "path"])
@pytest.mark.parametrize("options, code, words", COLUMNS.values(), ids=COLUMNS)
def test_wrong_columns(options, code, words, command):
    fails(command, "d.csv", *options, code=code, words=[words])


CELLS = {
    "negative weight": ("w", "-2", ["--weight", "w"], "this weight is -2"),
    "missing weight": ("w", "", ["--weight", "w"], "this weight is missing"),
    "text as weight": ("w", "many", ["--weight", "w"], '"many" is not a number'),
    "infinite weight": ("w", "inf", ["--weight", "w"], '"inf"'),
    "huge weight": ("w", "1e200", ["--weight", "w"], "1e+200"),
    "missing group": ("g", "", ["--group", "g"], "the group is missing in 1 row (3)"),
    "missing class": ("kind", "", ["--target", "kind"], "--drop-missing-target"),
}  # fmt: skip


@pytest.mark.parametrize("column, text, options, words", CELLS.values(), ids=CELLS)
def test_wrong_cells_are_named(column, text, options, words):
    with_cell(column, text)
    places = [f'column "{column}"'] + (["row 3 (line 4)"] if column == "w" else [])
    fails("train", "d.csv", *options, words=[words, *places])


def test_all_weights_zero():
    Path("d.csv").write_text("w,x,y\n" + "".join(f"0,{i},{i * i}\n" for i in range(9)))
    fails("train", "d.csv", "--weight", "w", words=["every weight is zero"])


def test_a_class_of_one_row_needs_an_alpha():
    with_cell("kind", "rare")
    fails("train", "d.csv", "--target", "kind", words=["there is 1.", "--alpha"])
    report = strict(run("train", "d.csv", "--target", "kind", *FAST, "--json").stdout)
    assert report["data"]["classes"] == ["low", "mid", "rare", "top"] and len(report["stages"]) == 1


def test_zero_weights_are_noted():
    with_cell("w", "0")
    done = run("train", "d.csv", "--weight", "w", *FAST)
    assert (
        done.stderr == "Note: 1 row (3) left out: their weight is zero.\n"
        and "29 rows" in done.stdout
    )
    run("certify", "d.csv")


def test_the_report_names_weights_and_groups():
    done = run(
        "train",
        "d.csv",
        "--target",
        "kind",
        "--weight",
        "w",
        "--group",
        "g",
        "--class-weight",
        "balanced",
        *FAST,
    )
    assert (
        "Weights" in done.stdout and "Groups" in done.stdout and "classes balanced" in done.stdout
    )
    report = load("wedgefit.json").report()
    assert (report["data"]["weight"], report["data"]["group"]) == ("w", "g")
    assert not {"w", "g"} & {column.split(" = ")[0] for column in report["data"]["columns"]}


def test_groups_choose_other_folds():
    reports = [
        strict(
            run(
                "train",
                "d.csv",
                *more,
                "--cv",
                3,
                "--order",
                1,
                "--drop",
                "kind",
                "--drop",
                "both",
                "--drop",
                "w",
                "--json",
            ).stdout
        )
        for more in (["--group", "g"], ["--drop", "g"])
    ]
    assert reports[0]["data"]["columns"] == reports[1]["data"]["columns"]
    assert reports[0]["score"]["curve"][0]["mae"] != reports[1]["score"]["curve"][0]["mae"]


def test_max_neurons_of_the_command():
    report = strict(
        run("train", "d.csv", "--max-neurons", 2, "--order", 1, "--cv", 3, "--json").stdout
    )
    assert 0 < len(report["neurons"]) <= 2
    none = strict(
        run("train", "d.csv", "--max-neurons", 0, "--order", 1, "--cv", 3, "--json").stdout
    )
    assert none["neurons"] == [] and none["score"]["curve"][0]["neurons"] == 0
    assert none["score"]["cv"] == {
        name: none["score"]["curve"][0][name] for name in ("r2", "rmse", "mae")
    }


def test_refit_says_what_the_certificate_speaks_of():
    done = run("train", "d.csv", "--refit", *FAST)
    *_, about, proof = done.stdout.splitlines()
    assert about.startswith("Refitted: this is about the penalised fit that chose the neurons")
    assert proof.startswith("Globally optimal")
    assert "refitted without a penalty" in done.stdout
    run("certify", "d.csv")


# Probabilities ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target, classes", [("kind", ["low", "mid", "top"]), ("both", ["no", "yes"])]
)
def test_probabilities_of_predict(target, classes):
    run("train", "d.csv", "--target", target, "--drop", "y", *FAST)
    rows = list(csv.DictReader(io.StringIO(run("predict", "d.csv", "--proba").stdout)))
    names = [f"probability_{name}" for name in classes]
    assert list(rows[0]) == [f"prediction_{target}", *names]
    for row in rows:
        found = {name: float(row[f"probability_{name}"]) for name in classes}
        assert (
            sum(found.values()) == pytest.approx(1)
            and max(found, key=found.get) == row[f"prediction_{target}"]
        )
    record = strict(run("predict", "d.csv", "--proba", "--json").stdout)
    assert list(record["probabilities"]) == classes
    assert record["probabilities"][classes[0]] == [float(row[names[0]]) for row in rows]
    assert "probabilities" not in strict(run("predict", "d.csv", "--json").stdout)
    assert list(csv.DictReader(io.StringIO(run("predict", "d.csv").stdout)))[0].keys() == {
        f"prediction_{target}"
    }


@pytest.mark.parametrize(
    "options", [[], ["--target", "kind", "--loss", "squared"]], ids=["numbers", "squared"]
)
def test_no_probabilities_without_the_logistic_loss(options):
    run("train", "d.csv", *options, *FAST)
    before = contents()
    fails(
        "predict",
        "d.csv",
        "--proba",
        code=2,
        words=["--proba needs a model of classes with the logistic or the softmax loss"],
    )
    fails("predict", "d.csv", "--proba", "-o", "p.csv", code=2)
    assert contents() == before


def test_probabilities_of_unlabelled_rows():
    """New data has no target, no weights and no groups."""
    run(
        "train",
        "d.csv",
        "--target",
        "kind",
        "--drop",
        "both",
        "--drop",
        "y",
        "--weight",
        "w",
        "--group",
        "g",
        *FAST,
    )
    Path("new.csv").write_text("a,b\n1,0.5\n4,-0.2\n")
    lines = run("predict", "new.csv", "--proba").stdout.splitlines()
    assert len(lines) == 3
    fails("evaluate", "new.csv", words=['"kind"'])
    fails("certify", "new.csv", words=["new.csv"])


def test_the_json_of_several_classes():
    report = strict(
        run(
            "train", "d.csv", "--target", "kind", "--drop", "y", "--loss", "logistic", *FAST,
            "--json",
        ).stdout
    )  # fmt: skip
    assert (
        report["data"]["outputs"]
        == ["low", "mid", "top"]
        == [stage["output"] for stage in report["stages"]]
    )
    assert (
        report["intercept"].keys()
        == {"low", "mid", "top"}
        == {neuron["output"] for neuron in report["neurons"]}
    )
    assert report["certificate"]["objective"] == pytest.approx(
        sum(stage["objective"] for stage in report["stages"])
    )
    explained = strict(run("explain", "--json").stdout)
    assert json.dumps(explained["intercept"]) == json.dumps(report["intercept"])
    run("certify", "d.csv")
    run("evaluate", "d.csv")
