"""The fitted record: what was trained, on which rows it stands, how well; read and written as JSON,
used with numpy alone."""

import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from wedgefit import __version__
from wedgefit.data.encoding import Encoding
from wedgefit.data.table import Table
from wedgefit.engine.certificate import Certificate
from wedgefit.engine.dictionary import order_of
from wedgefit.engine.loss import class_probabilities
from wedgefit.engine.network import Network, unit_network
from wedgefit.errors import ModelFileError
from wedgefit.files import write_whole
from wedgefit.records import plain, read

REPORT_SCHEMA = "wedgefit.report/1"
MODEL_SCHEMA = "wedgefit.model/3"
# No number of a model is larger than this; sums and products of such numbers stay finite.
LARGEST = 1e300


@dataclass(frozen=True)
class Neuron:
    """One active wedge: the rows it passes through and the unit neuron in the units the solver saw.

    ``weights`` maps each column it reads to its weight (‖weights‖_p = 1); a neuron of a deeper
    layer reads neurons of the layer below, by the name ``unit_name(id)``, and its ``samples`` are
    the training rows whose activations it passes through. ``coefficient`` is its z: a number, or
    one per target where several share the neuron, or None in all layers but the last. ``output``
    names the class whose network it belongs to, None where there is only one network.
    ``active_rows``: how many training rows lie on its active side; ``share``: its part of the
    prediction's variation, directly or through the neurons that read it (the shares of every layer
    add up to 1).
    """

    id: int
    layer: int
    order: int
    columns: list[str]
    samples: list[int | str]
    weights: dict[str, float]
    bias: float
    coefficient: float | dict[str, float] | None
    output: str | None
    active_rows: int
    share: float


def unit_name(neuron_id: int) -> str:
    """What a deeper layer calls the neuron that it reads."""
    return f"neuron {neuron_id}"


@dataclass(frozen=True, eq=False)
class Model:
    """Everything needed to predict and explain: no training data but the anchor rows that the
    wedges pass through.

    ``data``, ``problem``, ``stages``, ``score``, ``notes`` are the report's words (see ``report``);
    ``intercept`` is a number, or one per output; ``anchors`` maps a row's id to its values in the
    units the solver saw, (d,) as a list; ``seconds`` is not written to the model file.

    A layer below the last one holds every neuron of its own stage's solution, read or not, and of
    their other faces those that the next layer reads: all other faces follow from these, so with
    the training data each stage can be certified again. A stage's ``coefficients`` are those that
    its certificate speaks of, by ``unit_name``, where they are not the network's own (in layers
    below the last, and in a refitted network); a neuron without one is such another face.
    """

    data: dict
    problem: dict
    certificate: Certificate
    stages: list[dict]
    score: dict
    intercept: float | dict[str, float]
    neurons: list[Neuron]
    anchors: dict[int | str, list[float]]
    encoding: Encoding
    notes: list[str] = field(default_factory=list)
    seconds: dict | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the network's outputs stand for."""
        return self.encoding.target.outputs

    def layer(self, number: int) -> list[Neuron]:
        """The neurons of one hidden layer, the first being 1, in the order in which the next layer
        counts them."""
        return [neuron for neuron in self.neurons if neuron.layer == number]

    @property
    def depth(self) -> int:
        """How many hidden layers there are."""
        return self.problem["layers"] - 1

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
        """The z of the last hidden layer, (m,), or (m, K) where there are K outputs."""
        last = self.layer(self.depth)
        table = np.zeros((len(last), len(self.outputs)))
        for row, neuron in zip(table, last):
            if isinstance(neuron.coefficient, dict):
                row[:] = [neuron.coefficient[name] for name in self.outputs]
            else:
                row[0 if neuron.output is None else self.outputs.index(neuron.output)] = (
                    neuron.coefficient
                )
        return table[:, 0] if len(self.outputs) == 1 else table

    @cached_property
    def network(self) -> Network:
        """The network of unit neurons."""
        intercept = (
            self.intercept
            if len(self.outputs) == 1
            else np.array([self.intercept[name] for name in self.outputs])
        )
        return unit_network(
            [self.units(number) for number in range(1, self.depth + 1)],
            self.coefficients,
            intercept,
        )

    def scores(self, table: Table) -> np.ndarray:
        """The network's output on a table, (n,) or (n, K)."""
        return self.network.forward(self.encoding.transform(table))

    def predict(self, table: Table) -> list:
        """Per row a number, a list of numbers for several targets, or the label of a class."""
        return self.decided(self.scores(table))

    def decided(self, scores: np.ndarray) -> list:
        """What these outputs predict. Of two classes the second where the output is positive, else
        the class of the largest."""
        classes = self.encoding.target.classes
        if classes is None:
            return scores.tolist()
        codes = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return [classes[code] for code in codes]

    def probabilities(self, scores: np.ndarray) -> np.ndarray | None:
        """The classes' probabilities given outputs, (n, classes); None unless the loss was
        logistic."""
        return class_probabilities(scores) if self.problem["loss"] == "logistic" else None

    def report(self) -> dict:
        """The JSON of ``train --json``."""
        samples = sorted(
            {sample for neuron in self.neurons for sample in neuron.samples}, key=row_order
        )
        return {
            "schema": REPORT_SCHEMA,
            "data": self.data,
            "problem": self.problem,
            "certificate": asdict(self.certificate),
            "stages": self.stages,
            "score": self.score,
            "intercept": self.intercept,
            "neurons": [asdict(neuron) for neuron in self.neurons],
            "samples": samples,
            "seconds": self.seconds,
            "version": __version__,
            "notes": self.notes,
        }

    def dumps(self) -> str:
        """The model file's text."""
        report = self.report()
        del report["seconds"]
        anchors = [{"id": row, "values": values} for row, values in self.anchors.items()]
        record = report | {
            "schema": MODEL_SCHEMA,
            "anchors": anchors,
            "encoding": plain(self.encoding),
        }
        return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike) -> None:
        """Write the file whole or not at all: to a temporary file beside it, then renamed."""
        write_whole(path, self.dumps())


