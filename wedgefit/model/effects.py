"""Effects that add up: a network of neurons of at most two columns, as a baseline, an effect per
column and an effect per pair of columns.

f = t + Σ_j f_j(x_j) + Σ_{j<k} f_jk(x_j, x_k) is not unique as the hinges give it: a pair's hinges
hold most of its columns' single effects. Here the effects are *purified* over the product of the
columns' distributions in training: each has mean 0 over every one of its columns, and what a mean
takes away is an effect of the other column, or of the baseline. The mean of max(0, u + s) over the
values s of the other column is a piecewise-linear function of u, exact by one sort. The sum of all
effects is the network's output, to rounding (theory, section 6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from wedgefit.data.columns import Feature, raw_values
from wedgefit.data.distribution import Distribution
from wedgefit.data.encoding import Encoding
from wedgefit.data.table import Table
from wedgefit.engine.network import Network
from wedgefit.errors import NoEffects
from wedgefit.records import items

# Beside the heaviest, a weight of this relative size is what rounding left of zero.
ROUNDING = 1e-12
# Of more rows times neurons than this, importances are measured on every so-many-th row.
MOST_WORK = 20_000_000
# Beside the largest, an importance of this relative size is what rounding left of zero.
NEGLIGIBLE = 1e-10


@dataclass(frozen=True, eq=False)
class Source:
    """One column of the table: which features it gives, the states that it takes in training as
    values of these features (states, features), and their parts of the rows (states,)."""

    features: np.ndarray
    states: np.ndarray
    parts: np.ndarray


class Purified:
    """The effects of a network with one hidden layer, as functions of states of the columns.

    ``baseline`` (K,) is the mean of the output over the product of the distributions; ``columns``
    and ``pairs`` name by position what has an effect. Raises NoEffects where a neuron reads more
    than two columns.
    """

    def __init__(self, network: Network, sources: Sequence[Source]):
        self._sources = sources
        (weights, self._offsets), (self._coefficients, intercept) = network.layers
        self._normals = weights.T
        self._single: dict[int, list[int]] = {}
        self._joint: dict[tuple[int, int], list[int]] = {}
        for i, normal in enumerate(self._normals):
            read = _read(normal, sources)
            if len(read) > 2:
                raise NoEffects(
                    "there are no effects: a neuron reads more than two columns.",
                    remedy="Train with --order 2 for a model that is a sum of effects.",
                )
            if len(read) == 2:
                self._joint.setdefault(read, []).append(i)
            elif read:
                self._single.setdefault(read[0], []).append(i)
        self._means = {
            (i, c): _MeanOver(self._forms(i, c, sources[c].states), sources[c].parts)
            for pair, neurons in self._joint.items()
            for i in neurons
            for c in pair
        }
        self._center = np.zeros(len(self._offsets))
        for c, neurons in self._single.items():
            for i in neurons:
                heights = self._forms(i, c, sources[c].states) + self._offsets[i]
                self._center[i] = sources[c].parts @ np.maximum(heights, 0.0)
        for (j, k), neurons in self._joint.items():
            for i in neurons:
                forms = self._forms(i, j, sources[j].states) + self._offsets[i]
                self._center[i] = sources[j].parts @ self._means[i, k](forms)
        # A neuron that reads nothing is a constant.
        idle = ~np.any(self._normals, axis=1)
        self._center[idle] = np.maximum(self._offsets[idle], 0.0)
        self.baseline = intercept + self._center @ self._coefficients
        read = {*self._single, *(c for pair in self._joint for c in pair)}
        self.columns, self.pairs = tuple(sorted(read)), tuple(sorted(self._joint))

    def column(self, column: int, states: np.ndarray) -> np.ndarray:
        """The effect of a column, (n, K), where its features have these values (n, features)."""
        total = np.zeros((len(states), len(self.baseline)))
        for i in self._single.get(column, ()):
            height = np.maximum(self._forms(i, column, states) + self._offsets[i], 0.0)
            total += np.outer(height - self._center[i], self._coefficients[i])
        for pair, neurons in self._joint.items():
            if column in pair:
                total += self._other_one_away(pair, column, states)
                total -= self._center[neurons] @ self._coefficients[neurons]
        return total

    def pair(self, pair: tuple[int, int], first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The effect of a pair, (n, K), where the features of its columns have these values, (n,
        features) each."""
        total = np.zeros((len(first), len(self.baseline)))
        for i in self._joint[pair]:
            one, other = (self._forms(i, c, s) for c, s in zip(pair, (first, second)))
            height = np.maximum(one + other + self._offsets[i], 0.0)
            total += np.outer(height + self._center[i], self._coefficients[i])
        for column, states in zip(pair, (first, second)):
            distinct, row = _shared(states)
            total -= self._other_one_away(pair, column, distinct)[row]
        return total

    def _other_one_away(self, pair: tuple[int, int], column: int, states: np.ndarray) -> np.ndarray:
        """What the neurons of a pair give where one of its columns has these features (n,
        features), as the mean over the other one, (n, K)."""
        other = pair[0] if pair[1] == column else pair[1]
        total = np.zeros((len(states), len(self.baseline)))
        for i in self._joint[pair]:
            forms = self._forms(i, column, states) + self._offsets[i]
            total += np.outer(self._means[i, other](forms), self._coefficients[i])
        return total

    def _forms(self, neuron: int, column: int, states: np.ndarray) -> np.ndarray:
        """The part of a neuron's height that comes from a column, (n,)."""
        return states @ self._normals[neuron, self._sources[column].features]


