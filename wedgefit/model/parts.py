"""Parts of the fitted record: data and problem, certificates of stages, scores, neurons."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np

from wedgefit.data.settings import SHAPES
from wedgefit.engine.certificate import Certificate
from wedgefit.learning.calibrating import Isotonic, Line
from wedgefit.learning.scores import CurvePoint, MeanAndError
from wedgefit.learning.settings import LOSS_NAMES
from wedgefit.records import DISTINCT, FLAT, Rule, above, at_least, below, entries, items

# No number of the network is larger than this; sums and products of such numbers stay finite.
LARGEST = 1e300
SIZE = Rule(
    f"of at most {LARGEST:g}",
    lambda number: abs(number) <= LARGEST,
    {"minimum": -LARGEST, "maximum": LARGEST},
)
Number = Annotated[float, SIZE]
# A number, or one for each output by its name.
PerOutput = Number | Annotated[dict[str, Number], entries(2)]
RowId = int | str
LayerOrder = Literal["full"] | Annotated[int, at_least(1)]
# What a problem keeps of the options word for word: its field, by the name among the options.
KEPT = {
    "norm": "norm",
    "bias": "hidden_bias",
    "intercept": "intercept",
    "standardize": "standardized",
    "refine": "refined",
    "refit": "refitted",
    "class_weight": "class_weight",
    "shapes": "shapes",
}
# What an option of training may be.
Told = bool | int | float | str | tuple[int | float | str, ...] | tuple[tuple[str, str], ...] | None
Level = Annotated[float, above(0), below(1)]


@dataclass(frozen=True, kw_only=True)
class Data:
    """The table that the model was trained on, and the roles of its columns."""

    source: str
    rows: Annotated[int, at_least(1), "Rows that the model was trained on."]
    columns: Annotated[tuple[str, ...], "The features, in the order of the encoding."]
    target: str | Annotated[tuple[str, ...], items(2)]
    task: Literal["regression", "classification"]
    classes: tuple[str, ...] | tuple[int | float, ...] | None
    outputs: Annotated[
        tuple[str, ...],
        items(1),
        "What the network's outputs stand for: the targets; the second of two classes; every one "
        'of more classes; of several quantiles each, like "q0.9".',
    ]
    id: Annotated[str | None, "The column that names the rows."]
    weight: Annotated[str | None, "The column of weights."]
    group: Annotated[str | None, "The column of groups."]
    exposure: Annotated[str | None, "The column that says how long each row was counted."] = None
    time: Annotated[str | None, "The column of times."] = None
    delimiter: str | None = None
    rows_left_out: Annotated[int, at_least(0)]
    left_out: Annotated[
        tuple[tuple[str, str], ...], "Columns without a feature, each with the reason."
    ]


@dataclass(frozen=True)
class ProblemRecord:
    """What was solved."""

    loss: Literal[LOSS_NAMES]
    alpha: Annotated[float, above(0), "Strength of regularisation."]
    alpha_max: Annotated[float, at_least(0), "The smallest alpha without any neuron."]
    norm: Annotated[Literal[1, 2], "Of the hidden weights."]
    order: Annotated[
        LayerOrder | Annotated[tuple[LayerOrder, ...], items(1)],
        "Most columns that one neuron reads; a list has one for each hidden layer.",
    ]
    layers: Annotated[
        int, at_least(2), "2: one hidden layer; more: each hidden layer reads the one below it."
    ]
    hidden_bias: bool
    intercept: bool
    standardized: bool
    refined: Annotated[bool, "Whether neurons may be no wedges."]
    refitted: Annotated[bool, "Whether the coefficients were fitted again without a penalty."]
    class_weight: Literal["balanced"] | None
    range_dispersion: float | None
    quantile: Annotated[
        Level | Annotated[tuple[Level, ...], items(2), DISTINCT] | None,
        "The part of the rows below the prediction; of several, ascending, each has a network.",
    ] = None
    huber_delta: Annotated[
        Annotated[float, above(0)] | None, "The residual from which on Huber's loss is a line."
    ] = None
    calibration: Annotated[
        Line | Isotonic | None,
        "By rows held out: the line that the outputs were put on, or the steps that they pass.",
    ] = None
    floor: Annotated[
        float,
        "The smallest loss that any outputs have on the rows: gaps are relative to what "
        "objectives have above it.",
    ] = 0.0
    robust: Annotated[
        bool, "Whether columns of numbers are taken apart: tails clipped, ends told apart."
    ] = False
    shapes: Annotated[
        dict[str, Annotated[tuple[Literal[SHAPES], ...], items(1), DISTINCT]],
        "What the network is in these columns, by construction: it is the best of all that are.",
    ] = field(default_factory=dict)
    pairs: Annotated[
        tuple[tuple[str, str], ...] | None,
        "The pairs of input columns that neurons may read together; null: all. Levels and gaps of "
        "one column may always be.",
    ] = None

    @property
    def apart(self) -> bool:
        """Whether the certificate speaks of other coefficients than the network's own: of those
        before they were refitted, or put on a line."""
        return self.refitted or isinstance(self.calibration, Line)


@dataclass(frozen=True)
class Stage:
    """The certificate of one hidden layer of one network.

    ``coefficients`` are those that it speaks of, by ``unit_name``, where they are not the network's
    own (in layers below the last, and in a refitted network); a neuron without one is another face
    that the next layer reads. ``penalty`` is their part of the objective.
    """

    layer: Annotated[int, at_least(1)]
    output: Annotated[str | None, "The class or quantile whose network it belongs to."]
    status: Literal["converged", "stalled", "stopped"]
    neurons: Annotated[int, at_least(0)]
    certificate: Annotated[Certificate, FLAT]
    coefficients: Annotated[
        dict[str, PerOutput] | None,
        "Those that the certificate speaks of, by the name of the neuron, where they are not the "
        "network's own: in layers below the last, and in a network that was refitted or put on "
        "a line.",
    ]
    penalty: Annotated[float | None, "The part of the objective that is no loss."] = None


@dataclass(frozen=True)
class Selection:
    """How alpha was chosen: by which rule and score, in how many folds, solved to which gap."""

    rule: str
    scoring: str
    folds: Annotated[int, at_least(1)]
    relative_gap: Annotated[float, at_least(0)]


@dataclass(frozen=True)
class Score:
    """Scores by name: on the training rows, and over the folds where alpha was chosen by them.

    ``baseline``: what the best constant has on the training rows; a file of an older version has
    none."""

    train: dict[str, float | None]
    cv: dict[str, MeanAndError | None] | None = None
    curve: Annotated[tuple[CurvePoint, ...], items(1)] | None = None
    selection: Selection | None = None
    baseline: Annotated[
        dict[str, float | None] | None, "Those of the best constant on the training rows."
    ] = None


@dataclass(frozen=True)
class AllLayers:
    """What is proven of all layers together, of networks of one column whose deeper neurons read
    one neuron each: none of three layers or more has an objective below ``lower_bound``, of several
    networks (one per class) the sum."""

    lower_bound: Annotated[float, "No such network, of whatever depth and width, is below."]
    relative_gap: Annotated[float, "The part of the objective that could still be gained."]


@dataclass(frozen=True)
class Neuron:
    """One active wedge: coefficient · max(0, weights · columns + bias).

    ``weights`` maps each column it reads to its weight in the units the solver saw (‖weights‖_p =
    1); a neuron of a deeper layer reads neurons of the layer below, by the name
    ``unit_name(id)``, and its ``samples`` are the training rows whose activations it passes
    through. ``coefficient`` is its z: a number, or one per target where several share the neuron,
    or None in all layers but the last. ``output`` names the class or quantile whose network it
    belongs to, None where there is only one network. ``active_rows``: how many training rows lie on
    its active side; ``share``: its part of the prediction's variation, directly or through the
    neurons that read it (the shares of every layer add up to 1).
    """

    id: Annotated[int, at_least(1)]
    layer: Annotated[int, at_least(1), "1 reads the features."]
    order: Annotated[int, at_least(1), "How many columns it reads."]
    columns: Annotated[
        list[str], items(1), DISTINCT, 'Their names; in deeper layers "neuron ID" of the one below.'
    ]
    samples: Annotated[list[RowId], "The rows that it passes through."]
    weights: Annotated[dict[str, Number], entries(1), "By column; their norm is 1."]
    bias: Number
    coefficient: Annotated[
        PerOutput | None, "z: a number, or one per target; null below the last hidden layer."
    ]
    output: Annotated[
        str | None,
        "The class or quantile whose network it belongs to; null where there is one network.",
    ]
    active_rows: Annotated[int, at_least(0)]
    share: Annotated[float, "Its part of the prediction's variation."]


def unit_name(neuron_id: int) -> str:
    """What a deeper layer calls the neuron that it reads."""
    return f"neuron {neuron_id}"


@dataclass(frozen=True)
class Anchor:
    """A row that wedges pass through: its values in the order of the features, as the solver saw
    them."""

    id: RowId
    values: tuple[Number, ...]


def values_of(value: PerOutput, outputs: Sequence[str]) -> list[float]:
    """A number, or one for each of these outputs, as a list (K,)."""
    return [value[name] for name in outputs] if isinstance(value, dict) else [value]


def per_output(values: np.ndarray, outputs: Sequence[str]) -> PerOutput:
    """What ``values_of`` reads: values (K,) as a number, or one for each of the outputs by its
    name."""
    numbers = values.tolist()
    return numbers[0] if len(numbers) == 1 else dict(zip(outputs, numbers))


def row_order(row: RowId) -> tuple:
    """A key that sorts row ids: numbers by size, then texts."""
    return (isinstance(row, str), row)
