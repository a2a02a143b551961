"""What was recomputed: the claims of a model, and how far another network is from the optimum."""

import math
from collections.abc import Callable, Iterable
from itertools import groupby

from rich.table import Table
from rich.text import Text

from wedgefit.views.tables.train import OPTIMAL, gain
from wedgefit.views.terminal import Parts, add_row, grid_of, table_of, title
from wedgefit.views.words import (
    NOTHING,
    count,
    listed,
    number,
    percent,
    plain,
    score_text,
    signed,
    value_text,
)

# Shares this close are the same to a reader.
SAME_SHARE = 1e-6
# A standard error of fewer folds may be half as large or twice by chance.
FEW_FOLDS = 5


def certify(certification: dict) -> Parts:
    """What was stored, what was recomputed, and whether they agree."""
    table = table_of("figure", "stored>", "recomputed>", "agree")
    for check in certification["checks"]:
        yes = check["agrees"]
        add_row(
            table,
            check["name"],
            value_text(check["stored"], 12),
            value_text(check["recomputed"], 12),
            Text("yes", style="green") if yes else Text("NO", style="bold red"),
        )
    yield table
    for why, parts in groupby(certification["not_checked"], key=lambda part: part["why"]):
        yield Text(
            f"Not checked: {', '.join(plain(part['name']) for part in parts)} ({plain(why)})."
        )
    if certification["agrees"]:  # If not, the message is the error that the command ends with.
        yield Text(f"{plain(certification['message']).capitalize()}.", style="bold green")
    if "without" in certification:
        yield from _costs(certification["without"], certification["certificate"])
    if "unique" in certification:
        yield from _unique(certification["unique"])
    if "bends" in certification:
        yield from _bends(certification["bends"])


def _unique(found: dict) -> Parts:
    """Whether there is another optimum, and what all of them say of the columns."""
    many = count(found["candidates"], "wedge") if found["candidates"] else "no wedge"
    wedges = f"{many} can be in an optimum"
    independent = ", and on the rows they are independent" if found["candidates"] > 1 else ""
    answers = {
        True: f"The optimum is unique: {wedges}{independent} (proven).",
        False: f"The optimum is not unique: {wedges}. All optima predict the same on these rows.",
        None: f"Whether the optimum is unique is open: {wedges}, and no other was found.",
    }
    yield Text(f"\n{answers[found['unique']]}", style="bold")
    if found["unique"]:
        return
    if all(share["most"] - share["least"] < SAME_SHARE for share in found["shares"]):
        yield Text("All that were found give every column the same share of the penalty.")
        return
    table = table_of("column", "share of the penalty>", "least>", "most>")
    for share in found["shares"]:
        parts = (percent(share[name]) for name in ("share", "least", "most"))
        add_row(table, share["column"], *parts)
    yield table


def _bends(found: dict) -> Parts:
    """The model's line beside the best ones of few bends."""
    lines = found["lines"]
    ends = (value_text(end, 6) for end in found["ends"])
    words = f"{plain(found['column'])} from {' to '.join(ends)}"
    yield title(f"The best broken lines that bend at rows, {words}")
    table = table_of("bends>", "loss>", "R²>", "bends at", "the best of them")
    for line in lines:
        at = listed(value_text(value, 6) for value in line["at"]) or NOTHING
        proof = "proven" if line["proven"] else f"not below {number(line['lower_bound'], 6)}"
        add_row(table, line["bends"], number(line["loss"], 6), number(line["r2"]), at, proof)
    yield table
    own = f"{count(found['bends'], 'bend')}, loss {number(found['loss'], 6)}"
    yield Text(f"The model: {own}; without a penalty {number(found['unpenalised'], 6)}.")
    if found["enough"] is None:
        fewer = f"No line of {count(lines[-1]['bends'], 'bend')} at rows was found that is as good"
    else:
        fewer = f"A line of {count(found['enough'], 'bend')} at rows does as well"
    least = "no such line of fewer does" if found["enough"] else "none there is"
    least += " (proven)"
    if found["enough"] == 0:
        least = "a straight line"
    yield Text(f"{fewer}; {least if found['fewer_do_not'] else 'not proven'}.", style="bold")


