"""From a CSV file to a certified model, and a model held against its data: claims that are false
must not pass."""

import json
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import oracles
import pytest
from as_json import certify, evaluate
from encoded import encode
from quick import only

from wedgefit.data.table import read_table
from wedgefit.errors import CertificateError, FitError, UsageError, WedgefitError
from wedgefit.learning import learn as learn_module
from wedgefit.learning import policy
from wedgefit.learning.policy import SORTS_KEPT
from wedgefit.model.build import Options, train
from wedgefit.model.file import load, loads
from wedgefit.model.whole_path import path


class Heard:
    """Progress that remembers what it was told."""

    def __init__(self):
        self.steps, self.notes = [], []

    def advance(self, *step):
        self.steps.append(step)

    def note(self, words):
        self.notes.append(words)


def csv_text(rows=30, d=2, seed=0, label=False):
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(rows, d)) * ([10, 0.1, 1][:d]) + 5, 3)
    value = np.abs(X[:, 0] - 5) / 10 + (X[:, -1] - 5) * 3 + 0.1 * rng.normal(size=rows)
    y = ["yes" if v > 0.6 else "no" for v in value] if label else np.round(value, 4).tolist()
    lines = [",".join([f"x{j}" for j in range(d)] + ["y"])]
    return (
        "\n".join(
            lines + [",".join(map(str, [*row, target])) for row, target in zip(X.tolist(), y)]
        )
        + "\n"
    )


def mixed_row(i: int) -> str:
    age = "" if i % 6 == 2 else 20 + 7 * i % 53
    town = ["Bonn", "Ulm", "Köln"][i % 3]
    return f"r{i},{age},{town},{(i * 13 % 17) / 3 + (i % 3 == 1) * 2:.3f}\n"


MIXED = "id,age,town,y\n" + "".join(map(mixed_row, range(36)))


@pytest.fixture
def read(tmp_path):
    """A table of this text, by way of a file."""

    def from_text(text, **options):
        file = tmp_path / "data.csv"
        file.write_text(text, encoding="utf-8")
        return read_table(file, **options)

    return from_text


def trained(table, **options):
    return train(table, Options(**{"alpha_ratio": 0.05, "jobs": 1} | options), Heard())


@cache
def optimum_of(text, alpha, norm, bias, intercept, standardize, order):
    """The conic solver's optimum for a table of numbers."""
    rows = np.array([[float(cell) for cell in line.split(",")] for line in text.splitlines()[1:]])
    X, y = rows[:, :-1], rows[:, -1]
    if standardize:
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    K = oracles.hinge_matrix(
        X, list(oracles.enumerate_wedges(X, oracles.orders_of(order, norm, X.shape[1]), norm, bias))
    )
    return oracles.lasso_optimum(K, y, alpha, intercept)[0]


# Training -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {}, {"norm": 2}, {"bias": False}, {"intercept": False}, {"standardize": False},
    {"order": 1}, {"norm": 2, "bias": False}, {"solver": "full"},
], ids=str)  # fmt: skip
def test_train_reaches_the_optimum_of_the_table(options, read):
    """Every option changes the problem solved; the one solved must be the one asked for."""
    text = csv_text(15)
    model = trained(read(text), **options)
    order = options.get("order", "full" if options.get("norm") == 2 else 2)
    best = optimum_of(
        text, model.problem.alpha, options.get("norm", 1),
        options.get("bias", True), options.get("intercept", True),
        options.get("standardize", True), order,
    )  # fmt: skip
    digits = 1e-4 if "solver" in options else 1e-7
    if options.get("norm") == 2:
        # Neurons between wedges may be nominated too: then the network is better, never worse.
        assert best * 0.9 <= model.certificate.objective <= best * (1 + digits)
    else:
        assert model.certificate.objective == pytest.approx(best, rel=digits)
    assert model.certificate.scope == "exact" and model.certificate.lower_bound <= best * (1 + 1e-7)
    assert model.problem.norm == options.get("norm", 1) and model.problem.order == order
    assert (model.problem.hidden_bias, model.problem.intercept) == (
        options.get("bias", True),
        options.get("intercept", True),
    )
    if not options.get("intercept", True):
        assert model.intercept == 0
    if not options.get("bias", True):
        assert all(neuron.bias == 0 for neuron in model.neurons)