def load(path: str | os.PathLike) -> Model:
    """Read a model file. Raises ModelFileError with one clear message for anything that ``save``
    did not write."""
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ModelFileError(
            "there is no such model file.",
            where=name,
            remedy="Train one first: wedgefit train DATA.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileError(f"the model file cannot be read ({error}).", where=name) from None
    try:
        return loads(text)
    except ModelFileError as error:
        raise ModelFileError(
            error.message, where=name, remedy=error.remedy or "Train the model again."
        ) from None


def loads(text: str) -> Model:
    """The model that ``dumps`` wrote. Raises ModelFileError."""
    try:
        record = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"this is not a model file ({error}).") from None
    if not isinstance(record, dict) or not str(record.get("schema", "")).startswith(
        "wedgefit.model/"
    ):
        raise ModelFileError("this is not a wedgefit model file.")
    if record["schema"] != MODEL_SCHEMA:
        message = f"the file has schema {record['schema']}, this version of wedgefit reads {MODEL_SCHEMA}."
        raise ModelFileError(
            message, remedy="Train the model again, or use the version that wrote it."
        )
    _check(record, _SHAPE, "the model")
    encoding = read(Encoding, record["encoding"], "encoding")
    neurons = [_known(Neuron, neuron) for neuron in record["neurons"]]
    anchors = {anchor["id"]: anchor["values"] for anchor in record["anchors"]}
    _check_problem(record["problem"], record["certificate"], encoding)
    _check_consistency(neurons, anchors, encoding, record["problem"], record["intercept"])
    _check_stages(record["stages"], neurons, encoding)
    certificate = _known(Certificate, record["certificate"])
    plain = {
        name: record[name] for name in ("data", "problem", "stages", "score", "intercept", "notes")
    }
    return Model(
        **plain, certificate=certificate, neurons=neurons, anchors=anchors, encoding=encoding
    )


# Checking a file ----------------------------------------------------------------------------------


class _Either(tuple):
    """Any one of these shapes."""


_NUMBER, _ROW = _Either((float, int)), _Either((int, str))
_OPTIONAL = _Either((float, int, type(None)))
_TEXT = _Either((str, type(None)))
_BOUNDS = {
    "objective": _NUMBER, "lower_bound": _NUMBER, "relative_gap": _NUMBER, "scope": str, "wedges_total": int,
    "wedges_priced": int, "network_lower_bound": _OPTIONAL, "network_relative_gap": _OPTIONAL,
}  # fmt: skip
_SHAPE = {
    "data": {
        "source": str, "rows": int, "columns": [str], "target": _Either((str, [str])), "task": str,
        "classes": _Either(([_Either((int, float, str))], type(None))), "outputs": [str],
        "id": _TEXT, "weight": _TEXT, "group": _TEXT, "rows_left_out": int, "left_out": [[str]],
    },
    "problem": {
        "loss": str, "alpha": _NUMBER, "alpha_max": _NUMBER, "norm": int, "order": _Either((int, str, [_Either((int, str))])), "layers": int,
        "hidden_bias": bool, "intercept": bool, "standardized": bool, "refined": bool, "refitted": bool,
        "class_weight": _TEXT, "range_dispersion": _OPTIONAL,
    },
    "certificate": _BOUNDS,
    "stages": [
        {
            "layer": int, "output": _TEXT, "status": str, "neurons": int, **_BOUNDS,
            "coefficients": _Either((type(None), {...: _Either((float, int, {...: _NUMBER}))})),
        }
    ],
    "score": dict,
    "intercept": _Either((float, int, {...: _NUMBER})),
    "neurons": [
        {
            "id": int, "layer": int, "order": int, "columns": [str], "samples": [_ROW], "weights": {...: _NUMBER}, "bias": _NUMBER,
            "coefficient": _Either((float, int, {...: _NUMBER}, type(None))), "output": _TEXT, "active_rows": int, "share": _NUMBER,
        }
    ],
    "samples": [_ROW],
    "version": str,
    "notes": [str],
    "anchors": [{"id": _ROW, "values": [_NUMBER]}],
    "encoding": dict,
}  # fmt: skip
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


