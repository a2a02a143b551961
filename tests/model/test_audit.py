"""Every check of certify trips on its own lie: a check that cannot fail checks nothing."""

import copy
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from as_json import certify
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import table_of, with_targets
from quick import only

from wedgefit.data.cells import Column
from wedgefit.data.table import Table, read_table
from wedgefit.engine import bound_choice, instruments
from wedgefit.engine.certificate import relative_gap
from wedgefit.errors import CertificateError, WedgefitError
from wedgefit.model.build import Options, train
from wedgefit.model.file import loads
from wedgefit.watch import Silent

KINDS = {
    "numbers": {},
    "two classes": {"target": ("two",)},
    "three classes": {"target": ("three",), "class_weight": "balanced", "loss": "logistic"},
    "three classes, shared": {"target": ("three",), "class_weight": "balanced"},
    "refitted": {"refit": True},
    "no intercept": {"intercept": False},
    "norm 2": {"norm": 2},
    "weights": {"weight": "w"},
}  # fmt: skip


@cache
def table(rows=20):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=rows), rng.normal(4, 2, size=rows)
    value = np.abs(a) + 0.3 * b + 0.2 * rng.normal(size=rows)
    return with_targets(a, b, value, rng)


@cache
def text(kind):
    options = {"alpha_ratio": 0.05, "jobs": 1, "keep": ("a", "b"), "target": ("y",)} | KINDS[kind]
    return train(table(), Options(**options), Silent()).dumps()


def tripped(kind, lie):
    """The names of the checks that fail once the model's JSON was changed so."""
    data = json.loads(text(kind))
    lie(data)
    found = certify(loads(json.dumps(data)), table(), jobs=1)
    json.dumps(found, allow_nan=False)
    names = [check["name"] for check in found["checks"]]
    assert len(set(names)) == len(names), "two figures by one name cannot be told apart"
    wrong = {check["name"] for check in found["checks"] if not check["agrees"]}
    assert found["agrees"] == (not wrong)
    return wrong


def scaled(place, name, by):
    return lambda data: place(data).update({name: place(data)[name] * by})


def total(data):
    return data["certificate"]


def stage(number):
    return lambda data: data["stages"][number]


def longer(data):
    """The same hinge from a longer neuron with a smaller coefficient: only its length tells."""
    neuron = data["neurons"][0]
    neuron["weights"] = {name: 2 * weight for name, weight in neuron["weights"].items()}
    z, neuron["bias"] = neuron["coefficient"], 2 * neuron["bias"]
    several = isinstance(z, dict)
    neuron["coefficient"] = {name: part / 2 for name, part in z.items()} if several else z / 2


def moved_anchor(data):
    data["anchors"][0]["values"][0] += 1e-6


def moved_hinge(data):
    data["neurons"][0]["bias"] += 1e-6


FIGURES = [
    ("objective", 1 - 1e-6),
    ("wedges_total", 2),
    ("lower_bound", 1 + 1e-6),
    ("network_lower_bound", 1 + 1e-6),
]


@pytest.mark.parametrize("kind", KINDS)
def test_honest_models_pass(kind):
    assert tripped(kind, lambda data: None) == set()


@pytest.mark.parametrize("figure, by", FIGURES, ids=[figure for figure, _ in FIGURES])
@pytest.mark.parametrize("kind", KINDS)
def test_every_stored_figure_is_held_to_account(kind, figure, by):
    """The model's own and every stage's, each by its name and none but it."""
    data = json.loads(text(kind))
    if not data["certificate"][figure]:
        return  # Without an intercept no bound on networks exists that could be overstated.
    assert tripped(kind, scaled(total, figure, by)) == {f"certificate.{figure}"}
    for number in range(len(data["stages"])):
        assert tripped(kind, scaled(stage(number), figure, by)) == {f"stages[{number}].{figure}"}


def test_coefficients_that_no_certificate_speaks_of():
    """Of a network that is handed out as it was certified there are none beside its own."""

    def lie(data):
        data["stages"][0]["coefficients"] = {"neuron 1": 123.0}

    assert "stages[0].coefficients" in tripped("numbers", lie)