def test_report_keys_and_figures(read):
    """The report's words are an interface: scripts read them."""
    table = read(MIXED, id_column="id")
    model = trained(table)
    report = json.loads(json.dumps(model.report(), allow_nan=False))
    assert list(report) == [
        "schema", "data", "problem", "certificate", "stages", "score",
        "threshold", "intercept", "neurons", "samples", "seconds", "version", "notes",
    ]  # fmt: skip
    assert report["schema"] == "wedgefit.report/1"
    assert (
        report["data"]["rows"] == 36
        and report["data"]["target"] == "y"
        and report["data"]["task"] == "regression"
    )
    assert report["data"]["columns"] == [
        "age",
        "age is missing",
        "town = Bonn",
        "town = Köln",
        "town = Ulm",
    ]
    assert report["data"]["id"] == "id" and report["data"]["classes"] is None
    assert report["samples"] == sorted(
        {sample for neuron in report["neurons"] for sample in neuron["samples"]}
    )
    assert set(report["samples"]) <= set(table.row_ids)
    assert report["score"]["cv"] is None and set(report["score"]["train"]) == {"r2", "rmse", "mae"}
    assert [neuron["id"] for neuron in report["neurons"]] == list(
        range(1, len(report["neurons"]) + 1)
    )
    (stage,) = report["stages"]
    assert (
        stage["neurons"] == len(report["neurons"])
        and stage["objective"] == report["certificate"]["objective"]
    )
    residual = model.scores(table)[:, 0] - table.column("y").values
    assert report["score"]["train"]["rmse"] == pytest.approx(
        np.sqrt(np.mean(residual**2)), rel=1e-9
    )
    z = sum(abs(neuron["coefficient"]) for neuron in report["neurons"])
    assert report["certificate"]["objective"] == pytest.approx(
        np.mean(residual**2) / 2 + report["problem"]["alpha"] * z, rel=1e-9
    )


def test_alpha_and_its_ratio(read):
    table = read(csv_text())
    by_ratio = trained(table, alpha_ratio=0.1)
    assert by_ratio.problem.alpha == pytest.approx(0.1 * by_ratio.problem.alpha_max, rel=1e-15)
    by_value = trained(table, alpha_ratio=None, alpha=by_ratio.problem.alpha)
    assert by_value.certificate == by_ratio.certificate
    assert (
        trained(table, alpha_ratio=1.001).neurons == [] != trained(table, alpha_ratio=0.99).neurons
    )


def test_alpha_by_cross_validation(read):
    """Without an alpha it is chosen; the chosen one is on the path and its scores are reported."""
    table, heard = read(csv_text(40)), Heard()
    model = train(table, Options(order=1, cv=4, jobs=1), heard)
    record = path(table, Options(order=1, cv=4, jobs=1), Heard()).report()
    assert (
        model.problem.alpha
        == record["chosen"]["best"]
        in [point["alpha"] for point in record["points"]]
    )
    assert record["chosen"]["1se"] >= record["chosen"]["best"]
    point = next(point for point in record["points"] if point["alpha"] == model.problem.alpha)
    assert asdict(model.score.cv["r2"]) == point["cv"]
    assert point["objective"] == pytest.approx(model.certificate.objective, rel=1e-6)
    simple = train(table, Options(order=1, cv=4, jobs=1, rule="1se"), Heard())
    assert simple.problem.alpha == record["chosen"]["1se"]
    assert {step[0] for step in heard.steps} == {"setup", "cross-validation", "fit"}
    objectives = [point["objective"] for point in record["points"]]
    assert objectives == sorted(objectives, reverse=True)


@pytest.mark.parametrize("loss", [None, "squared"])
def test_classification_is_on_signs(loss, read):
    """Labels −1 and +1 in sorted order, the loss asked for (logistic by default), and scores that
    say how often the sign is right."""
    table = read(csv_text(40, label=True))
    model = trained(table, loss=loss)
    assert model.data.classes == ("no", "yes") and model.data.task == "classification"
    assert model.problem.loss == (loss or "logistic")
    signs = np.where(table.column("y").values == "yes", 1.0, -1.0)
    scores = model.scores(table)[:, 0]
    losses = (scores - signs) ** 2 / 2 if loss else np.log1p(np.exp(-signs * scores))
    penalty = model.problem.alpha * sum(abs(neuron.coefficient) for neuron in model.neurons)
    assert model.certificate.objective == pytest.approx(np.mean(losses) + penalty, rel=1e-9)
    assert model.score.train["accuracy"] == np.mean((scores > 0) == (signs > 0)) > 0.8
    assert model.score.train["log_loss"] == (None if loss else pytest.approx(np.mean(losses)))
    evaluation = evaluate(model, table)
    assert (
        evaluation["score"] == pytest.approx(model.score.train) and evaluation["data"]["rows"] == 40
    )


