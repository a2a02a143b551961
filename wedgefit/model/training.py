"""One table under one set of options, ready to be learnt from, its columns taken apart or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from wedgefit.data.encoding import fit_encoding, uneven
from wedgefit.data.lags import with_history
from wedgefit.data.table import Table
from wedgefit.data.target import refuse_targets
from wedgefit.engine.losses import LOSSES, numbers_of
from wedgefit.errors import FitError
from wedgefit.learning.calibrating import Isotonic, Line
from wedgefit.learning.checks import check_options
from wedgefit.learning.curve import Curve
from wedgefit.learning.learn import Learner, Selected
from wedgefit.learning.path import FINE, pace_for
from wedgefit.learning.settings import Options, given_alpha
from wedgefit.model.notes import left_out_notes, quantile_notes, scale_notes
from wedgefit.model.parts import KEPT, Data, ProblemRecord
from wedgefit.model.record import outputs_of
from wedgefit.watch import Deadline, Silent


class Training:
    """One table under one set of options: how it is encoded, the design, and what learns from
    it."""

    def __init__(
        self,
        table: Table,
        options: Options,
        progress,
        deadline: Deadline | None = None,
        robust: str | None = None,
    ):
        """``robust``: in place of what the options say."""
        self.table, self.options = with_history(table, options)
        table, options = self.table, self.options
        check_options(options)
        told = options if robust is None else replace(options, robust=robust)
        self.encoding, self.design = fit_encoding(table, told, shift=options.bias)
        if options.loss is not None:
            refuse_targets(self.design.table, self.encoding.target, LOSSES[options.loss])
        # Texts like A:B have the meaning that they have in this table.
        self.options = replace(options, pairs=self.design.pairs or ())
        with self.named():
            self.learner = Learner(self.design, options, progress.note, deadline)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the networks' outputs stand for."""
        return outputs_of(self.encoding.target, self.learner.loss)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Within, a FitError that does not say where it arose names the table."""
        try:
            yield
        except FitError as error:
            raise FitError(
                error.message, where=error.where or self.table.title, remedy=error.remedy
            ) from None

    def data(self) -> Data:
        target = self.encoding.target
        return Data(
            source=self.table.source,
            rows=len(self.design.y),
            columns=tuple(self.design.names),
            target=target.names[0] if len(target.names) == 1 else target.names,
            task=target.task,
            classes=target.classes,
            outputs=self.outputs,
            id=self.table.id_column,
            weight=self.options.weight,
            group=self.options.group,
            exposure=self.options.exposure,
            time=self.options.time,
            delimiter=self.table.delimiter,
            rows_left_out=self.table.rows - len(self.design.y),
            left_out=self.encoding.left_out,
        )

    def problem(
        self, alpha: float, depth: int, calibration: Line | Isotonic | None = None
    ) -> ProblemRecord:
        options, learner = self.options, self.learner
        return ProblemRecord(
            **{field: getattr(options, name) for name, field in KEPT.items()},
            **numbers_of(learner.loss),
            loss=learner.loss.name,
            alpha=alpha,
            alpha_max=learner.alpha_max,
            order=learner.order_of_layers(depth),
            layers=depth + 1,
            range_dispersion=learner.dispersion,
            calibration=calibration,
            floor=learner.problems[0].floor,
            robust=self.encoding.robust,
            pairs=learner.sample.pairs,
        )

    def notes(self) -> list[str]:
        return [
            *self.table.notes,
            *self.design.notes,
            *self.learner.notes,
            *left_out_notes(self.encoding),
            *scale_notes(self.design, self.encoding.target),
            *quantile_notes(self.learner.loss, len(self.design.y)),
        ]


# Chooses alpha: of a learner, and the part of the time that is left, as one of so many.
Select = Callable[[Learner, int], Selected]


def with_columns_chosen(plain: Training, table: Table, select: Select) -> tuple[Training, Selected]:
    """What is to be learnt from this table, which ``plain`` is made of, its columns taken apart
    (``Encoding.robust``) or as they are, and what ``select`` finds in it.

    Where that is left to cross-validation and may matter both are tried on the same folds, and
    columns are taken apart where that makes the error smaller by more than its standard error:
    twice the folds, which large tables are spared. Heavy tails make a column's unit wide; what
    tells classes apart in its midst, or "none" from "little", is steep then, and what is steep
    costs most where classes are small.
    """
    options = plain.options
    with plain.named():
        if not _is_open(plain):
            return plain, select(plain.learner, 2)
        own = select(plain.learner, 4)
        if own[1].cut_short:
            return plain, own
        apart = Training(table, options, Silent(), plain.learner.deadline, robust="on")
        other = select(apart.learner, 3)
    gain = _errors(own[1], options) - _errors(other[1], options)
    # A single fold has no error to exceed.
    better = gain.mean() > (Curve.standard_error(gain) or 0.0)
    return (apart, other) if better else (plain, own)


def _errors(curve: Curve, options: Options) -> np.ndarray:
    """The error of every fold at the alpha that is chosen, (folds,)."""
    return curve.errors[curve.chosen(options.rule, options.max_neurons)]


def _is_open(plain: Training) -> bool:
    """Whether cross-validation is to choose, and there is something to choose."""
    options, classes = plain.options, plain.encoding.target.classes or ()
    given = given_alpha(options) is not None
    if options.robust != "auto" or not options.standardize or given or len(classes) < 3:
        return False
    if pace_for(plain.design.X.size) != FINE:
        return False
    apart, _ = fit_encoding(plain.table, replace(options, robust="on"), shift=options.bias)
    return uneven(plain.encoding, apart)