def _check(value, shape, place: str) -> None:
    """Hold JSON data against a shape: a type, [items], {key: shape}, {...: shape for every value},
    or one of several."""
    if isinstance(shape, _Either):
        if not any(_fits(value, option) for option in shape):
            raise ModelFileError(
                f"{place} should be {' or '.join(map(_word, shape))}, not {_shortened(value)}."
            )
    elif isinstance(shape, type):
        if not _fits(value, shape):
            raise ModelFileError(f"{place} should be {_word(shape)}, not {_shortened(value)}.")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ModelFileError(f"{place} should be a list, not {_shortened(value)}.")
        for position, item in enumerate(value):
            _check(item, shape[0], f"{place}, item {position + 1}")
    else:
        _check_object(value, shape, place)


def _check_object(value, shape: dict, place: str) -> None:
    if not isinstance(value, dict):
        raise ModelFileError(f"{place} should be an object, not {_shortened(value)}.")
    if ... in shape:
        shape = dict.fromkeys(value, shape[...])
    if missing := [key for key in shape if key not in value]:
        raise ModelFileError(f"{place} lacks {', '.join(missing)}.")
    for key, inner in shape.items():
        _check(value[key], inner, f"{place}: {key}")


def _fits(value, shape) -> bool:
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if isinstance(shape, _Either):
        return any(_fits(value, option) for option in shape)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_fits(item, shape[...]) for item in value.values())
    # JSON has no limits: 1e400 is read as infinity, and a whole number may exceed every float.
    if isinstance(value, float | int) and not abs(value) < LARGEST:
        return False
    return type(value) is shape


def _word(shape) -> str:
    kind = type(shape) if isinstance(shape, list | dict) else shape
    return _WORDS[kind]