def test_full_solver_is_the_working_set(read):
    table = read(csv_text(25))
    full, working = trained(table, solver="full"), trained(table)
    assert full.certificate.objective == pytest.approx(working.certificate.objective, rel=1e-4)
    np.testing.assert_allclose(full.scores(table), working.scores(table), atol=0.02)


def test_rows_and_threads_do_not_matter(read):
    """The same bytes for one job and two; the same network for any order of the rows."""
    text = csv_text(30)
    assert trained(read(text), jobs=1).dumps() == trained(read(text), jobs=2).dumps()
    header, *lines = text.splitlines()
    turned = trained(read("\n".join([header, *reversed(lines)]) + "\n"))
    assert turned.certificate.objective == pytest.approx(
        trained(read(text)).certificate.objective, rel=1e-9
    )


def test_a_sample_of_everything_is_no_sample(read):
    """Asked for less than a proof, where looking at all wedges costs no more: they were priced."""
    certificate = trained(read(csv_text(30)), certificate="sampled").certificate
    assert certificate.scope == "exact" and certificate.network_lower_bound is not None
    assert certificate.wedges_priced == certificate.wedges_total


def test_sampled_says_sampled(read, few_draws):
    model = trained(read(csv_text(30)), certificate="sampled")
    assert model.certificate.wedges_priced < model.certificate.wedges_total
    assert model.certificate.scope == model.stages[0].certificate.scope == "sampled"
    assert model.certificate.network_lower_bound is None
    assert model.certificate.objective >= trained(read(csv_text(30))).certificate.objective * (
        1 - 1e-9
    )


# Refusals -----------------------------------------------------------------------------------------


def test_an_exact_certificate_out_of_reach_names_an_order_that_works(read, monkeypatch):
    monkeypatch.setattr(policy, "EXACT_POSSIBLE", 1_500)
    table = read(csv_text(20, 3))  # 120, 1,260 and 3,540 wedges up to orders 1, 2 and 3
    with pytest.raises(FitError, match="3,540 wedges") as caught:
        trained(table, certificate="exact", order="full")
    assert "--order 2 " in caught.value.remedy and "sampled" in caught.value.remedy
    assert trained(table, certificate="exact", order=2).certificate.scope == "exact"
    monkeypatch.setattr(policy, "EXACT_POSSIBLE", 10)
    with pytest.raises(FitError) as caught:
        trained(table, certificate="exact", order=1)
    assert "--order" not in caught.value.remedy


def test_auto_samples_beyond_its_limit(read, monkeypatch, few_draws):
    monkeypatch.setattr(policy, "EXACT_UP_TO", 100)
    assert trained(read(csv_text(20))).certificate.scope == "sampled"


def test_other_refusals(read, monkeypatch):
    table = read(csv_text(6))
    with pytest.raises(UsageError, match="order 3"):
        trained(table, order=3)
    with pytest.raises(FitError, match="6 rows cannot be split into 7 folds"):
        train(table, Options(cv=7), Heard())
    few = read("a,y\n" + "".join(f"{i},{'yes' if i < 3 else 'no'}\n" for i in range(12)))
    with pytest.raises(FitError, match="3 rows of the smallest class"):
        train(few, Options(cv=5), Heard())
    monkeypatch.setattr(learn_module, "WRITTEN_OUT_UP_TO", 1000)
    with pytest.raises(FitError, match="too many to write out"):
        trained(table, solver="full")


