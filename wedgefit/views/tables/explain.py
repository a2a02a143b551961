"""What a model says of itself: its effects first, then the wedges and rows that they come from."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.text import Text

from wedgefit.views.curves import curve_values
from wedgefit.views.effects import size_of
from wedgefit.views.tables.sums import kind_of_output, opening, sum_of
from wedgefit.views.terminal import Meter, Parts, Spark, add_row, table_of, title
from wedgefit.views.words import (
    LINE,
    NOTHING,
    count,
    each,
    in_lines,
    listed,
    number,
    percent,
    plain,
    signed,
    value_text,
)  # fmt: skip

# What fits one screen of a terminal; of a formula so many letters.
MOST_EFFECTS, MOST_PAIRS, MOST_WEDGES, LONGEST_FORMULA = 12, 6, 20, 640


def explain(explanation: dict, show: Sequence[str] = (), short: bool = False) -> Parts:
    """The model as a formula in original units if that is short, its effects, wedges and rows.

    ``show``: only these tables; ``short``: the strongest of each, a line each, on one screen.
    """
    if not show:
        long = short and len(explanation["formula"] or "") > LONGEST_FORMULA
        yield from opening(explanation | {"formula": None} if long else explanation)
    elif explanation["no_effects"] is not None and {"effects", "pairs"} & set(show):
        yield Text(plain(explanation["no_effects"]))
    shown = show or _usual(explanation, short)
    for name in dict.fromkeys(SAME.get(name, name) for name in shown):
        yield from TABLES[name](explanation, short)


def _usual(explanation: dict, short: bool) -> list[str]:
    if explanation["no_effects"] is None:
        return ["effects", "pairs", "wedges", *["rows"] * (not short)]
    return ["columns", "wedges", *["curves", "rows"] * (not short)]


def _of(explanation: dict, name: str, shown: int) -> str:
    """How many of a list are shown, where it is not all."""
    every = explanation["sizes"][name]
    return "" if shown == every else f" ({shown:,} of {every:,})"


def _left(many: int, how: str) -> Parts:
    """How many there are besides, and how to see them."""
    if many:
        yield Text(f"and {many:,} more: wedgefit explain {how}", style="dim")


# Effects ------------------------------------------------------------------------------------------


def _effects(explanation: dict, short: bool) -> Parts:
    """A line per column and output: how far it moves the output, from where to where, and its
    shape over the rows' range."""
    every = [effect for effect in explanation["effects"] if len(effect["columns"]) == 1]
    shown = every[:MOST_EFFECTS] if short else every
    several = len(explanation["outputs"]) > 1
    if shown:
        folds = _has_folds(every)
        heads = [
            "column",
            *[kind_of_output(explanation)] * several,
            "importance>",
            *["± folds>"] * folds,
        ]
        heads += ["", "lowest>", "highest>", "shape", "over the rows"]
        table = table_of(*heads, spare=("lowest", "highest"), one_line=short)
        size = partial(size_of, classes=explanation["classes"])
        most = max(map(size, shown))
        for effect in shown:
            add_row(
                table,
                *effect["columns"],
                *[effect["output"]] * several,
                number(effect["importance"], 3),
                *_off(effect, folds),
                Meter(size(effect), most),
                *(signed(end, 3) for end in effect["range"]),
                Spark(outline(effect)) if "curve" in effect else "",
                _told(effect),
            )
        yield title(f"Effects: what each column adds to {_whole(explanation)}")
        yield table
        yield from _left(len(every) - len(shown), "--show effects")
        if folds:
            words = "± folds: how far the networks of the folds are from it, root mean square."
            yield Text(words, style="dim")
    yield from _unread(explanation)


def _has_folds(effects: list[dict]) -> bool:
    """Whether it is known how far the networks of folds are from these effects."""
    return any(effect["over_folds"] is not None for effect in effects)


def _off(effect: dict, folds: bool) -> list[str]:
    """How far the networks of the folds are from an importance, where there are folds."""
    return [number(effect["over_folds"]["importance"], 2)] if folds else []


def _whole(explanation: dict) -> str:
    """What effects are added to."""
    if len(explanation["outputs"]) > 1:
        things = "scores" if explanation["classes"] else "predictions"
        return f"the average of the {things}: {each(explanation['baseline'])}"
    return f"the average {sum_of(explanation)}, {number(explanation['baseline'])}"