class OfOneColumn:
    """The effect of a network of any depth that reads one column: its output, less the mean of that
    over training; by the names of ``Purified``."""

    def __init__(self, network: Network, sources: Sequence[Source]):
        self._network = network
        (source,) = sources
        self.baseline = source.parts @ network.forward(source.states)
        self.columns, self.pairs = (0,), ()

    def column(self, column: int, states: np.ndarray) -> np.ndarray:
        """The effect where the features of the column have these values (n, features), (n, K)."""
        return self._network.forward(states) - self.baseline


class _MeanOver:
    """The mean of max(0, u + s) over the values s (states,) with these parts, as a function of
    u."""

    def __init__(self, values: np.ndarray, parts: np.ndarray):
        order = np.argsort(values)
        self._values = values[order]
        tail = lambda terms: np.append(np.cumsum(terms[order][::-1])[::-1], 0.0)
        self._part, self._sum = tail(parts), tail(parts * values)

    def __call__(self, u: np.ndarray) -> np.ndarray:
        first = np.searchsorted(self._values, -u, side="right")
        return self._part[first] * u + self._sum[first]


def _shared(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ones of the states (n, features) of a column, ascending, and which of them every
    row has, (n,): a column of levels has few, and means of ascending numbers are found sooner."""
    distinct, row = np.unique(states, axis=0, return_inverse=True)
    return distinct, row.reshape(-1)


def _read(normal: np.ndarray, sources: Sequence[Source]) -> tuple[int, ...]:
    """The columns that a neuron reads, but for rounding: two rows with the same value in a column
    make a wedge of order 2 that reads the other column alone."""
    least = ROUNDING * np.abs(normal).max(initial=0.0)
    return tuple(
        c for c, source in enumerate(sources) if np.any(np.abs(normal[source.features]) > least)
    )


# By the names of the columns ----------------------------------------------------------------------

Key = tuple[str, ...]  # The column of an effect, or the two of a pair's.


class Effects:
    """The effects of a model with one hidden layer, or of one column, in the units of its output
    (of classes: on the score), by the names of their columns.

    ``baseline``: the mean prediction, by output; ``keys``: one name for the effect of a column, two
    for that of a pair, columns in the order of the table. ``distributions`` say over what each has
    mean 0.
    """

    def __init__(
        self, encoding: Encoding, seen: Sequence[Distribution], network: Network, outputs: Key
    ):
        self.encoding, self.outputs = encoding, outputs
        self.distributions = {part.column: part for part in seen}
        self._features = {
            column.name: [
                j for j, part in enumerate(encoding.features) if part.source == column.name
            ]
            for column in encoding.inputs
        }
        self.neurons = len(network.output.weights)
        self._inputs = {column.name: column for column in encoding.inputs}
        self._position = {name: c for c, name in enumerate(self._inputs)}
        sources = [self._source(name) for name in self._position]
        kind = Purified if len(network.layers) == 2 else OfOneColumn
        self._purified = kind(network, sources)
        self.baseline = dict(zip(outputs, self._purified.baseline.tolist()))
        names = list(self._position)
        single = [(names[c],) for c in self._purified.columns]
        self.keys = (*single, *((names[j], names[k]) for j, k in self._purified.pairs))

    def at(self, table: Table) -> dict[Key, np.ndarray]:
        """Every effect on every row, (n, outputs): with the baseline they add up to the scores."""
        return self.at_inputs(self.encoding.transform(table))

    def at_inputs(self, X: np.ndarray) -> dict[Key, np.ndarray]:
        """The same for rows as the network reads them, (n, d)."""
        states = {name: X[:, features] for name, features in self._features.items()}
        return {key: self.of_states(key, *(states[name] for name in key)) for key in self.keys}

    def of_states(self, key: Key, *states: np.ndarray) -> np.ndarray:
        """One effect where its columns are in these states, (n, features) each; (n, outputs)."""
        if len(key) == 2:
            return self._purified.pair((self._position[key[0]], self._position[key[1]]), *states)
        distinct, row = _shared(states[0])
        return self._purified.column(self._position[key[0]], distinct)[row]

    def ends(self, column: str) -> tuple[float, float]:
        """The smallest and the largest number that training saw of a column, as they count."""
        return self._inputs[column].seen

    def numbers(self, column: str, numbers: np.ndarray) -> np.ndarray:
        """The states of a column of numbers at these, (n, features)."""
        limited = self._inputs[column].limited
        states = np.zeros((len(numbers), len(self._features[column])))
        for k, feature in enumerate(self._own(column)):
            if feature.kind in ("number", "end"):
                raw = raw_values(feature, limited(np.asarray(numbers, float)), False)
                states[:, k] = (raw - feature.center) / feature.scale
        return states

    def gap(self, column: str) -> np.ndarray:
        """The state of a missing number, (1, features)."""
        states = self.numbers(column, np.array([self._inputs[column].fill]))
        states[:, [k for k, part in enumerate(self._own(column)) if part.kind == "missing"]] = 1.0
        return states

    def levels(self, column: str, levels: Sequence[str]) -> np.ndarray:
        """The states of a column of text at these levels, (n, features)."""
        own, known = self._own(column), self._inputs[column]
        groups = [known.groups.get(level, known.other) for level in levels]
        return np.array([[float(level == part.level) for part in own] for level in groups])

    def _own(self, column: str) -> list[Feature]:
        return [self.encoding.features[j] for j in self._features[column]]

    def _source(self, column: str) -> Source:
        seen = self.distributions[column]
        if seen.levels:
            states, parts = self.levels(column, seen.levels), seen.parts
        else:
            states = np.vstack([self.numbers(column, np.array(seen.values)), self.gap(column)])
            parts = (*seen.parts, seen.missing)
        return Source(np.array(self._features[column]), states, np.array(parts))


def deviations(effects: dict[Key, np.ndarray], weights: np.ndarray) -> dict[Key, np.ndarray]:
    """The standard deviation of every effect (n, K) over rows that count by their weights (n,)."""
    parts = weights / weights.sum()
    return {key: np.sqrt(parts @ (values - parts @ values) ** 2) for key, values in effects.items()}


@dataclass(frozen=True)
class Importance:
    """How far an effect moves the output: its standard deviation over the training rows."""

    columns: Annotated[tuple[str, ...], items(1), "The column that it is of, or the two of a pair."]
    importance: Annotated[
        float | dict[str, float], "In units of the output; of several outputs by their names."
    ]


def importances(
    effects: Effects, X: np.ndarray, weights: np.ndarray | None
) -> tuple[Importance, ...]:
    """The importance of every effect over the training rows X (n, d), whose weights (n,) count as
    repetitions; of very many rows over every so-many-th.

    The largest first; effects that are 0 on every row but for rounding are left out.
    """
    every = max(1, len(X) * effects.neurons // MOST_WORK)
    weights = np.ones(len(X)) if weights is None else weights
    found = deviations(effects.at_inputs(X[::every]), weights[::every])
    most = max((sizes.max() for sizes in found.values()), default=0.0)
    ranked = sorted(found.items(), key=lambda item: -float(item[1].max()))
    return tuple(
        Importance(
            key, float(sizes[0]) if len(sizes) == 1 else dict(zip(effects.outputs, sizes.tolist()))
        )
        for key, sizes in ranked
        if sizes.max() > NEGLIGIBLE * most
    )
