"""From settings to certified networks: what contradicts, which alpha is chosen, and what a refit
leaves certified."""

import json

import numpy as np
import pytest
from as_json import certify

from wedgefit.data.cells import Column
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table, read_table
from wedgefit.engine import instruments
from wedgefit.engine.certificate import Certificate, total
from wedgefit.engine.losses import LOSSES
from wedgefit.errors import FitError, UsageError, WedgefitError
from wedgefit.learning import policy
from wedgefit.learning.learn import Learner
from wedgefit.learning.path import Walk
from wedgefit.learning.policy import fill_space
from wedgefit.learning.problems import problems_of
from wedgefit.learning.settings import Settings
from wedgefit.model.build import Options, train
from wedgefit.model.file import loads
from wedgefit.watch import Silent


def numbers(n=50, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = np.abs(X[:, 0]) + np.maximum(X[:, 1], 0) + noise * rng.normal(size=n)
    return Sample(X, y[:, None], "regression")


def classes(n=60, many=2, seed=0):
    sample = numbers(n, seed)
    codes = np.digitize(sample.y, np.quantile(sample.y, np.arange(1, many) / many))
    y = np.where(codes == np.arange(many), 1.0, -1.0)
    return Sample(sample.X, y[:, 1:] if many == 2 else y, "classification")


def learner(sample, **settings):
    return Learner(
        sample, Settings(**{"order": 1, "cv": 4, "jobs": 1} | settings), lambda words: None
    )


def learned(sample, **settings):
    return learner(sample, **settings).learn(lambda *_: None)


def neurons(found):
    return sum(len(fit.wedges) for fit in found.fits)


@pytest.mark.parametrize("norm, bias, columns, order, notes", [
    (1, True, [0, 1, 2], 2, 0), (2, True, [0, 1], "full", 0), (2, True, [0, 1, 2], 2, 1),
    (2, False, [0, 1, 2], 2, 1), (2, False, [0, 3], "full", 0),
    (2, True, [0, 3], 2, 1)])  # fmt: skip
def test_the_default_order_fits_the_rows(norm, bias, columns, order, notes):
    """With norm 2 every neuron reads all columns, unless the rows lie in a hyperplane: then its
    hinge, zero, would be the only one."""
    sample, heard = numbers(), []
    first, second = sample.X.T
    X = np.column_stack([first, second, first - second, first + 1.0])[:, columns]
    found = Learner(
        Sample(X, sample.y, "regression"),
        Settings(norm=norm, bias=bias, alpha_ratio=0.1, jobs=1),
        heard.append,
    )
    assert (
        found.order == order
        and sum("hyperplane" in words for words in heard) == notes
        and found.notes == heard
    )
    assert found.alpha_max > 0


@pytest.mark.parametrize("few, order", [(1, 2), (9, 2), (10, "full"), (41, 2), (40, "full")])
def test_rows_that_stand_out_by_themselves_are_no_reason_for_full_order(few, order):
    """Every wedge of full order would pass through one of them, and a fold without them has
    none."""
    sample = numbers()
    X = np.column_stack([sample.X, np.arange(50) < few])
    assert (
        learner(Sample(X, sample.y, "regression"), norm=2, order=None, alpha_ratio=0.1).order
        == order
    )


def test_whether_rows_fill_space_depends_on_no_unit_and_no_order():
    X = np.random.default_rng(0).normal(size=(200, 2))
    X[0, 0] = 1e14
    for units in ([1, 1], [1e-14, 1], [1, 1e14]):
        assert (
            fill_space(X * units, True)
            and fill_space(X[::-1] * units, True)
            and fill_space(X * units, False)
        )
    flat = np.column_stack([X, X @ [0.5, 2.0]])
    assert (
        not fill_space(flat, True) and not fill_space(flat, False) and not fill_space(X[:2], True)
    )


# Settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample, settings, words", [
    (numbers(), {"loss": "logistic"}, "logistic loss is for classes"),
    (numbers(), {"class_weight": "balanced"}, "--class-weight is for classification"),
    (numbers(), {"scoring": "accuracy"}, "--scoring accuracy is not for regression"),
    (classes(), {"scoring": "r2"}, "--scoring r2 is not for classification"),
    (classes(), {"scoring": "log_loss", "loss": "squared"}, "needs probabilities"),
    (classes(), {"refit": True}, "--refit is for the squared loss"),
    (classes(), {"solver": "full"}, "--solver full is for the squared loss"),
    (numbers(), {"max_neurons": 3, "alpha": 0.1}, "--max-neurons chooses alpha"),
    (numbers(), {"max_neurons": 3, "alpha_ratio": 0.1}, "--max-neurons chooses alpha"),
    (numbers(), {"refine": True}, "--refine is for --norm 2"),
], ids=lambda value: str(value) if isinstance(value, dict) else "")  # fmt: skip
def test_contradictions_are_refused_before_the_work(sample, settings, words):
    with pytest.raises(UsageError, match=words) as caught:
        learner(sample, **settings)
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_losses_by_default():
    several = classes(many=3)
    names = [learner(sample).loss.name for sample in (numbers(), classes(), several)]
    assert names == ["squared", "logistic", "softmax"]
    assert [problem.y.shape for problem in learner(several).problems] == [(60, 3)]
    apart = learner(several, loss="logistic").problems
    assert [problem.y.shape for problem in apart] == [(60, 1)] * 3
    assert learner(classes(), loss="squared").problems[0].loss.name == "squared"


