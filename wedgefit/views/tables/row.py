"""One prediction, and how it adds up."""

import math
from collections.abc import Sequence

from rich.text import Text

from wedgefit.views.terminal import Meter, Parts, Sheet, add_row, table_of, title
from wedgefit.views.words import (
    LINE,
    count,
    in_lines,
    listed,
    number,
    percent,
    plain,
    several,
    signed,
    told,
    value_text,
)


def local(record: dict, show: Sequence[str] = ()) -> Parts:
    """One prediction: its value, the row it is for, and per output the average and the effects that
    add up to it; by wedges where ``show`` names them, or where the model has no effects."""
    yield Text(f"Row {plain(record['data']['row'])} of {plain(record['data']['source'])}")
    names = several(record["target"])
    values = record["prediction"]
    if len(names) == 1 and isinstance(values, list):
        names = [f"{names[0]}, {output['output']}" for output in record["outputs"]]
    values = values if isinstance(values, list) else [values]
    for name, value in zip(names, values):
        yield Text(f"{plain(name)}: {value_text(value)} predicted{_for(record)}", style="bold")
    if record["probabilities"]:
        yield Text(f"Probability of {_each_probability(record['probabilities'])}")
    if record["in_steps"]:
        yield Text("Probabilities rise with the score in steps, which rows held out have taught.")
    yield Text(_given(record["values"]))
    for remark in record["remarks"]:
        yield Text(f"Note: {plain(remark)}.")
    if record["no_effects"] is not None and "wedges" not in show:
        yield Text(f"Note: {plain(record['no_effects'])}")
    effects = record["no_effects"] is None and (not show or "effects" in show)
    wedges = not effects or "wedges" in show
    for output in record["outputs"]:
        if effects:
            yield from _effects(record, output)
        if wedges:
            yield from _wedges(record, output)


def _for(record: dict) -> str:
    """What a count is for, where exposures differ."""
    exposure = record["exposure"]
    if exposure is None:
        return ""
    value = exposure["value"]
    amount = "one unit of " * (value is None) + plain(exposure["name"])
    return f" for {amount}" + ("" if value is None else f" {value_text(value)}")


def _each_probability(probabilities: dict[str, float]) -> str:
    parts = (f"{told(name)}: {percent(value, 1)}" for name, value in probabilities.items())
    return ", of ".join(parts)


def _given(values: dict) -> str:
    cells = (f"{name} {value_text(value)}" for name, value in values.items())
    return in_lines("Given ", cells, LINE)


def _sum_name(record: dict, output: str) -> str:
    """What the parts of an output add up to."""
    if record["classes"] is not None:
        return f"score of {plain(output)}"
    if record["scale"] == "log":
        exposure = record["exposure"]
        unit = "" if exposure is None else f" for one unit of {plain(exposure['name'])}"
        return f"log of the prediction{unit}"
    if record["scale"] == "quantile":
        return f"{plain(output)} before sorting"
    return plain(output) if len(record["outputs"]) > 1 else "prediction"


def _effects(record: dict, output: dict) -> Parts:
    """The average, the effects, and what they add up to."""
    name, baseline = output["output"], record["baseline"]
    average = baseline[name] if isinstance(baseline, dict) else baseline
    own = [effect for effect in record["effects"] if effect["output"] == name]
    table = table_of("effect>", "", "of", "here")
    most = max((abs(effect["contribution"]) for effect in own), default=0.0)
    add_row(table, number(average), "", "average", "")
    for effect in own:
        value, cells = effect["contribution"], effect["value"]
        cells = cells if len(effect["columns"]) > 1 else [cells]
        meter = Meter(abs(value), most, minus=value < 0)
        here = " × ".join(map(value_text, cells))
        add_row(table, signed(value), meter, " × ".join(effect["columns"]), here)
    parts = [average, *(effect["contribution"] for effect in own)]
    rest = output["score"] - math.fsum(parts)
    if abs(rest) > 1e-9 * max(abs(output["score"]), most, abs(average)):  # --top left some out.
        add_row(table, signed(rest), "", "the others", "")
    add_row(table, number(output["score"]), "", _sum_name(record, name), "", style="bold")
    yield title(f"How {_thing(record, name)} adds up")
    yield table


def _thing(record: dict, output: str) -> str:
    if record["classes"] is not None:
        return f"the score of {plain(output)}"
    return f"{'log ' if record['scale'] == 'log' else ''}{plain(output)}"


def _wedges(record: dict, output: dict) -> Parts:
    """The wedges that are not zero, and what they add up to."""
    name = _sum_name(record, output["output"])
    terms = [term for term in output["contributions"] if term["contribution"]]
    idle = len(output["contributions"]) - len(terms)
    table = table_of("wedge>", "contribution>", "", "reads", "active", "hinge", spare=("active",))
    most = max((abs(term["contribution"]) for term in terms), default=0.0)
    add_row(table, "", number(output["intercept"]), "", "", "intercept", "")
    for term in terms:
        _term(table, term, most)
    parts = [output["intercept"], *(term["contribution"] for term in terms)]
    rest = output["score"] - math.fsum(parts)
    if abs(rest) > 1e-9 * max(abs(output["score"]), most):  # --top left some out.
        add_row(table, "", number(rest), "", "", "the others", "")
    add_row(table, "", number(output["score"]), "", "", name, "", style="bold")
    yield title(f"How {_thing(record, output['output'])} adds up by wedges")
    yield table
    if idle:
        verb = "are" if idle > 1 else "is"
        yield Text(f"{count(idle, 'more wedge')} {verb} zero here.", style="dim")


def _term(table: Sheet, term: dict, most: float) -> None:
    value = term["contribution"]
    meter = Meter(abs(value), most, minus=value < 0)
    words = (listed(term["columns"]), term["where"], term["hinge"])
    add_row(table, term["id"], number(value), meter, *words)