# Holding a model against its data -----------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {}, {"norm": 2}, {"bias": False}, {"intercept": False},
    {"standardize": False}, {"order": 1}, {"order": "full"},
    {"certificate": "sampled"}, {"solver": "full"},
    {"alpha_ratio": 2.0}, {"norm": 2, "bias": False},
], ids=str)  # fmt: skip
@pytest.mark.parametrize(
    "text",
    only([csv_text(), MIXED], [csv_text(), csv_text(label=True), MIXED]),
    ids=["numbers", "labels", "mixed"],
)
def test_certify_agrees_with_an_honest_model(text, options, read, tmp_path, few_draws):
    """Also after a trip through the file: every figure can be recomputed from the weights and the
    data."""
    table = read(text, id_column="id" if text is MIXED else None)
    if text is MIXED and options.get("order") == "full":
        options = {"order": 3}
    if text is MIXED and options.get("norm") == 2:
        options = options | {"order": 2}  # all orders up to 5 are priced in the test below
    if options.get("solver") == "full":
        options = options | {"loss": "squared"}
    model = trained(table, **options)
    model.save(tmp_path / "m.json")
    found = certify(load(tmp_path / "m.json"), table, jobs=1)
    assert found["agrees"], found["message"]
    assert all(check["agrees"] for check in found["checks"])
    assert found["message"] == "the stored figures hold"
    names = {check["name"] for check in found["checks"]}
    assert {"certificate.objective", "certificate.wedges_total", "anchors", "encoding"} <= names
    assert len(names) == len(found["checks"]), "two figures by one name cannot be told apart"
    aside = {part["name"] for part in found["not_checked"]}
    assert names.isdisjoint(aside) and {"version", "data.source", "options"} <= aside
    exact = model.certificate.scope == "exact"
    assert exact == (options.get("certificate") != "sampled")
    for name in ("certificate.lower_bound", "stages[0].lower_bound"):
        assert (name in names) == exact == (name not in aside)


def test_norm_2_with_the_levels_of_a_column(read):
    """Levels that add up to one confine the rows to a plane, and every wedge of the highest order
    is that plane.

    Its hinges are rounding errors: better to refuse, or work inside the plane, than coefficients of
    10¹⁴ on them.
    """
    try:
        model = trained(read(MIXED, id_column="id"), norm=2, order="full")
    except WedgefitError:
        return
    assert model.problem.alpha_max > 1e-6 and model.neurons
    assert max(abs(neuron.coefficient) for neuron in model.neurons) < 1e3
    assert model.certificate.relative_gap <= 1e-6 and model.certificate.objective < 1


def test_certify_agrees_where_columns_are_dependent(read):
    """Levels of one column add up to one: wedges of five such columns are ill-conditioned, and
    honest all the same."""
    table = read("\n".join(MIXED.splitlines()[:19]) + "\n", id_column="id")
    try:
        model = trained(table, norm=2, order="full")
    except FitError as refusal:
        assert "zero on the rows" in str(refusal)
        return
    assert model.problem.order == "full" and len(model.data.columns) == 5
    found = certify(model, table, jobs=1)
    assert found["agrees"], found["message"]


def test_certify_reads_rows_without_target_as_training_did(read):
    """Those rows were left out then; they must be left out now."""
    text = csv_text().replace("\n", "\n", 1) + "1.0,2.0,\n"
    table = read(text)
    model = trained(table, drop_missing_target=True)
    assert model.data.rows_left_out == 1 and certify(model, table, jobs=1)["agrees"]


def scaled(place, *keys, by=1 + 1e-6):
    def change(data):
        inner = data
        for key in (place, *keys)[:-1]:
            inner = inner[key]
        last = (place, *keys)[-1]
        inner[last] = inner[last] * by if inner[last] else by - 1

    return change


def one_weight(data):
    weights = next(neuron["weights"] for neuron in data["neurons"] if len(neuron["weights"]) > 1)
    weights[next(iter(weights))] *= 1 + 1e-6


def turned_unit_weights(data):
    """Still of norm 1, no longer through its samples."""
    weights = next(neuron["weights"] for neuron in data["neurons"] if len(neuron["weights"]) > 1)
    first, second = list(weights)[:2]
    signs = {name: 1 if weights[name] > 0 else -1 for name in weights}
    weights[first] += 1e-3 * signs[first]
    weights[second] -= 1e-3 * signs[second]


def other_sample(data):
    neuron = data["neurons"][0]
    spare = next(
        anchor["id"] for anchor in data["anchors"] if anchor["id"] not in neuron["samples"]
    )
    neuron["samples"][0] = spare