def test_alpha_max_is_the_largest_of_all_networks():
    every = learner(classes(many=3), loss="logistic")
    y = every.sample.y
    alone = [
        learner(Sample(every.sample.X, y[:, [k]], "classification")).alpha_max for k in range(3)
    ]
    assert every.alpha_max == pytest.approx(max(alone), rel=1e-12) and min(alone) < 0.9 * max(alone)


def test_balanced_weights_by_hand():
    sample = classes(many=3)
    sample = sample.take(
        np.concatenate([np.flatnonzero(sample.labels != 2), np.flatnonzero(sample.labels == 2)[:4]])
    )
    for problem in problems_of(sample, LOSSES["logistic"], Settings(class_weight="balanced")):
        np.testing.assert_allclose(np.bincount(sample.labels, problem.weights), 1 / 3, rtol=1e-12)
    own = np.random.default_rng(0).exponential(size=len(sample.y))
    weighted = Sample(sample.X, sample.y, "classification", own)
    for problem in problems_of(weighted, LOSSES["logistic"], Settings(class_weight="balanced")):
        np.testing.assert_allclose(np.bincount(sample.labels, problem.weights), 1 / 3, rtol=1e-12)
        ratios = problem.weights / own
        assert all(np.ptp(ratios[sample.labels == k]) <= 1e-12 for k in range(3)), (
            "inside a class the given weights decide"
        )
    assert problems_of(sample, LOSSES["logistic"], Settings())[0].sample_weight is None


# The choice ---------------------------------------------------------------------------------------


def test_the_rules_choose_on_the_curve():
    sample = numbers(noise=1.0)
    best, simple = learned(sample), learned(sample, rule="1se")
    for found, rule in ((best, "best"), (simple, "1se")):
        assert (
            found.position == found.curve.chosen(rule)
            and found.alpha == found.curve.alphas[found.position]
        )
    assert simple.alpha > best.alpha and simple.certificate.objective > best.certificate.objective


@pytest.mark.parametrize("sample, most", [
    (numbers(), 0), (numbers(), 2), (numbers(40, 4), 5),
    (classes(40, many=3), 0), pytest.param(classes(40, many=3), 4, marks=pytest.mark.slow),
], ids=["no neuron", "two", "four steps back", "three classes, none", "three classes"])  # fmt: skip
def test_max_neurons_holds_in_the_final_fit(sample, most):
    """The folds' mean chooses, but the promise is about the model handed out; alpha grows as far as
    that takes, and no further."""
    every = learner(sample, max_neurons=most, cv=3)
    found = every.learn(lambda *_: None)
    assert neurons(found) <= most and found.certificate.relative_gap <= 1e-6
    wanted = found.curve.chosen("best", most)
    assert found.position <= wanted
    steps = found.curve.alphas[found.position : wanted + 1]
    assert found.alpha == steps[0]
    for alpha in steps[1:]:
        assert (
            sum(len(stages[-1].fit.wedges) for stages in every.solved(alpha, lambda *_: None, 2))
            > most
        )
    assert found.curve.sizes.max() > 1.5 * most, "or the test proves nothing"


def test_the_fit_begins_where_a_fold_ended(monkeypatch):
    """Fewer rounds, the same optimum."""
    monkeypatch.setattr(instruments, "FULL_IS_CHEAP", 0)
    sample = numbers(120)
    rounds, objectives = {}, {}
    for begins in (True, False):
        if not begins:
            monkeypatch.setattr(Walk, "begin_with", lambda *_: None)
        learned = learner(sample, order=2, cv=3).learn(lambda *_: None)
        (stages,) = learned.networks
        rounds[begins] = stages[-1].solution.rounds
        objectives[begins] = learned.certificate.objective
    assert rounds[True] < rounds[False]
    assert objectives[True] == pytest.approx(objectives[False], rel=1e-6)


