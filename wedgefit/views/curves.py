"""What the wedges of single columns add to the output together: curves of numbers, values of
levels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from math import fsum

import numpy as np

from wedgefit.data.columns import RARE, InputColumn
from wedgefit.model.parts import Neuron, row_order
from wedgefit.model.record import Model
from wedgefit.views.units import ROUNDING, Hinge, inputs_at, outputs_of, part, sum_at


def curve_records(model: Model, units: dict[int, Hinge]) -> Iterator[dict]:
    """Per output and column what its wedges of order 1 add to the output together. None of a deep
    network.

    Of a numeric column: the ``knots`` (where, the value there, the rows that the kink passes
    through), the slopes ``below`` the first and ``above`` the last, and the value for a ``missing``
    cell. Of a text column: the value of each level.
    """
    if model.depth > 1:
        return
    for output in model.outputs:
        for column in model.encoding.inputs:
            own = {
                feature.name for feature in model.encoding.features if feature.source == column.name
            }
            neurons = [
                neuron
                for neuron in model.neurons
                if output in outputs_of(model, neuron)
                and len(reads := units[neuron.id].reads) == 1
                and reads.keys() <= own
            ]
            if neurons:
                sum_ = _Sum(model, output, column, neurons)
                shape = _levels(sum_) if column.kind == "category" else _piecewise(sum_, units)
                yield {
                    "column": column.name,
                    "output": output,
                    "kind": column.kind,
                    "neurons": [neuron.id for neuron in neurons],
                    "importance": fsum(neuron.share for neuron in neurons),
                } | shape


@dataclass(frozen=True)
class _Sum:
    """What some neurons that read one column add to an output."""

    model: Model
    output: str
    column: InputColumn
    neurons: list[Neuron]

    @property
    def ends(self) -> list[float]:
        """The ends of the column that are told apart by neurons here."""
        read = {
            name for neuron in self.neurons for name, weight in neuron.weights.items() if weight
        }
        features = self.model.encoding.features
        return [part.at for part in features if part.kind == "end" and part.name in read]

    def at(self, numbers: Sequence[float], missing: bool = False) -> list[float]:
        """At these numbers, which may stand for missing cells."""
        values = {self.column.name: np.array(numbers, dtype=float)}
        for feature in self.model.encoding.features:
            if (feature.source, feature.kind) == (self.column.name, "missing"):
                values[feature.name] = np.full(len(numbers), float(missing))
        return self._sum(values)

    def of(self, levels: Sequence[str]) -> list[float]:
        """At these levels."""
        values = {
            feature.name: np.array([float(level == feature.level) for level in levels])
            for feature in self.model.encoding.features
            if feature.source == self.column.name
        }
        return self._sum(values)

    def _sum(self, values: dict[str, np.ndarray]) -> list[float]:
        X = inputs_at(self.model, values)
        return sum_at(self.model, self.neurons, self.output, X).tolist()


def _levels(sum_: _Sum) -> dict:
    levels = [*sum_.column.levels, *([RARE] if sum_.column.rare else [])]
    return {"levels": dict(zip(levels, sum_.of(levels)))}


def _piecewise(sum_: _Sum, units: dict[int, Hinge]) -> dict:
    column, name = sum_.column, sum_.column.name
    readers = [neuron for neuron in sum_.neurons if name in units[neuron.id].reads]
    kinks = [(-units[neuron.id].bias / units[neuron.id].reads[name], neuron) for neuron in readers]
    span = max((abs(at) for at, _ in kinks), default=0.0)
    places: dict[float, set] = {}
    last = -math.inf
    for at, neuron in sorted(kinks, key=lambda kink: kink[0]):
        # Two hinges through one row, or through rows of one value, differ by rounding only.
        last = at if at - last > ROUNDING * span or not places else last
        places.setdefault(last, set()).update(neuron.samples)
    for end in sum_.ends:
        # There the sum leaps, on either side.
        for at in (math.nextafter(end, -math.inf), end, math.nextafter(end, math.inf)):
            places.setdefault(at, set())
    places = places or {column.fill: set()}
    # Where all beyond an end counts as it, the curve stays there; elsewhere it is told as far as
    # numbers count as themselves.
    stays = [end is not None and end[0] == end[1] for end in column.ends]
    for limit in compress(column.limits, stays):
        places.setdefault(limit, set())
    at = sorted(places)
    slopes = [
        (neuron.weights[name], units[neuron.id].rescaled(part(neuron, sum_.output)))
        for neuron in readers
    ]
    return {
        "knots": [
            {"at": x, "value": value, "samples": sorted(places[x], key=row_order)}
            for x, value in zip(at, sum_.at(at))
        ],
        "below": 0.0 if stays[0] else _slope(slopes, -1),
        "above": 0.0 if stays[1] else _slope(slopes, 1),
        "missing": sum_.at([column.fill], missing=True)[0],
    }


def _slope(slopes: list[tuple[float, float]], side: int) -> float:
    """Per original unit, of the hinges (weight, coefficient) that rise on this side, on which their
    largest weight, 1, is their only one."""
    return sum(side * coefficient for weight, coefficient in slopes if side * weight > 0)


def curve_values(curve: dict, grid: Sequence[float] | np.ndarray) -> np.ndarray:
    """The curve of a numeric column at these places, (k,); NaN beyond knots where the slope leaves
    float64."""
    grid = np.asarray(grid)
    at, values = (np.array([knot[part] for knot in curve["knots"]]) for part in ("at", "value"))
    total = np.interp(grid, at, values)
    for slope, beyond in (
        (curve["below"], np.minimum(grid - at[0], 0.0)),
        (curve["above"], np.maximum(grid - at[-1], 0.0)),
    ):
        total = total + np.where(beyond == 0, 0.0, math.nan if slope is None else slope) * beyond
    return total