def better_bound(data):
    data["certificate"]["lower_bound"] = data["certificate"]["objective"] * (1 + 1e-7)
    data["certificate"]["relative_gap"] = 0.0


def cheaper_neuron(data):
    """The same function from a hidden neuron of norm 2, whose penalty is then half of what it
    should be."""
    neuron = data["neurons"][0]
    data["certificate"]["objective"] -= data["problem"]["alpha"] * abs(neuron["coefficient"]) / 2
    data["certificate"]["relative_gap"] = 0.0
    data["stages"][0] |= {"objective": data["certificate"]["objective"], "relative_gap": 0.0}
    neuron["coefficient"] /= 2
    neuron["bias"] *= 2
    neuron["weights"] = {name: 2 * weight for name, weight in neuron["weights"].items()}


LIES = {
    "a neuron's length": cheaper_neuron,
    "a weight": one_weight,
    "a unit weight": turned_unit_weights,
    "a bias": scaled("neurons", 0, "bias"),
    "a coefficient": scaled("neurons", 0, "coefficient"),
    "the last coefficient": scaled("neurons", -1, "coefficient", by=1 + 1e-3),
    "the intercept": scaled("intercept", by=1 + 1e-4),
    "the objective": scaled("certificate", "objective", by=1 - 1e-6),
    "the bound": better_bound,
    "the gap": lambda data: data["certificate"].update(relative_gap=0.0),
    "the network gap": lambda data: data["certificate"].update(network_relative_gap=0.0),
    "the network bound": scaled("certificate", "network_lower_bound"),
    "the number of wedges": scaled("certificate", "wedges_total", by=2),
    "an anchor": scaled("anchors", 0, "values", 0, by=1 + 1e-9),
    "a sample": other_sample,
    "alpha": scaled("problem", "alpha"),
    "the order": lambda data: data["problem"].update(order=1),
    "the intercept's absence": lambda data: data["problem"].update(intercept=False),
    "the biases' absence": lambda data: data["problem"].update(hidden_bias=False),
    "a neuron": lambda data: data["neurons"].pop(),
    "a neuron twice": lambda data: data["neurons"].append(data["neurons"][0]),
}  # fmt: skip


# These contradict the rest of the file: no data are needed to refuse them.
SEEN_ON_LOADING = {
    "the order",
    "the intercept's absence",
    "the biases' absence",
    "a sample",
    "a neuron",
    "a neuron twice",
}


@pytest.mark.parametrize("lie", LIES)
def test_certify_rejects(lie, read):
    """A certificate that passes with one number changed proves nothing."""
    table = read(csv_text())
    # Gaps that can be understated: scikit-learn's, and that of norm 2 to neurons off the wedges.
    options = {
        "the gap": {"solver": "full", "tol": 1e-3},
        "the network gap": {"norm": 2, "solver": "full"},
    }.get(lie, {})
    model = trained(table, **options)
    data = json.loads(model.dumps())
    LIES[lie](data)
    try:
        found = certify(loads(json.dumps(data)), table, jobs=1)
    except WedgefitError as refusal:
        assert lie in SEEN_ON_LOADING, refusal
    else:
        assert not found["agrees"] and "do not hold" in found["message"]
    assert certify(loads(model.dumps()), table, jobs=1)["agrees"], "and the honest one passes"


@pytest.mark.parametrize("row, column", [(0, 0), (11, 1), (29, 2)])
def test_certify_rejects_other_data(row, column, read):
    """One cell in thirty rows, in the fourth digit."""
    text = csv_text()
    model = trained(read(text))
    lines = text.splitlines()
    cells = lines[row + 1].split(",")
    cells[column] = str(float(cells[column]) + 0.001)
    lines[row + 1] = ",".join(cells)
    assert not certify(model, read("\n".join(lines) + "\n"), jobs=1)["agrees"]


def test_certify_refuses_other_tables(read):
    text = csv_text()
    model = trained(read(text))
    with pytest.raises(CertificateError, match="30 rows, this file has 29"):
        certify(model, read("\n".join(text.splitlines()[:-1]) + "\n"))
    named = trained(read(MIXED, id_column="id"))
    with pytest.raises(CertificateError, match="is not in this file"):
        certify(named, read(MIXED.replace("\nr", "\nq"), id_column="id"))