def outline(effect: dict) -> list[float]:
    """A curve at places of equal distance between the smallest and the largest number of the
    rows."""
    at, values = np.array(effect["curve"]).T
    return np.interp(np.linspace(at[0], at[-1], Spark.WIDTH), at, values).tolist()


def _told(effect: dict) -> str:
    if "levels" in effect:
        levels = sorted(effect["levels"].items(), key=lambda item: -item[1])
        if len(levels) > 4:
            levels = [*levels[:2], *levels[-2:]]
            parts = [f"{level} {signed(value, 3)}" for level, value in levels]
            return f"{', '.join(parts[:2])} … {', '.join(parts[2:])}"
        return ", ".join(f"{level} {signed(value, 3)}" for level, value in levels)
    low, high = (value_text(effect["curve"][k][0], 4) for k in (0, -1))
    missing = effect["missing"]
    gaps = "" if missing is None else f"; missing {signed(missing, 3)}"
    proven = " and ".join(effect["shapes"])
    words = f"{effect['words']}, {proven} by construction" if proven else effect["words"]
    return f"{words}, from {low} to {high}{gaps}"


def _unread(explanation: dict) -> Parts:
    """The columns without an effect of their own or in a pair."""
    if explanation["sizes"]["effects"] > len(explanation["effects"]):
        return
    used = {name for effect in explanation["effects"] for name in effect["columns"]}
    names = [column["name"] for column in explanation["columns"] if column["name"] not in used]
    if names and explanation["no_effects"] is None:
        yield Text(in_lines("No effect: ", names, LINE), style="dim")


def _pairs(explanation: dict, short: bool) -> Parts:
    every = [effect for effect in explanation["effects"] if len(effect["columns"]) == 2]
    if not every:
        return
    shown = every[:MOST_PAIRS] if short else every
    several = len(explanation["outputs"]) > 1
    folds = _has_folds(every)
    heads = ["pair", *[kind_of_output(explanation)] * several, "importance>", *["± folds>"] * folds]
    # Its words name both columns.
    table = table_of(*heads, "", "what it does", spare=["pair"], one_line=short)
    size = partial(size_of, classes=explanation["classes"])
    most = max(map(size, explanation["effects"]))
    for effect in shown:
        add_row(
            table,
            " × ".join(effect["columns"]),
            *[effect["output"]] * several,
            number(effect["importance"], 3),
            *_off(effect, folds),
            Meter(size(effect), most),
            effect["words"],
        )
    thing = "score" if explanation["classes"] else sum_of(explanation)
    yield title(f"Pairs: what two columns do to the {thing} beyond their own effects")
    yield table
    yield from _left(len(every) - len(shown), "--show pairs")


# Wedges and rows ----------------------------------------------------------------------------------


def _wedges(explanation: dict, short: bool) -> Parts:
    if not (every := explanation["terms"]):
        return
    shown = sorted(every, key=lambda term: -term["share"])[:MOST_WEDGES] if short else every
    if deep := any(term["layer"] > 1 for term in every):
        # A layer is read after the one that it reads.
        shown = sorted(shown, key=lambda term: term["layer"])
    separate = any(term["output"] is not None for term in every)
    places = [*["layer>"] * deep, *[kind_of_output(explanation)] * separate]
    words = ["hinge", "through rows"] if short else ["hinge", "reads", "active", "through rows"]
    figures = ("coefficient>", "share>", "", "active rows>")
    table = table_of("id>", *places, *words, *figures, spare=("active rows",), one_line=short)
    most = max(term["share"] for term in shown)
    for term in shown:
        reads = [] if short else [listed(term["columns"]), term["side"]]
        coefficient = term["hinge"]["coefficient"]
        add_row(
            table,
            term["id"],
            *[term["layer"]] * deep,
            *[term["output"]] * separate,
            term["hinge"]["text"],
            *reads,
            listed(term["samples"]),
            _strongest(coefficient) if short else each(coefficient),
            percent(term["share"], 1),
            Meter(term["share"], most),
            f"{term['active_rows']:,}",
        )
    yield title(f"Wedges{_of(explanation, 'terms', len(shown))}")
    yield table
    if short and isinstance(shown[0]["hinge"]["coefficient"], dict):
        yield Text("…: all coefficients are in wedgefit explain --show wedges", style="dim")
    if short:
        yield from _left(len(every) - len(shown), "--show wedges")


