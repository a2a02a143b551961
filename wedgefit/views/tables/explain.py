"""What a model says of itself."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from wedgefit.views.explain import curve_values
from wedgefit.views.phrases import limit_texts
from wedgefit.views.terminal import Meter, Parts, Spark, add_row, table_of, title
from wedgefit.views.words import (
    NOTHING,
    count,
    each,
    listed,
    number,
    percent,
    plain,
    value_text,
)


def explain(explanation: dict, show: Sequence[str] = ()) -> Parts:
    """The model as a formula in original units, its wedges, columns and curves, and the rows that
    they pass through.

    ``show``: only these tables, of wedges, columns, curves and samples.
    """
    if not show:
        yield from _equation(explanation)
    tables = {"wedges": _wedges, "columns": _columns, "curves": _curves, "samples": _rows}
    for name, table in tables.items():
        if name in show or not show:
            yield from table(explanation)


def _of(explanation: dict, name: str) -> str:
    """How many of a list are shown, where it is not all."""
    shown, every = len(explanation[name]), explanation["sizes"][name]
    return "" if shown == every else f" ({shown:,} of {every:,})"


def _equation(explanation: dict) -> Parts:
    formula = explanation["formula"]
    for line in _sums(explanation) if formula is None else _lines_of(formula, explanation):
        yield Text(plain(line), style="bold")
    for limits in limit_texts(explanation["limits"]):
        yield Text(f"{plain(limits)}.")
    if classes := explanation["classes"]:
        two = f"{plain(classes[-1])} is predicted where the score is positive, {plain(classes[0])} elsewhere."
        yield Text(two if len(classes) == 2 else "The class of the largest score is predicted.")


def _lines_of(formula: str, explanation: dict) -> list[str]:
    """The equations of a formula, one per output. A name may hold line breaks of its own, so only
    the start of an equation parts them."""
    starts = [0]
    # Two classes have one equation, several classes or targets one each.
    for output in explanation["outputs"][1:]:
        name = f"score of {output} = " if explanation["classes"] else f"{output} = "
        starts.append(formula.index(f"\n{name}", starts[-1]) + 1)
    return [
        formula[start:end].removesuffix("\n") for start, end in zip(starts, [*starts[1:], None])
    ]


def _sums(explanation: dict) -> Iterator[str]:
    """One line per output in place of a formula that would be too long to read."""
    intercept = explanation["intercept"]
    for output in explanation["outputs"]:
        bias = intercept[output] if isinstance(intercept, dict) else intercept
        own = sum(term["output"] in (None, output) for term in explanation["terms"])
        cut = len(explanation["terms"]) < explanation["sizes"]["terms"]
        name = f"score of {output}" if explanation["classes"] else output
        yield f"{name} = {number(bias)} + the sum of coefficient · hinge over {'its wedges' if cut else count(own, 'wedge')}"


def _wedges(explanation: dict) -> Parts:
    if not (terms := explanation["terms"]):
        return
    deep, separate = (
        any(term["layer"] > 1 for term in terms),
        any(term["output"] is not None for term in terms),
    )
    places = ["layer>"] * deep + ["class"] * separate
    table = table_of(
        "id>",
        *places,
        "hinge",
        "reads",
        "active",
        "through rows",
        "coefficient>",
        "share>",
        "",
        "active rows>",
    )
    most = max(term["share"] for term in terms)
    for term in terms:
        share = percent(term["share"], 1), Meter(term["share"], most)
        figures = each(term["hinge"]["coefficient"]), *share, f"{term['active_rows']:,}"
        place = [term["layer"]] * deep + [term["output"]] * separate
        words = (
            term["hinge"]["text"],
            listed(term["columns"]),
            term["side"],
            listed(term["samples"]),
        )
        add_row(table, term["id"], *place, *words, *figures)
    yield title(f"Wedges{_of(explanation, 'terms')}")
    yield table


def _columns(explanation: dict) -> Parts:
    if not (columns := explanation["columns"]):
        return
    table = table_of("column", "importance>", "", "wedges")
    most = max(column["importance"] for column in columns)
    for column in columns:
        share = percent(column["importance"], 1), Meter(column["importance"], most)
        add_row(table, column["name"], *share, listed(column["neurons"]) or NOTHING)
    yield title(f"Columns{_of(explanation, 'columns')}")
    yield table


def _curves(explanation: dict) -> Parts:
    """One line per curve: its picture, and the kinks or levels that it is made of."""
    if not (curves := explanation["curves"]):
        return
    several = len(explanation["outputs"]) > 1
    table = table_of("column", *["output"] * several, "shape", "adds")
    for curve in curves:
        output = [curve["output"]] * several
        if curve["kind"] == "category":
            words = "; ".join(
                f"{level}: {value_text(value, 4)}" for level, value in curve["levels"].items()
            )
            add_row(table, curve["column"], *output, Spark(list(curve["levels"].values())), words)
        else:
            words = "; ".join(
                f"{value_text(knot['value'], 4)} at {value_text(knot['at'], 4)}"
                for knot in curve["knots"]
            )
            slopes = f"slope {value_text(curve['below'], 4)} before, {value_text(curve['above'], 4)} after"
            add_row(table, curve["column"], *output, Spark(_outline(curve)), f"{words}; {slopes}")
    yield title(f"Curves: what the wedges of one column add together{_of(explanation, 'curves')}")
    yield table


def _outline(curve: dict) -> list[float]:
    """A curve at a few places between its kinks and a little around them."""
    first, last = curve["knots"][0]["at"], curve["knots"][-1]["at"]
    margin = 0.2 * (last - first) or 0.2 * abs(first) or 1.0
    step = (last - first + 2 * margin) / (Spark.WIDTH - 1)
    return curve_values(curve, [first - margin + step * k for k in range(Spark.WIDTH)]).tolist()


def _rows(explanation: dict) -> Parts:
    if not (samples := explanation["samples"]):
        return
    names = list(samples[0]["cells"])
    separate = any(sample["outputs"] for sample in samples)
    table = table_of(
        "row>", "influence>", "", *(f"{name}>" for name in names), "wedges", *["classes"] * separate
    )
    most = max(sample["influence"] for sample in samples)
    for sample in samples:
        values = [value_text(cell) for cell in sample["cells"].values()]
        influence = percent(sample["influence"], 1), Meter(sample["influence"], most)
        add_row(
            table,
            sample["id"],
            *influence,
            *values,
            listed(sample["neurons"]),
            *[listed(sample["outputs"])] * separate,
        )
    yield title(
        f"The {count(explanation['sizes']['samples'], 'row')} that they pass through{_of(explanation, 'samples')}"
    )
    yield table