def test_scoring_chooses_alpha():
    """Another score may choose another alpha: each is best on its own curve."""
    sample = classes(40)
    chosen = {}
    for scoring in (None, "accuracy", "auc", "log_loss"):
        found = learned(sample, scoring=scoring, cv=2, order=1)
        chosen[scoring] = found.alpha
        curve = found.curve
        name = scoring or "log_loss"
        means = [np.mean([fold.scores[name] for fold in folds]) for folds in curve.folds]
        assert found.position == (np.argmin(means) if name == "log_loss" else np.argmax(means))
    assert chosen[None] == chosen["log_loss"] != chosen["accuracy"]


# The total ----------------------------------------------------------------------------------------


def test_total_by_hand():
    one = Certificate(2.0, 1.5, 0.25, "exact", 20, 20, 1.0, 0.5)
    two = Certificate(6.0, 5.5, 1 / 12, "exact", 20, 20, 5.0, 1 / 6)
    assert total([one, two]) == Certificate(8.0, 7.0, 0.125, "exact", 20, 20, 6.0, 0.25)
    weak = Certificate(1.0, 0.5, 0.5, "sampled", 20, 7, None, None)
    assert total([one, weak]) == Certificate(
        3.0, 2.0, pytest.approx(1 / 3), "sampled", 20, 7, None, None
    )


def test_sampled_networks_say_so(monkeypatch, few_draws):
    monkeypatch.setattr(policy, "EXACT_UP_TO", 100)
    found = learned(classes(many=3), order=2, alpha_ratio=0.1, cv=3)
    assert found.certificate.scope == "sampled" and found.certificate.network_lower_bound is None


def test_a_long_round_is_announced(monkeypatch):
    """With --certificate exact beyond what takes seconds: the user hears it before, not after."""
    monkeypatch.setattr(policy, "EXACT_UP_TO", 100)
    heard = []
    Learner(numbers(), Settings(order=2, certificate="exact", jobs=1), heard.append)
    assert len(heard) == 1 and "a round over all 2,650 wedges" in heard[0]
    Learner(numbers(), Settings(order=2, certificate="sampled", jobs=1), heard.append)
    assert len(heard) == 1


# Refitting ----------------------------------------------------------------------------------------


REFITS = [
    (numbers(), {}),
    (numbers(), {"intercept": False}),
    (classes(), {"loss": "squared"}),
    (classes(many=3), {"loss": "squared"}),
    (classes(), {"loss": "squared", "class_weight": "balanced"}),
    (
        Sample(
            numbers().X, numbers().y, "regression", np.random.default_rng(1).exponential(size=50)
        ),
        {},
    ),
]


@pytest.mark.parametrize(
    "sample, settings",
    REFITS,
    ids=["numbers", "no intercept", "two classes", "three classes", "balanced", "weights"],
)
def test_refitted_coefficients_are_those_of_least_squares(sample, settings):
    """On the wedges that the penalised fit chose; its certificate stays."""
    settings = settings | {"alpha_ratio": 0.1}
    plain, found = learned(sample, **settings), learned(sample, refit=True, **settings)
    assert found.certificate == plain.certificate and found.certificate.relative_gap <= 1e-6
    problems = problems_of(sample, LOSSES["squared"], Settings(**settings))
    for problem, fit, penalised in zip(problems, found.fits, plain.fits, strict=True):
        assert fit.wedges.keys() == penalised.wedges.keys() and len(fit.wedges) > 1
        K = fit.wedges.hinges(sample.X)
        K = np.column_stack([np.ones(len(K)), K]) if problem.intercept else K
        root = np.sqrt(problem.weights)
        slow = np.linalg.lstsq(K * root[:, None], problem.y * root[:, None])[0]
        np.testing.assert_allclose(fit.output, K @ slow, atol=1e-8)
        np.testing.assert_allclose(fit.coefficients, slow[-len(fit.wedges) :], rtol=1e-6, atol=1e-8)
        assert problem.loss.value(problem.y, fit.output, problem.weights) < problem.loss.value(
            problem.y, penalised.output, problem.weights
        )


def test_a_refit_of_nothing_is_the_constant():
    found = learned(numbers(), refit=True, alpha_ratio=2.0)
    assert neurons(found) == 0 and found.fits[0].intercept == pytest.approx(numbers().y.mean())


@pytest.fixture
def table(tmp_path):
    sample = numbers()
    file = tmp_path / "d.csv"
    file.write_text(
        "\n".join(["u,v,y", *(f"{u},{v},{y}" for (u, v), (y,) in zip(sample.X, sample.y))]) + "\n"
    )
    return read_table(file)


