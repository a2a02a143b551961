"""Small models of every kind, each trained once and only if it is asked for: what exports, schema
and other readers of models have to cope with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import once

from wedgefit.data.cells import Column
from wedgefit.data.table import Table
from wedgefit.model.build import Options, train
from wedgefit.model.parts import unit_name
from wedgefit.model.record import Model
from wedgefit.watch import Silent

# Names and levels that mean something to SQL, Python or a shell.
NASTY = [
    'say "hi"',
    "O'Brien\\",
    "--",
    "); DROP TABLE data;--",
    "%s {0} ${x}",
    "select",
    "naïve Ω😀",
    'x"""\nimport os',
    "'''",
    "\\",
]


def with_targets(a, b, value, rng):
    """A table of two columns, a weight, and what a value gives: two classes, three, and itself."""
    classes = np.digitize(value, np.quantile(value, [0.3, 0.6]))
    columns = {"w": rng.integers(1, 4, size=len(value)).astype(float), "a": a, "b": b}
    columns["two"] = np.where(value > np.median(value), "up", "down").astype(object)
    columns["three"] = np.array(["p", "q", "r"], dtype=object)[classes]
    return table_of(columns | {"y": value})


def table_of(columns, source="t.csv"):
    """A table from arrays: object arrays are text."""
    rows = len(next(iter(columns.values())))
    typed = {
        name: Column(name, "category" if values.dtype == object else "numeric", values)
        for name, values in columns.items()
    }
    return Table(source, ",", list(range(1, rows + 1)), np.arange(2, rows + 2), typed)