@pytest.mark.parametrize("figure", ["relative_gap", "network_relative_gap"])
def test_changed_gaps(figure):
    """Of a network that stopped early the gap is no rounding; it follows from objective and bound,
    and may be neither understated nor overstated."""
    options = {"alpha_ratio": 0.05, "jobs": 1, "keep": ("a", "b"), "solver": "full", "tol": 1e-3}
    data = json.loads(train(table(), Options(**options), Silent()).dumps())
    for number, place in enumerate(("certificate", "stages[0]")):
        for by in (0.5, 1 + 1e-6, 2.0):
            changed = copy.deepcopy(data)
            parts = (changed["certificate"], changed["stages"][0])[number]
            assert parts[figure] > 1e-8
            parts[figure] *= by
            found = certify(loads(json.dumps(changed)), table(), jobs=1)
            assert found["message"] == f"the stored figures do not hold: {place}.{figure}"


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_are_unit_wedges_through_the_rows_they_name(kind):
    assert "neurons[0].weights" in tripped(kind, longer)
    assert "neurons[0].bias" in tripped(kind, moved_hinge)
    assert tripped(kind, moved_anchor) == {"anchors[0].values[0]"}


def test_no_output_bias_where_none_is_allowed():
    """0.1 more on the bias would change the objective too: the model says that there is none, so
    that is named."""
    assert "intercept" in tripped("no intercept", lambda data: data.update(intercept=0.1))


@pytest.mark.parametrize(
    "kind, by",
    only(
        [("numbers", -1e-3), ("refitted", 1e-3), ("three classes, shared", 1e-3)],
        [("numbers", -1e-3), *((kind, 1e-3) for kind in KINDS)],
    ),
)
def test_one_changed_weight_is_found(kind, by):
    """Of any neuron: a weight, its bias or its coefficient."""
    data = json.loads(text(kind))
    for number, neuron in enumerate(data["neurons"]):
        name = next(iter(neuron["weights"]))

        def weight(data, number=number, name=name):
            data["neurons"][number]["weights"][name] += by

        def coefficient(data, number=number):
            neuron = data["neurons"][number]
            if isinstance(z := neuron["coefficient"], dict):
                z[next(iter(z))] += by
            else:
                neuron["coefficient"] += by

        for lie in (weight, coefficient):
            assert tripped(kind, lie), f"neuron {neuron['id']}"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(intercept=1e299),
        lambda data: data["neurons"][0].update(bias=10**25),
        lambda data: data["neurons"][0].update(coefficient=1e299),
        lambda data: data["encoding"]["features"][0].update(center=1e299),
        lambda data: data["score"].update(train=[1.0]),
        lambda data: data["score"]["train"].update(mae=1e308),
        lambda data: data["score"]["train"].update(mae=10**400),
        lambda data: data["score"].update(cv={"r2": {"mean": 1e308, "se": 1e308}}),
    ],
)
def test_figures_beyond_all_measure_are_refused_in_words(change):
    """No traceback and no warning of numpy's: the tests take one for an error."""
    data = json.loads(text("numbers"))
    change(data)
    try:
        found = certify(loads(json.dumps(data)), table(), jobs=1)
    except WedgefitError as refusal:
        assert "\n" not in str(refusal)
    else:
        assert not found["agrees"]
        json.dumps(found, allow_nan=False)


def test_what_is_not_checked_is_said():
    found = certify(loads(text("numbers")), table(), jobs=1)
    aside = {part["name"]: part["why"] for part in found["not_checked"]}
    assert {"version", "data.source", "options", "encoding.reading"} <= aside.keys()
    data = json.loads(text("numbers"))
    data["notes"] += ["certified by the ministry"]
    found = certify(loads(json.dumps(data)), table(), jobs=1)
    (name,) = {part["name"] for part in found["not_checked"]} - aside.keys()
    assert found["agrees"] and name == f"notes[{len(data['notes']) - 1}]"
    again = certify(loads(json.dumps(data)), table(), jobs=1, everything=True)
    assert again["message"] == f"the stored figures do not hold: {name}"