def test_certify_shows_both_figures(read):
    table = read(csv_text())
    model = trained(table)
    lie = replace(model, certificate=replace(model.certificate, objective=0.5))
    found = certify(lie, table, jobs=1)
    check = next(check for check in found["checks"] if check["name"] == "certificate.objective")
    assert (check["stored"], check["agrees"]) == (0.5, False)
    assert check["recomputed"] == pytest.approx(model.certificate.objective, rel=1e-12)
    for name, figure in asdict(model.certificate).items():
        assert found["certificate"][name] == (
            figure if isinstance(figure, str) else pytest.approx(figure, rel=1e-6, abs=1e-9)
        )
    assert "objective" in found["message"]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("place, value", [
    (("problem", "norm"), 7), (("problem", "norm"), 0), (("problem", "order"), "bogus"),
    (("problem", "order"), 0), (("problem", "order"), -1),
    (("problem", "order"), 99), (("problem", "alpha"), -1.0),
    (("problem", "alpha"), 0.0), (("certificate", "scope"), "bogus"),
    (("neurons", 0, "columns"), ["nonesuch"]), (("neurons", 0, "columns"), []),
    (("neurons", 0, "columns"), ["x0", "x1", "x0", "x1"]),
    (("neurons", 0, "samples"), []), (("neurons", 0, "weights"), {}),
    (("data", "rows"), -1), (("anchors",), []),
], ids=str)  # fmt: skip
def test_certify_answers_nonsense_in_words(place, value, read):
    """A file that an editor changed beyond sense: a mismatch or a message, never a traceback, never
    agreement."""
    table = read(csv_text())
    data = json.loads(trained(table).dumps())
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        found = certify(loads(json.dumps(data)), table, jobs=1)
    except WedgefitError:
        return
    assert not found["agrees"]


def test_design_of_the_table_is_what_was_solved(read):
    """One-hot levels and gaps: predictions on the raw table are the fit on the design."""
    table = read(MIXED, id_column="id")
    model = trained(table)
    encoding, design = encode(table)
    (normals, offsets), z = model.units(1), model.coefficients
    by_hand = np.maximum(design.X @ normals.T + offsets, 0) @ z + model.intercept
    np.testing.assert_allclose(model.scores(table), by_hand, rtol=1e-12)
    assert model.encoding == encoding
    for row, values in model.anchors.items():
        assert list(values) == design.X[design.row_ids.index(row)].tolist()


@pytest.mark.parametrize("bias", [True, False])
def test_a_refined_model_survives_its_file_and_certifies(read, bias):
    """Refined neurons pass through one row (or none) and are no wedges; file and certificate know
    that."""
    table = read(csv_text())
    model = loads(
        trained(table, norm=2, refine=True, bias=bias, alpha=None, alpha_ratio=0.02).dumps()
    )
    few = [neuron for neuron in model.neurons if len(neuron.samples) < neuron.order - (not bias)]
    assert few and model.problem.refined and model.certificate.network_relative_gap <= 1e-6
    found = certify(model, table, jobs=1)
    assert found["agrees"], found["message"]


def test_a_coarse_walk_is_said_and_shares_the_memory_for_sorts(read, monkeypatch):
    """What large tables get, on a small one: fewer alphas, a note in the report, and folds that
    together keep one budget."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 2))
    text = "a,b,y\n" + "".join(f"{a},{b},{abs(a) + b}\n" for a, b in rows)
    budgets, inner = [], policy.Pricer
    monkeypatch.setattr(
        policy,
        "Pricer",
        lambda *args, memory, **options: (
            budgets.append(memory) or inner(*args, memory=memory, **options)
        ),
    )
    usual = trained(read(text), alpha_ratio=None, cv=4)
    assert not any("large table" in note for note in usual.notes)
    monkeypatch.setattr("wedgefit.learning.path.LARGE", 80)
    coarse = trained(read(text), alpha_ratio=None, cv=4)
    assert any(
        "large table: cross-validation looked at 4 alphas per factor of ten" in note
        for note in coarse.notes
    )
    assert budgets == [SORTS_KEPT, *[SORTS_KEPT / 4] * 4] * 2
