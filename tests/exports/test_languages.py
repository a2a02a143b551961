"""What holds for every language, and the command that writes them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from exporting import (
    KINDS,
    SAME,
    agree,
    module_of,
    rows_for,
    run_onnx,
    run_postgresql,
    run_python,
    run_sql,
)
from kinds import kinds, mixed, table_of, trained
from quick import only

from wedgefit.cli import main
from wedgefit.errors import FitError
from wedgefit.exports.formats import LANGUAGES, exported
from wedgefit.exports.plan import plan_of
from wedgefit.model.file import loads


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A folder with a model in ``wedgefit.json``, and a function that runs the command line
    there."""
    monkeypatch.chdir(tmp_path)
    kinds()["two classes"].save("wedgefit.json")
    return lambda *words: CliRunner().invoke(main, ["export", *words])


@pytest.mark.parametrize("format", LANGUAGES)
def test_command_writes_the_same_to_a_file_and_to_standard_output(format, in_folder, tmp_path):
    model = kinds()["two classes"]
    content = exported(model, format)
    raw = content if isinstance(content, bytes) else content.encode()
    assert in_folder("--format", format).stdout_bytes == raw
    done = in_folder("wedgefit.json", "--format", format, "-o", "out")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "Written to out.\n")
    assert in_folder("--format", format, "-o", "out", "-q").output == ""
    record = json.loads(in_folder("--format", format, "-o", "out", "--json").stdout)
    assert record == {
        "schema": "wedgefit.export/1",
        "format": format,
        "output": "out",
        "bytes": len(raw),
    }
    assert (tmp_path / "out").read_bytes() == raw
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "wedgefit.json"]


def test_command_passes_dialect_and_table(in_folder):
    done = in_folder("--format", "sql", "--dialect", "postgresql", "--table", "public.people")
    assert 'FROM "public"."people"' in done.stdout and "DOUBLE PRECISION" in done.stdout


@pytest.mark.parametrize(
    "words, code, message",
    [
        ((), 2, "--format is missing"),
        (("--format", "sql", "--json"), 2, "both want standard output"),
        (("--format", "python", "--table", "x"), 2, "--table is for --format sql"),
        (("--format", "onnx", "--dialect", "sqlite"), 2, "--dialect is for --format sql"),
        (("--format", "sql", "--table", "a..b"), 1, "not the name of a table"),
        (("--format", "sql", "-o", "wedgefit.json"), 2, "would be overwritten"),
        (("--format", "sql", "-o", "no/such"), 1, "no such folder"),
        (("nothing.json", "--format", "sql"), 1, "no such model file"),
    ],
)
def test_command_refuses_in_one_message(words, code, message, in_folder, tmp_path):
    before = (tmp_path / "wedgefit.json").read_bytes()
    done = in_folder(*words)
    assert done.exit_code == code and message in done.stderr and not done.stdout
    assert (tmp_path / "wedgefit.json").read_bytes() == before


def test_without_the_package_onnx_the_others_still_work(monkeypatch, in_folder):
    monkeypatch.setattr("wedgefit.exports.onnx.find_spec", lambda name: None)
    done = in_folder("--format", "onnx")
    assert done.exit_code == 1 and "pip install 'wedgefit[onnx]'" in done.stderr
    assert in_folder("--format", "python").exit_code == 0


# All languages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", [run_python, run_sql, run_onnx])
def test_a_level_that_spells_a_missing_cell_stays_a_level(run):
    """Tables that come from elsewhere than CSV may have Namibia's NA as a text."""
    rng = np.random.default_rng(0)
    country = rng.choice(np.array(["NA", "ZA", None], dtype=object), size=60)
    model = trained({"country": country, "y": rng.normal(size=60) + 3.0 * (country == "NA")})
    rows = [{"country": cell} for cell in ("NA", "ZA", None, "", "NaN")]
    want = model.predict(
        table_of({"country": np.array(["NA", "ZA", None, None, None], dtype=object)})
    )
    assert len(set(want)) > 1
    np.testing.assert_allclose(run(model, rows)[0], want, **SAME)


@pytest.mark.parametrize("run", [run_python, run_sql, run_onnx])
def test_features_may_come_in_any_order(run):
    """A model file may list the features of its columns mixed; the network reads them by name."""
    model = kinds()["mixed"]
    model = replace(model, encoding=replace(model.encoding, features=model.encoding.features[::-1]))
    rows = rows_for(model)
    agree(run(model, rows)[0], None, model, rows)


PIECES = [
    *"ab'\"\\-;%{}$\n\t ,()[]*/#?:@`=~&|!é😀",
    "\u2028",
    "\x7f",
    "\u202e",
    "select",
    "--",
    "/*",
    "*/",
    "'''",
    '"""',
    "{0}",
    "%s",
    "\\'",
    "E'",
]


def made_up_model(seed):
    """Names, levels and labels of random pieces that mean something to some language."""
    rng = np.random.default_rng(seed)
    words = ("".join(rng.choice(PIECES, size=rng.integers(1, 7))).strip() for _ in range(1000))
    words = list({word.casefold(): word for word in words if word}.values())
    columns, signal = mixed(seed=seed, names=words[:3], levels=words[3:7])
    labels = np.array(words[7:10], dtype=object)[
        np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    ]
    return trained(columns | {words[10]: labels if seed % 2 else signal})


@pytest.mark.parametrize("seed", only(range(2), range(6)))
def test_no_name_level_or_label_is_taken_for_code(seed):
    model = made_up_model(seed)
    rows = rows_for(model, count=40)
    module = module_of(model)
    chances = [list(module["probabilities"](row).values()) for row in rows] if seed % 2 else None
    agree([module["predict"](row) for row in rows], chances, model, rows)
    agree(*run_sql(model, rows)[:2], model, rows)
    agree(*run_onnx(model, rows), model, rows)


@pytest.mark.parametrize("seed", only(range(2), range(6)))
def test_no_name_level_or_label_is_taken_for_code_by_postgresql(seed, postgresql):
    model = made_up_model(seed)
    rows = [row for row in rows_for(model, count=40) if 5e-324 not in row.values()]
    agree(*run_postgresql(postgresql, model, rows), model, rows)


@pytest.mark.parametrize("format", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_model_gives_the_same_bytes(kind, format):
    model = kinds()[kind]
    assert exported(model, format) == exported(loads(model.dumps()), format)


@pytest.mark.parametrize("format", LANGUAGES)
def test_outputs_that_mean_something_else_are_not_taken_for_predictions(format):
    """A loss of the future has a link of its own, which no language writes yet."""
    model = replace(kinds()["mixed"])
    vars(model)["loss"] = SimpleNamespace(name="binomial", link="cloglog")
    with pytest.raises(FitError, match="the link cloglog of the binomial loss cannot be exported"):
        exported(model, format)


def test_units_that_nobody_reads_stay_at_home():
    """A deep model keeps every neuron of a layer's own solution for ``certify``; an export needs
    those that are read only."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    columns = {"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] * X[:, 1]}
    table, model = table_of(columns), trained(columns, alpha_ratio=0.02, layers=3)
    pruned = model.pruned()
    np.testing.assert_allclose(pruned.scores(table), model.scores(table), rtol=1e-12, atol=1e-12)
    read = {name for neuron in model.layer(2) for name in neuron.weights}
    assert len(pruned.layer(1)) == len(read) < len(model.layer(1))
    assert pruned.layer(2) == model.layer(2)
    widths = [len(layer.biases) for layer in plan_of(model).network.hidden]
    assert widths == [len(read), len(model.layer(2))]