def mixed(rows=60, seed=0, names=("a", "b", "town"), levels=("Bonn", "Köln", "Ulm", "Hof")):
    """Numbers, numbers with gaps, and text with gaps and rare levels."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(5, 2, size=rows)
    town = rng.choice(
        np.array([*levels[:3], None], dtype=object), p=[0.4, 0.3, 0.2, 0.1], size=rows
    )
    signal = np.abs(a) + 0.3 * b + (town == levels[2]) - 2.0 * np.isin(town, [None])
    b[3::8] = np.nan
    town[5], town[6], town[7] = levels[3], "(rare)", "(missing)"
    return dict(zip(names, (a, b, town))), signal


class Kinds(Mapping):
    """Models by name, each trained when it is first asked for."""

    def __init__(self, recipes: dict[str, Callable[["Kinds"], Model]]):
        self._recipes, self._trained = recipes, {}

    def __getitem__(self, name: str) -> Model:
        if name not in self._trained:
            self._trained[name] = once.made(
                f"model of kind {name}", lambda: self._recipes[name](self)
            )
        return self._trained[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)


@cache
def kinds() -> Kinds:
    """One model per kind, by name."""
    columns, signal = mixed()
    y, high = {"y": signal}, signal > np.median(signal)
    one = {"t": np.linspace(-3, 3, 40)}
    third = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    labels = {"y": np.array(["low", "mid", "high"], dtype=object)[third]}
    hostile, strange = mixed(names=NASTY[:3], levels=[NASTY[3], NASTY[9], NASTY[1], NASTY[6]])
    hostile |= {NASTY[7]: columns["a"] ** 2, "order": columns["a"][::-1].copy()}
    two = {"y": np.where(high, "up", "down").astype(object)}
    halves = {"y": third + 0.5}
    square = {"a": columns["a"], "c": columns["a"] ** 2}
    plainly = {"standardize": False, "intercept": False}
    squared = {"task": "classification", "loss": "squared"}
    return Kinds(
        {
            "one column": lambda made: trained(one | {"y": np.abs(one["t"])}),
            "mixed": lambda made: trained(columns | y),
            "folds": lambda made: trained(columns | y, intervals=True, cv=2),
            "far out": lambda made: trained(slipped(columns) | y),
            "taken apart": lambda made: trained(heavy(columns) | labels, robust="on"),
            "as they are": lambda made: trained(columns | y, **plainly),
            "no neurons": lambda made: trained(columns | y, alpha_ratio=2.0),
            "norm 2": lambda made: trained(square | y, norm=2, refine=True),
            "counts": lambda made: trained(
                columns | {"y": np.round(np.abs(signal))}, loss="poisson"
            ),
            "amounts": lambda made: trained(columns | {"y": np.exp(signal)}, loss="gamma"),
            "robust": lambda made: trained(columns | y, loss="huber"),
            "quantile": lambda made: trained(columns | y, loss="quantile", quantile=0.9),
            "several quantiles": lambda made: trained(
                columns | y, order=1, loss="quantile", quantile=(0.2, 0.3, 0.9)
            ),
            "increasing": lambda made: trained(columns | y, increasing=("a",), convex=("b",)),
            "ridges that fall": lambda made: trained(columns | y, decreasing=("b",), order=2),
            "pairs": lambda made: trained(columns | y, pairs=("town:a",)),
            "two classes": lambda made: trained(columns | two),
            "two numbers as classes": lambda made: trained(columns | {"y": high.astype(float)}),
            "two classes, squared": lambda made: trained(columns | two, loss="squared"),
            "two classes, in steps": lambda made: trained(
                columns | two, calibrate="isotonic", cv=2
            ),
            "two classes, threshold": lambda made: trained(columns | two, threshold=0.3),
            "three classes": lambda made: trained(columns | labels, loss="logistic"),
            "three classes, shared": lambda made: trained(columns | labels, loss="softmax"),
            "three classes, in steps": lambda made: trained(
                columns | labels, calibrate="isotonic", cv=2
            ),
            "three numbers as classes, squared": lambda made: trained(columns | halves, **squared),
            "three classes, no neurons": lambda made: trained(columns | labels, alpha_ratio=2.0),
            "two targets": lambda made: two_targets(made["mixed"]),
            "hostile": lambda made: trained(hostile | {"'; --": strange}),
            "hostile classes": lambda made: trained(
                hostile | {'y"': np.array(NASTY, dtype=object)[third]}
            ),
            "deep": lambda made: deepened(made["mixed"], 2),
            "deep classes": lambda made: deepened(made["three classes"], 1),
            "deep targets": lambda made: deepened(made["two targets"], 1),
        }
    )


def trained(columns, alpha_ratio=0.1, **options) -> Model:
    return train(table_of(columns), Options(alpha_ratio=alpha_ratio, tol=1e-3, **options), Silent())


def slipped(columns):
    """The columns with cells out of sight: in "a" on both sides, in "b" on one."""
    a, b = columns["a"].copy(), columns["b"].copy()
    a[[0, 1]], b[2] = (1e9, -1e12), 1e300
    return columns | {"a": a, "b": b}


def heavy(columns):
    """The columns with heavy tails: "a" on both sides, "b" on one, and zero in many rows."""
    some = np.exp(columns["b"] / 2)
    some[columns["b"] < 4] = 0.0
    return columns | {"a": np.sinh(2 * columns["a"]), "b": some}


def two_targets(model: Model) -> Model:
    """The model with a second target, half as large: what neurons shared by several targets look
    like."""
    names = ("y", "z")
    shared = lambda value: dict(zip(names, (value, -0.5 * value)))
    return replace(
        model, importances=(), intercept=shared(model.intercept),
        data=replace(model.data, target=tuple(names), outputs=tuple(names)),
        neurons=[
            replace(neuron, coefficient=shared(neuron.coefficient)) for neuron in model.neurons
        ],
        encoding=replace(model.encoding, target=replace(model.encoding.target, names=names)),
    )  # fmt: skip


def deepened(model: Model, layers: int) -> Model:
    """The model with more hidden layers of made-up neurons: what a deep model looks like, trained
    or not."""
    rng = np.random.default_rng(0)
    for _ in range(layers):
        model = _with_layer(model, rng)
    return model


def _with_layer(model: Model, rng) -> Model:
    depth, first = model.depth, max(neuron.id for neuron in model.neurons)
    below = [
        replace(neuron, coefficient=None) if neuron.layer == depth else neuron
        for neuron in model.neurons
    ]
    added = []
    for output in dict.fromkeys(neuron.output for neuron in model.layer(depth)):
        group = [neuron for neuron in model.layer(depth) if neuron.output == output]
        for read, other in zip(group, group[1:] + group[:1]):
            columns = list(dict.fromkeys([unit_name(read.id), unit_name(other.id)]))
            weights = rng.normal(size=len(columns))
            weights = dict(zip(columns, (weights / np.abs(weights).sum()).tolist()))
            samples = list(model.anchors)[: len(columns)]
            added.append(
                replace(
                    read, id=first + len(added) + 1, layer=depth + 1,
                    order=len(columns), columns=columns, samples=samples,
                    weights=weights, bias=float(rng.normal()),
                )
            )  # fmt: skip
    problem = replace(model.problem, layers=model.problem.layers + 1)
    stages = (
        *model.stages,
        *(replace(stage, layer=depth + 1) for stage in model.stages if stage.layer == depth),
    )
    return replace(model, problem=problem, stages=stages, neurons=[*below, *added], importances=())