def _costs(costs: list[dict], certificate: dict) -> Parts:
    """What leaving something out costs, in the objective and as a part of it; rounded such that
    every word stays true."""
    objective = certificate["objective"]
    held_out = any(cost["held_out"] for cost in costs)
    headers = ("left out", "costs at least>", "at most>", "of the objective>", "neurons>")
    table = table_of(*headers, *["held-out loss>"] * held_out)
    for cost in costs:
        low, high = cost["at_least"], cost["at_most"]
        # Nothing is gained by leaving out: below zero is what a gap or rounding left.
        low = None if low is None else max(low, 0.0)
        ends = (low, math.floor), (high, math.ceil)
        words = ("not proven" if end is None else _rounded(end, 4, way) for end, way in ends)
        parts = (
            NOTHING if end is None else _rounded(100 * end / objective, 3, way) for end, way in ends
        )
        # Some losses may be negative, and then have no parts.
        part = f"{' to '.join(parts)} %" if objective > 0 else NOTHING
        folds = [_difference(cost["held_out"])] * held_out
        add_row(table, cost["without"], *words, part, f"{cost['neurons']:,}", *folds)
    yield title("What leaving it out costs, at the same alpha (proven, about these rows)")
    yield table
    if held_out:
        yield Text(_of_folds(next(cost["folds"] for cost in costs if cost["held_out"])))


def _of_folds(folds: int) -> str:
    """What a change on rows held out is, and how far to trust its error."""
    few = ", which so few folds tell only roughly" if folds < FEW_FOLDS else ""
    return (
        "Held-out loss: how it changes on rows that folds hold out, the mean of "
        f"{count(folds, 'fold')} ± its standard error{few}; not proven."
        if folds > 1
        else "Held-out loss: how it changes on rows that one fold holds out; not proven."
    )


def _difference(change: dict | None) -> str:
    """A mean over the folds with its standard error."""
    if change is None:
        return NOTHING
    error = "" if change["se"] is None else f" ± {number(change['se'], 2)}"
    return f"{signed(change['mean'], 3)}{error}"


# A network from elsewhere -------------------------------------------------------------------------


def yardstick(record: dict) -> Parts:
    """How far a network from elsewhere is from the optimum, and what of that is proven."""
    optimum, own = record["optimum"], record["network"]["objective"]
    lower = optimum["lower_bound"]
    digits = _digits_apart(own, (optimum["upper_bound"], own if lower is None else lower))
    yield Text(f"Your network: {number(own, digits)}.", style="bold")
    yield Text(_between(record, digits), style="bold")
    yield from _lost(optimum["lost"]["at_least"], optimum["lost"]["at_most"])
    yield ""
    yield _measured(record, digits)


def polish(record: dict) -> Parts:
    """What was gained, what is left to the optimum, and what became of every unit."""
    before, after, optimum = record["before"], record["after"], record["optimum"]
    lower = optimum["lower_bound"]
    ends = [after["objective"], optimum["upper_bound"], *([] if lower is None else [lower])]
    digits = _digits_apart(before["objective"], ends)
    table = table_of("", "units>", "objective>", "loss>", "penalty>", "score")
    for name, network in (("before", before), ("after", after)):
        parts = (number(network[part], digits) for part in ("objective", "loss", "penalty"))
        add_row(table, name, f"{network['neurons']:,}", *parts, score_text(network["score"]))
    yield table
    yield Text("")
    yield Text(_between(record, digits), style="bold")
    yield from _lost(optimum["lost"]["at_least"], optimum["lost"]["at_most"])
    yield title("What became of the units")
    units = table_of("unit>", "nearest rows", "at most away>", "replaced by>", "alike>")
    for unit in record["units"]:
        found = NOTHING if unit["replaced_by"] is None else unit["replaced_by"]
        figures = (number(unit["distance"], 3), found, number(unit["alike"], 4))
        add_row(units, unit["unit"], listed(unit["rows"]), *figures)
    yield units
    yield Text(f"\nWritten to {plain(record['output'])}.")