def test_how_a_column_was_read_is_no_lie_to_who_trains_again(tmp_path):
    """These rows are read as the model says, so that nothing is to be noted of its columns."""
    path = tmp_path / "d.csv"
    path.write_text("a,zip,k,y\n" + "".join(f"{i},0{i % 3},7,{i * i}\n" for i in range(12)))
    options = Options(order=1, alpha_ratio=0.1, jobs=1, target=("y",))
    model = train(read_table(path), options, Silent())
    assert "leading zeros" in model.notes[0] and len(model.notes) == 2
    kinds = {"a": "numeric", "zip": "category", "k": "numeric", "y": "numeric"}
    rows = read_table(path, schema=kinds)
    assert "leading zeros" not in str(rows.notes)
    again = certify(model, rows, jobs=1, everything=True)
    assert again["agrees"], again["message"]
    (why,) = (part["why"] for part in again["not_checked"] if part["name"] == "notes[0]")
    assert "only reading the file without the model can tell" in why
    for notes in (model.notes[:1], (*model.notes, "the course of training")):
        forged = replace(model, notes=notes)
        assert not certify(forged, rows, jobs=1, everything=True)["agrees"]


def test_training_again_checks_the_rest():
    model = train(table(), Options(order=1, cv=3, jobs=1, keep=("a",), target=("y",)), Silent())
    found = certify(model, table(), jobs=1, everything=True)
    assert found["agrees"], found["message"]
    names = {part["name"] for part in found["not_checked"]}
    assert names == {"version", "data.source", "data.delimiter", "encoding.reading"}
    data = json.loads(model.dumps())
    data["score"]["curve"][2]["mae"]["mean"] *= 1 + 1e-6
    lie = loads(json.dumps(data))
    assert certify(lie, table(), jobs=1)["agrees"]
    found = certify(lie, table(), jobs=1, everything=True)
    assert found["message"] == "the stored figures do not hold: score.curve[2].mae.mean"
    data["options"]["cv"] = None
    with pytest.raises(CertificateError, match="does not say how the model was trained"):
        certify(loads(json.dumps(data)), table(), jobs=1, everything=True)


def test_what_another_version_ignored_is_no_lie():
    """A rule and folds beside a given alpha, which are refused now."""
    told = {"order": 1, "alpha_ratio": 0.2, "jobs": 1, "keep": ("a",), "target": ("y",)}
    model = train(table(), Options(**told), Silent())
    older = replace(model, options=model.options | {"rule": "1se", "cv": 7, "scoring": "mae"})
    found = certify(older, table(), jobs=1, everything=True)
    assert found["agrees"], found["message"]


def test_a_stage_without_its_record():
    for change in (
        lambda data: data["stages"].pop(),
        lambda data: data["stages"][0].update(layer=2),
    ):
        data = json.loads(text("numbers"))
        change(data)
        with pytest.raises(CertificateError, match="no certificate of its layer 1"):
            certify(loads(json.dumps(data)), table(), jobs=1)


def test_other_data_of_the_same_shape():
    """Every column that the model uses: inputs, target, weights. Others may change."""
    for kind, columns in (("numbers", "aby"), ("weights", "abyw")):
        model = loads(text(kind))
        for name, column in table().columns.items():
            if column.kind == "numeric":
                changed = Column(name, "numeric", column.values + 1e-3 * (np.arange(20) % 2))
                other = replace(table(), columns=table().columns | {name: changed})
                assert certify(model, other, jobs=1)["agrees"] == (name not in columns), name


