"""The fitted record: what was trained, on which rows it stands, how well; used with numpy alone.

The model file is these records (``model.file``), and the JSON of ``train --json`` is made of them.
"""

import os
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from wedgefit import __version__
from wedgefit.data.distribution import Distribution
from wedgefit.data.encoding import Encoding
from wedgefit.data.lags import Lags, rows_before
from wedgefit.data.roles import exposures_of
from wedgefit.data.sample import class_codes
from wedgefit.data.table import Table
from wedgefit.data.target import Target
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.losses import (
    PROBABILITIES,
    Loss,
    Quantiles,
    class_probabilities,
    fitted_apart,
    loss_of,
    predicted,
)
from wedgefit.engine.network import Network, unit_network
from wedgefit.errors import NoEffects, UsageError
from wedgefit.files import write_whole
from wedgefit.learning.calibrating import Isotonic, Steps
from wedgefit.learning.threshold import Threshold, log_odds
from wedgefit.model.effects import Effects, Importance
from wedgefit.model.intervals import Spread, quantiles_around, reaches
from wedgefit.model.over_folds import OverFolds
from wedgefit.model.parts import (
    AllLayers,
    Data,
    Neuron,
    PerOutput,
    ProblemRecord,
    RowId,
    Score,
    Stage,
    Told,
    row_order,
    unit_name,
    values_of,
)
from wedgefit.records import plain, to_text

REPORT_SCHEMA = "wedgefit.report/1"
MODEL_SCHEMA = "wedgefit.model/5"

# What effects add up to, by the link.
SCALES = {
    "logistic": "log-odds",
    "log": "log",
    "softmax": "log-probability",
    "sorted": "quantile",
}


