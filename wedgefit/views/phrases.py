"""Hinges, sides and sums in words: for reading, not for computing."""

import math
from collections.abc import Sequence

from wedgefit.model.parts import Neuron, unit_name
from wedgefit.model.record import Model
from wedgefit.views.units import Hinge, hinges, intercept_of
from wedgefit.views.words import unmistaken

# A formula of more hinges than this, per output (those that outputs share are written for each), is
# no longer readable.
LONGEST_FORMULA = 12


def limit_texts(explanation: dict) -> list[str]:
    """Per column whose numbers count as an end as soon as they lie beyond it: "Fare counts as at
    most 263". Only older models have such columns; others reach far beyond what they saw."""
    words = {
        name: [
            f"at {least} {limit:.10g}"
            for least, limit, reach in zip(("least", "most"), pair, explanation["reach"][name])
            if limit is not None and limit == reach
        ]
        for name, pair in explanation["limits"].items()
    }
    return [f"{name} counts as {' and '.join(ends)}" for name, ends in words.items() if ends]


def hinge_texts(model: Model, digits: int = 4) -> list[str]:
    """The hinges of the last hidden layer in original units, in the order of the neurons."""
    units = hinges(model)
    return [hinge_text(units[neuron.id], digits=digits) for neuron in model.layer(model.depth)]


def side(model: Model, neuron: Neuron, hinge: Hinge) -> str:
    """On which side of what the hinge is active: "above the line", of which the first column goes
    across and the second up."""
    name, weight = list(hinge.reads.items())[-1]
    above = "above" if weight > 0 else "below"
    kinds = {feature.name: feature.kind for feature in model.encoding.features}
    if len(hinge.reads) == 1:
        if kinds.get(name) not in ("level", "missing"):
            return above
        return name if weight > 0 else f"not {name}"
    expected = neuron.order - (not model.problem.hidden_bias)
    thing = {2: "line", 3: "plane"}.get(len(hinge.reads), "hyperplane")
    return f"{above} {'the' if len(neuron.samples) == expected else 'a'} {thing}"


def where(model: Model, neuron: Neuron, hinge: Hinge) -> str:
    """The same with the rows: "above the line through rows 12 and 57"."""
    here = side(model, neuron, hinge)
    if len(hinge.reads) == 1 and here not in ("above", "below"):
        return here
    through = [row_words(neuron.samples)] if neuron.samples else []
    if not model.problem.hidden_bias:
        means = model.problem.standardized and neuron.layer == 1
        through.append("the means" if means else "the origin")
    return f"{here} {'through ' if len(hinge.reads) > 1 else ''}{' and '.join(through)}"


def row_words(samples: Sequence[int | str]) -> str:
    """``rows 12, 57 and 90``."""
    *first, last = map(str, samples)
    return f"rows {', '.join(first)} and {last}" if first else f"row {last}"


def hinge_text(hinge: Hinge, names: dict[str, str] | None = None, digits: int = 4) -> str:
    """``max(0, age − 0.5·bmi + 3)``, to so many digits: for reading, not for computing. ``names``:
    what to write for an input."""
    names = names or {}
    parts = [(weight, names.get(name, unmistaken(name))) for name, weight in hinge.reads.items()]
    return f"max(0, {linear_text(parts, hinge.bias, digits=digits)})"


def coefficient_for(term: dict, output: str) -> float:
    """The coefficient of a term's hinge in one output; 0 of a term that only feeds deeper
    layers."""
    coefficient = term["hinge"]["coefficient"]
    if isinstance(coefficient, dict):
        return coefficient[output]
    return coefficient if coefficient is not None and term["output"] in (None, output) else 0.0


def formula(model: Model, terms: list[dict]) -> str | None:
    """One equation per output and line, the layers put into each other; None where it would be too
    long to read, or a number leaves float64."""
    units = hinges(model)
    size: dict[str, int] = {}
    for neuron in sorted(model.neurons, key=lambda neuron: neuron.layer):
        size[unit_name(neuron.id)] = 1 + sum(size.get(name, 0) for name in units[neuron.id].reads)
    last = [term for term in terms if term["layer"] == model.depth]
    written = (
        size[unit_name(term["id"])]
        for term in last
        for output in model.outputs
        if coefficient_for(term, output)
    )
    if sum(written) > LONGEST_FORMULA * len(model.outputs):
        return None
    if any(
        not math.isfinite(coefficient_for(term, output))
        for term in last
        for output in model.outputs
    ):
        return None
    # Only the short ones are written out: text put into text grows without limit.
    texts: dict[str, str] = {}
    for neuron in sorted(model.neurons, key=lambda neuron: neuron.layer):
        if size[unit_name(neuron.id)] <= LONGEST_FORMULA * len(model.outputs):
            texts[unit_name(neuron.id)] = hinge_text(units[neuron.id], texts)
    return "\n".join(_equation(model, output, last, texts) for output in model.outputs)


def _equation(model: Model, output: str, terms: list[dict], texts: dict[str, str]) -> str:
    parts = [
        (factor, texts[unit_name(term["id"])])
        for term in terms
        if (factor := coefficient_for(term, output))
    ]
    name = output if model.encoding.target.classes is None else f"score of {output}"
    name = f"log {output}" if model.scale == "log" else name
    return f"{name} = {linear_text(parts, intercept_of(model, output), constant_first=True)}"


def linear_text(
    parts: list[tuple[float, str]], constant: float, constant_first: bool = False, digits: int = 4
) -> str:
    """A sum of factor·name terms and a constant, with proper signs and factors of one left out."""
    products = [
        (factor, name if f"{abs(factor):.{digits}g}" == "1" else f"{abs(factor):.{digits}g}·{name}")
        for factor, name in parts
    ]
    alone = [(constant, f"{abs(constant):.{digits}g}")] if constant or not parts else []
    signed = alone + products if constant_first else products + alone
    text = "".join(f" {'−' if value < 0 else '+'} {words}" for value, words in signed).strip()
    return text[2:] if text.startswith("+") else text.replace("− ", "−", 1)