LIES = {
    "nothing": lambda data: None,
    "a coefficient": lambda data: data["neurons"][0].update(
        coefficient=data["neurons"][0]["coefficient"] + 1e-3
    ),
    "the last coefficient": lambda data: data["neurons"][-1].update(
        coefficient=data["neurons"][-1]["coefficient"] * 1.01
    ),
    "the intercept": lambda data: data.update(intercept=data["intercept"] + 1e-3),
    "the objective": lambda data: data["certificate"].update(
        objective=data["certificate"]["objective"] * 0.999
    ),
    "the stage": lambda data: data["stages"][0].update(
        objective=data["stages"][0]["objective"] * 0.999
    ),
    "the bound": lambda data: data["certificate"].update(
        lower_bound=data["certificate"]["lower_bound"] * 1.001
    ),
    "a weight": lambda data: data["neurons"][0]["weights"].update(
        {name: value * 1.001 for name, value in data["neurons"][0]["weights"].items()}
    ),
    "a bias": lambda data: data["neurons"][0].update(bias=data["neurons"][0]["bias"] + 1e-3),
    "alpha": lambda data: data["problem"].update(alpha=data["problem"]["alpha"] * 1.001),
    "a neuron": lambda data: data["neurons"].pop(),
    "the refit": lambda data: data["problem"].update(refitted=False),
}


@pytest.mark.parametrize("lie", LIES)
def test_certify_holds_a_refitted_model_to_its_word(lie, table):
    """Selection and least squares are both recomputed; a coefficient that is neither must not
    pass."""
    model = train(table, Options(alpha_ratio=0.05, refit=True, jobs=1), Silent())
    data = json.loads(model.dumps())
    LIES[lie](data)
    try:
        found = certify(loads(json.dumps(data)), table, jobs=1)
    except WedgefitError:
        assert lie != "nothing"
        return
    assert found["agrees"] == (lie == "nothing"), found["message"]
    assert lie == "the refit" or "neurons[*].coefficient" in {
        check["name"] for check in found["checks"]
    }


def test_a_plain_model_is_not_taken_for_a_refitted_one(table):
    data = json.loads(train(table, Options(alpha_ratio=0.05, jobs=1), Silent()).dumps())
    data["problem"]["refitted"] = True
    assert "neurons[*].coefficient" in certify(loads(json.dumps(data)), table, jobs=1)["message"]


def test_alpha_is_chosen_for_the_refitted_networks(table):
    """Without shrinkage fewer neurons do: the same cross-validation with and without must not give
    the same curve."""
    curves = [
        train(table, Options(order=1, cv=3, jobs=1, refit=refit), Silent()).score.curve
        for refit in (False, True)
    ]
    assert curves[0][3].scores["rmse"].mean != pytest.approx(
        curves[1][3].scores["rmse"].mean, rel=1e-3
    )


def test_impossible_folds_name_the_table(table, tmp_path):
    with pytest.raises(FitError, match="50 rows cannot be split into 60 folds"):
        train(table, Options(cv=60), Silent())


def test_an_alpha_at_the_end_of_the_path_is_noted(monkeypatch):
    """Without noise every smaller alpha scores better: whoever reads the report should know that
    the path ended first."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    columns = {
        name: Column(name, "numeric", values) for name, values in (("x", x), ("y", np.sin(3 * x)))
    }
    table = Table("t.csv", ",", list(range(1, 61)), np.arange(2, 62), columns)
    monkeypatch.setattr("wedgefit.learning.path.SMALLEST_RATIO", 0.1)
    assert any(
        "is the last that was tried" in note
        for note in train(table, Options(cv=3, jobs=1), Silent()).notes
    )
    monkeypatch.undo()
    noisy = Table(
        "t.csv",
        ",",
        list(range(1, 61)),
        np.arange(2, 62),
        columns | {"y": Column("y", "numeric", np.abs(x) + rng.normal(size=60))},
    )
    assert not any(
        "is the last" in note for note in train(noisy, Options(cv=3, jobs=1), Silent()).notes
    )


@pytest.mark.parametrize("given", [{"alpha": 1e-320}, {"alpha_ratio": 1e-15}])
def test_an_alpha_that_rounding_cannot_tell_from_zero_is_refused(given):
    """It gave networks of chance with coefficients of 1e9; where it underflowed, a model without an
    alpha."""
    with pytest.raises(FitError, match="below what numbers of 16 digits can tell from zero"):
        learner(numbers(), **given)
    assert learner(numbers(), alpha_ratio=1e-12).alpha_max > 0