def _shortened(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _check_problem(problem: dict, certificate: dict, encoding: Encoding) -> None:
    """Values of which only some have a meaning."""
    width, classes = len(encoding.names), encoding.target.classes is not None
    if problem["layers"] < 2:
        raise ModelFileError(f"there should be at least 2 layers, not {problem['layers']}.")
    if isinstance(problem["order"], list) and len(problem["order"]) != problem["layers"] - 1:
        raise ModelFileError("the orders should be one, or one for each hidden layer.")
    for layer in range(1, problem["layers"] if isinstance(problem["order"], list) else 2):
        order, largest = order_of(problem["order"], layer), width if layer == 1 else LARGEST
        if order != "full" and not (isinstance(order, int) and 1 <= order <= largest):
            limit = f"1 to {width}" if layer == 1 else "a whole number from 1 up"
            raise ModelFileError(f'the order should be "full" or {limit}, not {_shortened(order)}.')
    for value, known, name in (
        (problem["norm"], (1, 2), "norm"),
        (certificate["scope"], ("exact", "sampled"), "scope"),
    ):
        if value not in known:
            raise ModelFileError(
                f"the {name} should be {known[0]} or {known[1]}, not {_shortened(value)}."
            )
    if problem["alpha"] <= 0:
        raise ModelFileError(f"alpha should be above zero, not {_shortened(problem['alpha'])}.")
    for name, possible in (("loss", ["squared", "logistic"]), ("class_weight", [None, "balanced"])):
        if problem[name] not in possible[: 1 + classes]:
            expected = " or ".join(map(_shortened, possible[: 1 + classes]))
            raise ModelFileError(
                f"the {name} of a {encoding.target.task} should be {expected}, not {_shortened(problem[name])}."
            )
    if problem["refitted"] and problem["loss"] != "squared":
        raise ModelFileError("only networks of the squared loss are refitted.")


def _check_consistency(
    neurons: list[Neuron], anchors: dict, encoding: Encoding, problem: dict, intercept
) -> None:
    """Names, rows and lengths that must agree with each other."""
    width, outputs = len(encoding.names), encoding.target.outputs
    for row, values in anchors.items():
        if len(values) != width:
            raise ModelFileError(f"anchor row {row} has {len(values)} values for {width} columns.")
    _expect_outputs(intercept, outputs, "the intercept")
    depth = problem["layers"] - 1
    if len({neuron.id for neuron in neurons}) < len(neurons) or any(
        not 1 <= neuron.layer <= depth for neuron in neurons
    ):
        raise ModelFileError("the neurons do not have distinct ids in the layers of the network.")
    if depth > 1 and not any(neuron.layer == depth for neuron in neurons):
        raise ModelFileError(f"there are {depth + 1} layers, and no neuron in the last hidden one.")
    readable: dict[tuple, set[str]] = {}
    for neuron in neurons:
        readable.setdefault((neuron.layer + 1, neuron.output), set()).add(unit_name(neuron.id))
    reaching = {neuron.output for neuron in neurons if neuron.layer == depth}
    for neuron in neurons:
        inputs = (
            set(encoding.names)
            if neuron.layer == 1
            else readable.get((neuron.layer, neuron.output), set())
        )
        _check_neuron(neuron, inputs, anchors, problem)
        _check_coefficient(neuron, encoding, last=neuron.layer == depth)
        if neuron.output not in reaching:
            raise ModelFileError(
                f"neuron {neuron.id} is in layer {neuron.layer}, and no last layer of {depth} follows."
            )


def _check_stages(stages: list[dict], neurons: list[Neuron], encoding: Encoding) -> None:
    """Coefficients that certificates speak of belong to neurons of their layer and network."""
    several_classes = encoding.target.classes is not None and len(encoding.target.outputs) > 1
    outputs = encoding.target.outputs[:1] if several_classes else encoding.target.outputs
    own: dict[tuple, set[str]] = {}
    for neuron in neurons:
        own.setdefault((neuron.layer, neuron.output), set()).add(unit_name(neuron.id))
    for stage in stages:
        for name, value in (stage["coefficients"] or {}).items():
            if name not in own.get((stage["layer"], stage["output"]), ()):
                raise ModelFileError(
                    f"the certificate of layer {stage['layer']} has a coefficient of {name}, which is not there."
                )
            _expect_outputs(
                value,
                outputs,
                f"the coefficient of {name} in the certificate of layer {stage['layer']}",
            )


def _check_neuron(neuron: Neuron, readable: set[str], anchors: dict, problem: dict) -> None:
    order = order_of(problem["order"], neuron.layer)
    widest = len(readable) if order == "full" else order
    if unknown := [name for name in neuron.weights if name not in readable]:
        raise ModelFileError(
            f"neuron {neuron.id} reads a column that the model does not have: {unknown[0]}."
        )
    if set(neuron.weights) != set(neuron.columns) or not any(neuron.weights.values()):
        raise ModelFileError(
            f"neuron {neuron.id} does not have one weight for each of its columns, not all zero."
        )
    if absent := [row for row in neuron.samples if row not in anchors]:
        raise ModelFileError(
            f"neuron {neuron.id} passes through row {absent[0]}, whose values are not stored."
        )
    if not neuron.order == len(neuron.columns) <= widest:
        raise ModelFileError(
            f"neuron {neuron.id} reads {len(neuron.columns)} columns, which does not fit its order."
        )
    anchored = neuron.order if problem["hidden_bias"] else neuron.order - 1
    refined = problem["refined"] and len(neuron.samples) == int(problem["hidden_bias"])
    if len(neuron.samples) != anchored and not refined:
        raise ModelFileError(
            f"neuron {neuron.id} passes through {len(neuron.samples)} rows, not {anchored}."
        )


def _check_coefficient(neuron: Neuron, encoding: Encoding, last: bool) -> None:
    """In the last layer: of one network a number, or one per target; of a network per class a
    number and the class."""
    outputs = encoding.target.outputs
    several_classes = encoding.target.classes is not None and len(outputs) > 1
    if several_classes != (neuron.output is not None) or (
        several_classes and neuron.output not in outputs
    ):
        raise ModelFileError(f"neuron {neuron.id} belongs to no output of the model.")
    if not last and neuron.coefficient is not None:
        raise ModelFileError(
            f"neuron {neuron.id} has a coefficient, but it is not in the last hidden layer."
        )
    if last:
        _expect_outputs(
            neuron.coefficient,
            outputs[:1] if several_classes else outputs,
            f"the coefficient of neuron {neuron.id}",
        )


def _expect_outputs(value, outputs: tuple[str, ...], place: str) -> None:
    fits = (
        isinstance(value, float | int)
        if len(outputs) == 1
        else isinstance(value, dict) and set(value) == set(outputs)
    )
    if not fits:
        raise ModelFileError(
            f"{place} should be {'a number' if len(outputs) == 1 else 'one number per output'}."
        )


def _known(record: type, values: dict):
    """The record from the keys that it has; keys of later versions are left aside."""
    return record(**{part.name: values[part.name] for part in fields(record)})


def _no_constant(name: str):
    raise ValueError(f"{name} is not a number")


def row_order(row: int | str) -> tuple:
    """A key that sorts row ids: numbers by size, then texts."""
    return (isinstance(row, str), row)