@dataclass(frozen=True, eq=False)
class Model:
    """Everything needed to predict and explain: no training data but the anchor rows that the
    wedges pass through.

    ``intercept`` is a number, or one per output; ``anchors`` maps a row's id to its values in the
    units the solver saw, (d,). ``options`` are what training was told where that decides the
    result; ``distributions`` what it saw of each column, and ``importances`` how far each effect
    moves the output over its rows; a model of an older file has none. ``over_folds``: how far the
    networks of folds are from it in every effect, where folds were run. ``threshold``: where yes
    begins, None where it is more likely than no. ``all_layers``: what is proven beyond the stages,
    None where nothing is. ``intervals``: how far predictions of each target are off, where that was
    learnt. ``seconds`` is not written to the model file.

    A layer below the last one holds every neuron of its own stage's solution, read or not, and of
    their other faces those that the next layer reads: all other faces follow from these, so with
    the training data each stage can be certified again.
    """

    data: Data
    problem: ProblemRecord
    certificate: Certificate
    stages: tuple[Stage, ...]
    score: Score
    intercept: PerOutput
    neurons: list[Neuron]
    anchors: dict[RowId, tuple[float, ...]]
    encoding: Encoding
    notes: tuple[str, ...] = ()
    version: str = __version__  # Of the wedgefit that trained it, and worded the notes.
    options: dict[str, Told] = field(default_factory=dict)
    distributions: tuple[Distribution, ...] = ()
    importances: tuple[Importance, ...] = ()
    over_folds: tuple[OverFolds, ...] = ()
    threshold: Threshold | None = None
    all_layers: AllLayers | None = None
    intervals: tuple[Spread, ...] = ()
    seconds: dict[str, float] | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the network's outputs stand for."""
        return outputs_of(self.encoding.target, self.loss)

    @property
    def predicted_names(self) -> tuple[str, ...]:
        """What is predicted, column by column: the targets, or several quantiles of one."""
        several = isinstance(self.loss, Quantiles)
        return self.outputs if several else self.encoding.target.names

    @property
    def lags(self) -> Lags | None:
        """Which rows before its own a row is to know the target of; None where it need not."""
        if self.options.get("lags") is None:
            return None
        before = rows_before(self.options["lags"], self.options["horizon"])
        target = self.encoding.target.names[0]
        return Lags(target, self.data.time, before, self.data.group)

    def layer(self, number: int) -> list[Neuron]:
        """The neurons of one hidden layer, the first being 1, in the order in which the next layer
        counts them."""
        return [neuron for neuron in self.neurons if neuron.layer == number]

    @property
    def depth(self) -> int:
        """How many hidden layers there are."""
        return self.problem.layers - 1

    def units(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Unit normals (units, inputs) and offsets (units,) of one hidden layer."""
        inputs = (
            self.encoding.names
            if number == 1
            else [unit_name(neuron.id) for neuron in self.layer(number - 1)]
        )
        position = {name: j for j, name in enumerate(inputs)}
        neurons = self.layer(number)
        normals = np.zeros((len(neurons), len(position)))
        for row, neuron in zip(normals, neurons):
            for name, weight in neuron.weights.items():
                row[position[name]] = weight
        return normals, np.array([neuron.bias for neuron in neurons])

    def pruned(self) -> "Model":
        """The same function without the neurons that no layer above reads; only the whole model can
        be certified."""
        kept = self.layer(self.depth)
        above = kept
        for number in range(self.depth - 1, 0, -1):
            read = {name for neuron in above for name in neuron.weights}
            above = [neuron for neuron in self.layer(number) if unit_name(neuron.id) in read]
            kept = above + kept
        return replace(self, neurons=kept)

    @cached_property
    def coefficients(self) -> np.ndarray:
        """The z of the last hidden layer, (m, K)."""
        last = self.layer(self.depth)
        table = np.zeros((len(last), len(self.outputs)))
        for row, neuron in zip(table, last):
            own = slice(None) if neuron.output is None else [self.outputs.index(neuron.output)]
            row[own] = values_of(neuron.coefficient, self.outputs)
        return table

    @cached_property
    def network(self) -> Network:
        """The network of unit neurons."""
        return unit_network(
            [self.units(number) for number in range(1, self.depth + 1)],
            self.coefficients,
            np.array(values_of(self.intercept, self.outputs)),
        )

    @cached_property
    def predictor(self) -> Network:
        """The network that predictions are made by: of outputs that pass steps one with the layers
        of these, else ``network``."""
        return Isotonic(self.steps).after(self.network) if self.steps else self.network

    def calibrated(self, output: np.ndarray) -> np.ndarray:
        """What predictions are made of, given outputs of ``network``, (n, K)."""
        return Isotonic(self.steps).of(output) if self.steps else output

    @property
    def steps(self) -> tuple[Steps, ...]:
        """The steps that each output passes on its way to a probability; none where it passes
        none."""
        calibration = self.problem.calibration
        return calibration.outputs if isinstance(calibration, Isotonic) else ()

    def effects(self) -> Effects:
        """The network as a sum of effects of columns and pairs (``model.effects``). Raises
        NoEffects."""
        return self._effects

    @cached_property
    def _effects(self) -> Effects:
        if self.depth > 1 and len(self.encoding.inputs) > 1:
            raise NoEffects(
                "there are no effects: the network has more than one hidden layer, and reads "
                "several columns."
            )
        if not self.distributions:
            raise NoEffects(
                "there are no effects: the model does not say what training saw.",
                remedy="Train it again with this version of wedgefit.",
            )
        return Effects(self.encoding, self.distributions, self.network, self.outputs)

    def scores(self, table: Table) -> np.ndarray:
        """What is predicted by, on a table: the network's output, (n, K), or its steps."""
        return self.predictor.forward(self.encoding.transform(table))

    def predict(self, table: Table) -> list:
        """Per row a number, a list of numbers for several targets or quantiles, or the label of a
        class."""
        return self.decided(self.scores(table), exposure=self.exposures(table))

    def exposures(self, table: Table) -> np.ndarray | None:
        """How long each row is counted for, (n,); None, one unit each, where the model or the table
        has no column of exposures."""
        name = self.data.exposure
        return exposures_of(table, name) if name in table.columns else None

    @property
    def cut(self) -> float:
        """The score of the second of two classes above which it is predicted."""
        return log_odds(self.threshold and self.threshold.value)

    def codes(self, scores: np.ndarray, threshold: float | None = None) -> np.ndarray:
        """The class that these outputs (n, K) predict, by its number, (n,). Of two classes the
        second where its probability exceeds the ``threshold`` (None: that of the model), without
        one where the output is positive; else the class of the largest."""
        return class_codes(scores, self.cut if threshold is None else log_odds(threshold))

    @cached_property
    def loss(self) -> Loss | Quantiles:
        """The loss that the model was trained with."""
        return loss_in(self.problem)

    @property
    def scale(self) -> str:
        """What effects and hinges add up to: the "prediction", its "log", "log-odds", of classes
        that share their neurons the "log-probability" beside the mean over the classes, or of
        several quantiles each "quantile", before those of a row are sorted."""
        return SCALES.get(self.loss.link, "prediction")

    def _instead_of_intervals(self) -> str:
        """What to do where a model without intervals is asked for some."""
        if self.data.classes is not None:
            return "Intervals are for numbers; of classes take --proba."
        if self.data.exposure is not None:
            return "With --exposure there are none."
        return "Train it with --intervals."

    def predicted(self, scores: np.ndarray) -> np.ndarray:
        """The numbers that these outputs predict, shaped like them."""
        return predicted(self.loss.link, scores)

    def decided(
        self,
        scores: np.ndarray,
        threshold: float | None = None,
        exposure: np.ndarray | None = None,
    ) -> list:
        """What these outputs (n, K) predict: numbers, for their ``exposure`` (n,), or classes by
        ``codes``."""
        classes = self.encoding.target.classes
        if classes is not None:
            return [classes[code] for code in self.codes(scores, threshold)]
        numbers = self.predicted(scores)
        numbers = numbers if exposure is None else numbers * exposure[:, None]
        return numbers.tolist() if len(self.outputs) > 1 else numbers[:, 0].tolist()

    def probabilities(self, scores: np.ndarray) -> np.ndarray | None:
        """The classes' probabilities given outputs (n, K), (n, classes); None where the loss gives
        none."""
        return class_probabilities(self.loss.link, scores)

    def interval(
        self, X: np.ndarray, scores: np.ndarray, level: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the intervals that are expected to hold a part ``level`` of the targets of
        rows like those of training, (n, K) each, given the design (n, d) and the outputs (n, K): of
        quantiles two with that part between them. Raises UsageError where the model has none, or
        the part is none."""
        if not 0 < level < 1:
            raise UsageError(
                f"an interval cannot hold a part {level:g} of the rows.",
                remedy="Give a number between 0 and 1, like 0.9.",
            )
        if self.problem.loss == "quantile":
            low, high = quantiles_around([part.level for part in fitted_apart(self.loss)], level)
            return self.predicted(scores)[:, [low]], self.predicted(scores)[:, [high]]
        if not self.intervals:
            raise UsageError(
                "the model does not know how far its predictions are off.",
                remedy=self._instead_of_intervals(),
            )
        middle, names = self.predicted(scores), self.encoding.names
        reach = [spread.factor(level) * spread.sizes(X, names) for spread in self.intervals]
        away = np.column_stack(reach)
        lower = middle - away
        # Means of positive numbers have the link "log".
        return np.maximum(lower, 0.0) if self.loss.link == "log" else lower, middle + away

    @property
    def has_probabilities(self) -> bool:
        """Whether outputs say how likely classes are."""
        return self.loss.link in PROBABILITIES

    @property
    def has_threshold(self) -> bool:
        """Whether a probability decides between two classes."""
        return len(self.outputs) == 1 and self.loss.link == "logistic"

    @property
    def separate(self) -> tuple[str | None, ...]:
        """The networks, by the output that each is of; (None,) where there is one for all."""
        return separate_networks(self.encoding.target, self.loss)

    @property
    def samples(self) -> list[RowId]:
        """The distinct rows that neurons pass through."""
        rows = {sample for neuron in self.neurons for sample in neuron.samples}
        return sorted(rows, key=row_order)

    def report(self) -> dict:
        """The JSON of ``train --json``."""
        proven = {} if self.all_layers is None else {"all_layers": plain(self.all_layers)}
        return {
            "schema": REPORT_SCHEMA,
            "data": plain(self.data),
            "problem": plain(self.problem),
            "certificate": plain(self.certificate),
            **proven,
            **({"interval_reach": plain(reaches(self.intervals))} if self.intervals else {}),
            "stages": plain(self.stages),
            "score": plain(self.score),
            "threshold": plain(self.threshold),
            "intercept": self.intercept,
            "neurons": plain(self.neurons),
            "samples": self.samples,
            "seconds": self.seconds,
            "version": self.version,
            "notes": list(self.notes),
        }

    def dumps(self) -> str:
        """The model file's text, which ``model.file.loads`` reads."""
        report = self.report()
        del report["seconds"]
        # It follows from the intervals, which the file has.
        report.pop("interval_reach", None)
        return to_text(
            report
            | {
                "schema": MODEL_SCHEMA,
                "anchors": [{"id": row, "values": plain(v)} for row, v in self.anchors.items()],
                "encoding": plain(self.encoding),
                "options": plain(self.options),
                "distributions": plain(self.distributions),
                "effects": plain(self.importances),
                **({"over_folds": plain(self.over_folds)} if self.over_folds else {}),
                **({"intervals": plain(self.intervals)} if self.intervals else {}),
            }
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write the file whole or not at all: to a temporary file beside it, then renamed."""
        write_whole(path, self.dumps())


def loss_in(problem: ProblemRecord) -> Loss | Quantiles:
    """The loss of a problem."""
    return loss_of(problem.loss, quantile=problem.quantile, huber_delta=problem.huber_delta)


def outputs_of(target: Target, loss: Loss | Quantiles) -> tuple[str, ...]:
    """What the outputs stand for: those of the target, or of several quantiles each, like
    "q0.9"."""
    if isinstance(loss, Quantiles):
        return tuple(f"q{level!r}" for level in loss.levels)
    return target.outputs


def separate_networks(target: Target, loss: Loss | Quantiles) -> tuple[str | None, ...]:
    """The networks that a loss learns, by the output that each is of: one per class of several, one
    per quantile, or (None,), one for all outputs."""
    outputs, losses = outputs_of(target, loss), fitted_apart(loss)
    classes = target.classes is not None and len(outputs) > 1 and not losses[0].couples
    return outputs if classes or len(losses) > 1 else (None,)