def places(value, path=()):
    """The path of every value inside JSON data."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2),
    st.sampled_from(["p", "full", "squared", "y", "a", "w"]), st.just([]), st.just({}),
)  # fmt: skip


@settings(max_examples=40)
@given(st.sampled_from([*KINDS]), st.floats(0, 1, exclude_max=True), VALUES)
def test_any_change_is_answered_in_words(kind, pick, value):
    """Whatever an editor did to the file: refused on loading, refused by certify, or a record of
    finite numbers; no traceback."""
    data = json.loads(text(kind))
    everywhere = [path for path in places(data) if path and path[0] != "score"]
    path = everywhere[int(pick * len(everywhere))]
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    try:
        found = certify(loads(json.dumps(data)), table(), jobs=1)
    except WedgefitError as refusal:
        assert "\n" not in str(refusal)
    else:
        json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("place", ["just met", "just missed"])
def test_no_note_hangs_on_the_last_digit_of_a_gap(place):
    """A gap that another machine finds one digit further lies on the other side of the gap asked
    for: an honest file was accused of a note that it does not have, or of one that it has."""
    data = json.loads(text("numbers"))
    stored = data["certificate"]["relative_gap"]
    sign = 1 if place == "just met" else -1
    for record in (data["certificate"], *data["stages"]):
        record["lower_bound"] += sign * 1e-13 * record["objective"]
        record["relative_gap"] = relative_gap(record["objective"], record["lower_bound"])
        record["network_lower_bound"] = record["lower_bound"]
        record["network_relative_gap"] = record["relative_gap"]
    gap = data["certificate"]["relative_gap"]
    assert sign * (stored - gap) > 0
    data["options"]["tol"] = (gap + stored) / 2
    if place == "just missed":
        data["stages"][0]["status"] = "stalled"
        told = f"the solver came to an end at a relative gap of {gap:.1e}, above the tolerance"
        data["notes"].append(told)
    found = certify(loads(json.dumps(data)), table(), jobs=1)
    assert found["agrees"], found["message"]
    # What it is called must go with the gap that is stored.
    data["stages"][0]["status"] = {"just met": "stalled", "just missed": "converged"}[place]
    found = certify(loads(json.dumps(data)), table(), jobs=1)
    assert found["message"] == "the stored figures do not hold: stages[0].status"


def test_no_note_is_told_twice():
    """Neither one that follows from the rows nor one that only training could have found."""
    data = json.loads(text("numbers"))
    data["notes"].append("the course of training")
    assert certify(loads(json.dumps(data)), table(), jobs=1)["agrees"]
    for note in data["notes"]:
        twice = data | {"notes": [*data["notes"], note]}
        found = certify(loads(json.dumps(twice)), table(), jobs=1)
        assert found["message"] == f"the stored figures do not hold: notes[{len(data['notes'])}]"


@pytest.mark.parametrize("seed", [0, 1, 2, 5])
def test_a_target_far_from_zero_is_certified_as_it_is_stored(seed):
    """Near 9e15 an output bias is a whole number: the network that is stored differs from the one
    that was solved, and the figures are those of the stored one."""
    rng, rows = np.random.default_rng(seed), 15
    b = rng.integers(-20, 40, rows).astype(float)
    b[rng.random(rows) < 0.6] = np.nan
    a = rng.integers(0, 5, rows).astype(float)
    y = 9007199254740000.0 + rng.integers(0, 40, rows)
    held = {"a": a, "b": b, "y": y}
    columns = {name: Column(name, "numeric", values) for name, values in held.items()}
    whole = Table("t.csv", ",", list(range(1, rows + 1)), np.arange(2, rows + 2), columns)
    model = train(whole, Options(alpha_ratio=0.05, order=1, jobs=1), Silent())
    found = certify(loads(model.dumps()), whole, jobs=1)
    assert found["agrees"], found["message"]
    off = model.network.forward(model.encoding.transform(whole))[:, 0] - y
    loss = 0.5 * np.mean(off**2)
    # So near to 2^53 the sum of network and bias is a whole number, too.
    assert loss + model.stages[0].penalty == pytest.approx(model.certificate.objective, rel=0.1)
    assert model.stages[0].status == "stalled" and "above the tolerance" in model.notes[-1]


def test_another_version_may_have_worded_a_note_otherwise():
    """What it told is then listed beside what this one would; of a model of this version a note
    that follows from the rows must be there word for word."""
    model = train(gappy(), Options(alpha_ratio=0.05, jobs=1, target=("y",)), Silent())
    assert any("left out" in note for note in model.notes)
    data = json.loads(model.dumps())
    data["notes"] = [note.replace("left out", "set aside") for note in data["notes"]]
    found = certify(loads(json.dumps(data)), gappy(), jobs=1)
    assert not found["agrees"] and "notes[" in found["message"]
    data["version"] = "0.0.9"
    older = loads(json.dumps(data))
    assert json.loads(older.dumps()) == data, "whoever saves it anew says who trained it"
    for everything in (False, True):
        found = certify(older, gappy(), jobs=1, everything=everything)
        told = {part["name"]: part["why"] for part in found["not_checked"]}
        assert found["agrees"] and "left out" in told["notes[*]"] and "0.0.9" in told["notes[*]"]
    # What it tells twice is no matter of words.
    data["notes"] += data["notes"]
    assert not certify(loads(json.dumps(data)), gappy(), jobs=1)["agrees"]


def gappy():
    """The table with a column that says nothing."""
    flat = Column("flat", "numeric", np.ones(table().rows))
    own = {name: table().columns[name] for name in ("a", "b", "y")}
    return replace(table(), columns=own | {"flat": flat})


def test_effects_that_a_deep_file_does_not_claim_are_not_passed_over():
    """Files of before had none there; nobody is to think that none were found."""
    rows = replace(table(), columns={name: table().columns[name] for name in ("a", "y")})
    told = Options(target=("y",), layers=3, alpha=0.01, jobs=1)
    data = json.loads(train(rows, told, Silent()).dumps())
    assert data["effects"]
    found = certify(loads(json.dumps(data)), rows, jobs=1)
    assert "effects" not in {part["name"] for part in found["not_checked"]}
    data["effects"] = []
    found = certify(loads(json.dumps(data)), rows, jobs=1)
    assert {"name": "effects", "why": "the file claims none"} in found["not_checked"]


def test_a_bias_where_there_is_none_is_refused_even_where_all_figures_follow_from_it():
    """Of order 1 a neuron without a bias names no row that it passes through."""
    told = Options(target=("y",), keep=("a", "b"), order=1, bias=False, alpha_ratio=0.05, jobs=1)
    data = json.loads(train(table(), told, Silent()).dumps())
    assert certify(loads(json.dumps(data)), table(), jobs=1)["agrees"]
    assert data["neurons"][0]["samples"] == [] and data["neurons"][0]["bias"] == 0
    data["neurons"][0]["bias"] = 0.5
    found = certify(loads(json.dumps(data)), table(), jobs=1)
    wrong = {check["name"]: check["agrees"] for check in found["checks"]}
    assert not wrong["neurons[0].bias"]


def test_what_lines_proved_after_many_proofs_lines_prove_again(monkeypatch):
    """The networks of three classes have one dictionary, whose bounds took long together: each
    alone would be proven by bounds, which leave another gap."""
    monkeypatch.setattr(instruments, "LINES_PER_VISIT", 4.0)
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    pull = np.column_stack([np.abs(X[:, 0]), X[:, 1], X[:, 2] + 0.5])
    which = np.argmax(pull + 0.3 * rng.normal(size=(40, 3)), axis=1)
    classes = np.array(["a", "b", "c"], dtype=object)[which]
    rows = table_of({f"x{j}": column for j, column in enumerate(X.T)} | {"y": classes})
    model = train(rows, Options(alpha_ratio=0.03, loss="logistic", jobs=1, tol=1e-8), Silent())
    assert [stage.certificate.bounded for stage in model.stages] == [False] * 3
    assert certify(model, rows, jobs=1)["agrees"]


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.2])
def test_layers_that_time_cut_short_are_stored_as_they_are_found_again(seconds, monkeypatch):
    """Bounds in a hurry end at a glance, and what that sees hangs on when time was up."""
    monkeypatch.setattr(bound_choice, "ROWS_BOUNDED", 0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=60)
    rows = table_of({f"x{j}": column for j, column in enumerate(X.T)} | {"y": y})
    model = train(rows, Options(alpha_ratio=0.02, layers=3, jobs=1, max_seconds=seconds), Silent())
    assert certify(model, rows, jobs=1)["agrees"]