def _between(record: dict, digits: int) -> str:
    """Where the optimum is."""
    upper, lower = record["optimum"]["upper_bound"], record["optimum"]["lower_bound"]
    if lower is None:
        found = f"Best network found: {number(upper, digits)}."
        return f"{found} The optimum may lie below: no bound is known here."
    low, high = _rounded(lower, digits, math.floor), _rounded(upper, digits, math.ceil)
    opening = "The optimum" if record["optimum"]["loose"] else "Certified optimum"
    sharp = ", by a bound that is not sharp" if record["optimum"]["loose"] else ""
    biases = "" if record["problem"]["hidden_bias"] else " without hidden biases"
    kind = f"two-layer ReLU networks{biases}"
    return f"{opening}, over all {kind}: between {low} and {high}{sharp}."


def _measured(record: dict, digits: int) -> Table:
    network, optimum, problem = record["network"], record["optimum"], record["problem"]
    data = record["data"]
    grid = grid_of()
    sizes = f"{count(data['rows'], 'row')}, {count(len(data['columns']), 'input')}"
    words = f"{plain(data['source'])}: {sizes}, target {plain(data['target'])}"
    grid.add_row("Data", Text(words))
    ways = [
        f"{problem['loss']} loss",
        f"alpha {number(problem['alpha'])}",
        f"norm {problem['norm']}",
        *["no hidden biases"] * (not problem["hidden_bias"]),
        *["no output bias"] * (not problem["intercept"]),
    ]
    grid.add_row("Problem", Text(", ".join(ways)))
    parts = [
        count(network["neurons"], "neuron"),
        f"loss {number(network['loss'], digits)} + penalty {number(network['penalty'], digits)}",
        f"{number(network['rescaled_objective'], digits)} with its neurons rescaled",
    ]
    grid.add_row("Your network", Text(f"{', '.join(parts)}; {score_text(network['score'])}"))
    own = f"{count(optimum['neurons'], 'neuron')}; {score_text(optimum['score'])}"
    grid.add_row("wedgefit's", Text(own))
    return grid


def _lost(at_least: float, at_most: float | None) -> Parts:
    """Which part of the objective is lost: rounded such that every word stays true."""
    if at_most is not None and at_most <= OPTIMAL:
        most = f"at most {gain(at_most)} of the objective can be gained (proven)"
        yield Text(f"It is globally optimal: {most}.", style="bold green")
        return
    floor = math.floor(10_000 * at_least + 1e-9) / 100
    lost = f"At least {floor:g}% of the objective is lost (proven: a better network exists)"
    least = lost if floor else "No network much better was found"
    most = "how much more is not known"
    if at_most is not None:
        ceiling = math.ceil(10_000 * at_most - 1e-9) / 100
        most = f"at most {ceiling:g}% (proven: no network is better)"
    yield Text(f"{least}; {most}.", style="bold yellow")


def _digits_apart(value: float, others: Iterable[float]) -> int:
    """So many digits that the value is seen to differ from the others: 5, or up to 10 where they
    are close."""
    apart = [abs(value - other) / abs(value) for other in others if value and other != value]
    return min(10, max(5, *(2 - math.floor(math.log10(part)) for part in apart))) if apart else 5


def _rounded(value: float, digits: int, towards: Callable[[float], int]) -> str:
    """The number rounded down or up, so that it stays a bound."""
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits) if value else 1.0
    return number(towards(value / unit) * unit, digits)
