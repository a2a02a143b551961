"""Where a model comes from: the rows that it was trained on, and what learnt from them."""

from math import inf

from wedgefit.data.roles import training_rows
from wedgefit.data.sample import Sample
from wedgefit.data.table import Table
from wedgefit.errors import CertificateError, WedgefitError
from wedgefit.learning.learn import Learner
from wedgefit.learning.settings import TOL, Settings
from wedgefit.model.evaluation import sample_of
from wedgefit.model.parts import KEPT
from wedgefit.model.record import Model
from wedgefit.setting import settings_of as declared


def sample_trained_on(model: Model, rows: Table) -> Sample:
    """The model's rows in the numbers that its solver saw."""
    return sample_of(model, rows, model.data.weight)


def learner_of(model: Model, sample: Sample, jobs: int | None) -> Learner:
    """What learnt from these rows as the model says. Raises CertificateError where nothing can have
    learnt so."""
    try:
        return Learner(sample, settings_of(model, jobs), lambda _: None)
    except WedgefitError as error:
        raise CertificateError(
            f"the model's problem cannot be that of these rows: {error.message}",
            remedy="Is it the training data?",
        ) from None


def settings_of(model: Model, jobs: int | None = None) -> Settings:
    """How the model was learnt, as far as its file says. Raises UsageError for what is out of
    range."""
    problem, told = model.problem, model.options
    certificate = told.get("certificate")
    if certificate not in ("auto", "exact", "sampled"):
        certificate = "exact" if model.certificate.scope == "exact" else "sampled"
    seed, tol = told.get("seed", 0), told.get("tol", TOL)
    # Networks are refitted when they are handed out, after what is looked at here.
    kept = (KEPT.keys() & declared(Settings).keys()) - {"refit"}
    return Settings(
        **{name: getattr(problem, KEPT[name]) for name in kept},
        loss=problem.loss,
        quantile=problem.quantile,
        # A number that was left open is found anew.
        huber_delta=None if told and told.get("huber_delta") is None else problem.huber_delta,
        alpha=problem.alpha,
        # An order that was left open is chosen anew.
        order=None if told and told.get("order") is None else problem.order,
        layers=problem.layers,
        certificate=certificate,
        tol=tol if isinstance(tol, float) and 0 < tol < inf else Settings.tol,
        seed=seed if type(seed) is int and 0 <= seed < 2**32 else 0,
        jobs=jobs,
    )


def rows_trained_on(model: Model, table: Table) -> Table:
    """The rows that the model was trained on: those with a target and a weight. Also checks that
    the weights are weights."""
    names = model.encoding.target.names
    table, _ = training_rows(table, names, model.data.weight, drop_missing=True)
    if table.rows != model.data.rows:
        raise CertificateError(
            f"the model was trained on {model.data.rows:,} rows, this file has {table.rows:,}.",
            where=table.title,
            remedy="Certify against the very data the model was trained on.",
        )
    return table


def rows_by_id(model: Model, rows: Table) -> dict[int | str, int]:
    """Where the rows that the model stands on are among these. Raises CertificateError."""
    row_of = {row: k for k, row in enumerate(rows.row_ids) if row in model.anchors}
    if absent := [row for row in model.anchors if row not in row_of]:
        raise CertificateError(
            f"the model stands on row {absent[0]}, which is not in this file.",
            where=rows.title,
            remedy="Is it the training data?",
        )
    return row_of