def _strongest(coefficient: float | dict[str, float] | None) -> str:
    """A coefficient; of those of several outputs the strongest."""
    if not isinstance(coefficient, dict):
        return each(coefficient)
    name, value = max(coefficient.items(), key=lambda item: abs(item[1] or 0.0))
    return f"{name} {number(value)}, …"


def _rows(explanation: dict, short: bool) -> Parts:
    """The rows that wedges pass through: of their cells those that their wedges read."""
    if not (samples := explanation["samples"]):
        return
    separate = any(sample["outputs"] for sample in samples)
    several = "classes" if explanation["classes"] else "quantiles"
    read = _columns_read(explanation)
    table = table_of("row>", "influence>", "", "cells", "wedges", *[several] * separate)
    most = max(sample["influence"] for sample in samples)
    for sample in samples:
        names = dict.fromkeys(name for k in sample["neurons"] for name in read.get(k, ()))
        cells = (f"{name} {value_text(sample['cells'][name])}" for name in names)
        add_row(
            table,
            sample["id"],
            percent(sample["influence"], 1),
            Meter(sample["influence"], most),
            ", ".join(cells),
            listed(sample["neurons"]),
            *[listed(sample["outputs"])] * separate,
        )
    shown = _of(explanation, "samples", len(samples))
    yield title(
        f"The {count(explanation['sizes']['samples'], 'row')} that wedges pass through{shown}"
    )
    yield table


def _columns_read(explanation: dict) -> dict[int, list[str]]:
    """The columns of the file that each neuron reads, by its id; those of deeper layers none."""
    found: dict[int, list[str]] = {}
    for column in explanation["columns"]:
        for k in column["neurons"]:
            found.setdefault(k, []).append(column["name"])
    return found


# As the wedges give them --------------------------------------------------------------------------


def _columns(explanation: dict, short: bool) -> Parts:
    if not (columns := explanation["columns"]):
        return
    shown = columns[:MOST_EFFECTS] if short else columns
    total = "moves the output>" if explanation["no_effects"] is None else None
    headers = [*[total] * (total is not None), "share of the penalty>", "", "wedges"]
    table = table_of("column", *headers, one_line=short)
    most = max(column["penalty_share"] for column in shown)
    for column in shown:
        share = percent(column["penalty_share"], 1), Meter(column["penalty_share"], most)
        moves = [number(column["total"], 3)] * (total is not None)
        add_row(table, column["name"], *moves, *share, listed(column["neurons"]) or NOTHING)
    yield title(f"Columns{_of(explanation, 'columns', len(shown))}")
    yield table


def _curves(explanation: dict, short: bool) -> Parts:
    """One line per curve: its picture, and the kinks or levels that it is made of."""
    if not (curves := explanation["curves"]):
        return
    several = len(explanation["outputs"]) > 1
    table = table_of("column", *["output"] * several, "shape", "adds")
    for curve in curves:
        output = [curve["output"]] * several
        if curve["kind"] == "category":
            levels = curve["levels"]
            words = "; ".join(f"{level}: {value_text(v, 4)}" for level, v in levels.items())
            add_row(table, curve["column"], *output, Spark(list(levels.values())), words)
        else:
            add_row(table, curve["column"], *output, Spark(_outline(curve)), _knots(curve))
    shown = _of(explanation, "curves", len(curves))
    yield title(f"Curves: what the wedges of one column add together{shown}")
    yield table


def _knots(curve: dict) -> str:
    knots = (
        f"{value_text(knot['value'], 4)} at {value_text(knot['at'], 4)}" for knot in curve["knots"]
    )
    before, after = (value_text(curve[side], 4) for side in ("below", "above"))
    return f"{'; '.join(knots)}; slope {before} before, {after} after"


def _outline(curve: dict) -> list[float]:
    """A curve at a few places between its kinks and a little around them."""
    first, last = curve["knots"][0]["at"], curve["knots"][-1]["at"]
    margin = 0.2 * (last - first) or 0.2 * abs(first) or 1.0
    step = (last - first + 2 * margin) / (Spark.WIDTH - 1)
    return curve_values(curve, [first - margin + step * k for k in range(Spark.WIDTH)]).tolist()


TABLES = {
    "effects": _effects,
    "pairs": _pairs,
    "wedges": _wedges,
    "rows": _rows,
    "columns": _columns,
    "curves": _curves,
}
SAME = {"samples": "rows"}
