"""One page about a model, for people who do not use the command line: self-contained, offline, in
light and dark, printable."""

from __future__ import annotations

import importlib.util
import os
import shlex
from importlib.resources import files

from wedgefit import __version__
from wedgefit.data.table import Table
from wedgefit.errors import WedgefitError
from wedgefit.model.evaluation import coverage, sample_of
from wedgefit.model.intervals import reaches
from wedgefit.model.record import Model
from wedgefit.records import plain
from wedgefit.views import pictures as plot
from wedgefit.views import words as render
from wedgefit.views.explain import explain
from wedgefit.views.flat import arranged
from wedgefit.views.phrases import limit_texts
from wedgefit.views.prediction import explain_row
from wedgefit.views.tables.train import OPTIMAL, constant_scores, headline

# So many terms and rows, and so many effects, are in sight; the others are folded.
IN_SIGHT, MOST_EFFECTS = 25, 12
CAPTIONS = {
    "fit": "What is predicted, and the rows that it was learnt from. The line bends at the ringed "
    "rows and nowhere else.",
    "map": "What is predicted where. The prediction bends along the thin lines, which pass through "
    "the ringed rows.",
    "importance": "How far each column, and each pair of columns, moves the prediction over the "
    "rows that it was learnt from.",
    "effects": "What each column adds to the average: all on one scale, so that a flat curve is a "
    "small effect. Grey: where the rows are.",
    "pairs": "What two columns add together, beyond what each adds on its own. Dots are rows; "
    "empty where none is near.",
    "predicted": "What was observed against what is predicted, on the rows of this page.",
    "calibration": "How often a class came true among rows that were given about the same "
    "probability: on the line, probabilities are what they say.",
}


OVER_FOLDS = {
    "importance": " ±: how far the networks of the folds are from it.",
    "effects": " The bands: how far the networks of the folds are from it.",
    "fit": " The band: how far the networks of the folds are from it, each about its own average.",
}


def require() -> None:
    """Raises WedgefitError where a library that a page needs is not installed."""
    missing = [name for name in ("matplotlib", "jinja2") if importlib.util.find_spec(name) is None]
    if missing:
        raise WedgefitError(
            f"a page needs {' and '.join(missing)}.",
            remedy="Install: python -m pip install 'wedgefit[report]'",
        )


def page(
    model: Model, table: Table, model_file: str = "wedgefit.json", row: str | None = None
) -> str:
    """The page as HTML. ``table``: the rows to show with the model, best those that it was trained
    on; ``row``: the id of the one whose prediction is shown step by step, None: the first. Raises
    TableError where the table has no such row."""
    require()
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    # Whatever a page shows goes through here, so that no name can steer the reading direction or
    # hide in control characters.
    visible = {
        "finalize": lambda value: value if isinstance(value, Markup) else render.plain(value)
    }
    world = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **visible
    )
    world.filters |= {
        "number": render.number,
        "percent": render.percent,
        "signed": render.signed,
        "value": _value,
        "listed": _listed,
    }
    figures = [
        {
            "kind": kind,
            "svg": Markup(plot.inline(model, table, kind)),
            "caption": _caption(model, kind),
        }
        for kind in plot.kinds_of(model, table)
    ]
    template, style = (files("wedgefit.views") / name for name in ("page.html", "page.css"))
    return world.from_string(template.read_text(encoding="utf-8")).render(
        figures=figures,
        style=Markup(style.read_text(encoding="utf-8")),
        **_content(model, table, model_file, row),
    )


def _caption(model: Model, kind: str) -> str:
    """What a picture shows, with what folds add to it."""
    # A probability that hangs on several outputs has no band.
    bare = kind == "fit" and model.has_probabilities and len(model.outputs) > 1
    told = model.over_folds and not bare
    return CAPTIONS[kind] + (OVER_FOLDS.get(kind, "") if told else "")


def _content(model: Model, table: Table, model_file: str, row: str | None) -> dict:
    """What the page says, apart from the pictures."""
    report, record = model.report(), arranged(explain(model))
    certificate, problem = report["certificate"], report["problem"]
    row = str(table.row_ids[0]) if row is None else row
    file, data = (shlex.quote(os.path.basename(name)) for name in (model_file, table.source))
    return {
        "target": model.encoding.target.name,
        "report": report,
        "record": record,
        "headline": [str(part) for part in headline(report)],
        "proven": certificate["scope"] == "exact" and certificate["relative_gap"] <= OPTIMAL,
        "claim": proven_claim(certificate, problem["layers"] > 2, render.shaped(problem)),
        "facts": _facts(report, [column.name for column in model.encoding.inputs]),
        "scores": _scores(report["score"]),
        "together": render.OF_QUANTILES if isinstance(problem["quantile"], list) else "",
        "over_folds": bool(model.over_folds),
        "intervals": _intervals(model, table),
        "limits": limit_texts(record),
        "formula": record["formula"].split("\n") if record["formula"] else None,
        "network_of": "class" if model.data.classes else "quantile",
        "deep": any(term["layer"] > 1 for term in record["terms"]),
        "separate": any(term["output"] is not None for term in record["terms"]),
        "rows": _rows(model, table, record),
        "columns": [*(column.name for column in model.encoding.inputs), *_labelled(model, table)],
        "example": explain_row(model, table, row),
        "observed": _observed(model, table, row),
        "in_sight": IN_SIGHT,
        "most_effects": MOST_EFFECTS,
        "commands": [
            ("Predictions for new rows, as CSV", f"wedgefit predict {file} new.csv"),
            (
                "How the prediction for one row adds up",
                f"wedgefit explain {file} {data} --row {shlex.quote(row)}",
            ),
            ("Check every figure of this page that is a claim", f"wedgefit certify {file} {data}"),
        ],
        "version": __version__,
    }


def _intervals(model: Model, table: Table) -> list[dict]:
    """A line per target and level: how far intervals go, and what they hold of these rows, where
    the targets of all are known."""
    lines = plain(reaches(model.intervals))
    columns = [table.columns.get(name) for name in model.encoding.target.names]
    if not lines or any(column is None or column.missing.any() for column in columns):
        return lines
    sample = sample_of(model, table, None)
    found = coverage(model, sample, model.network.forward(sample.X))
    held = {(name, part.level): part for name, parts in found.items() for part in parts}
    return [line | plain(held[line["output"], line["level"]]) for line in lines]


def proven_claim(certificate: dict, deep: bool, shaped: str = "") -> str:
    """What is proven, in words that go no further than the certificate."""
    exact, network = certificate["scope"] == "exact", certificate["network_lower_bound"]
    last = ", given the layers below the last" if deep else ""
    among = "wedges" if exact else "the wedges that were priced"
    bound = render.number(certificate["lower_bound"], 8)
    claim = f"nothing made of {among} can get below {bound}{last}"
    if exact and network is not None and not deep:
        claim += f", and no network of this kind, of any size, below {render.number(network, 8)}"
    if shaped:
        claim += f", of those {shaped}"
    return claim


def _facts(report: dict, inputs: list[str]) -> list[tuple[str, str]]:
    data, problem = report["data"], report["problem"]
    classes = f"one of {_listed(data['classes'])}" if data["classes"] else "a number"
    targets = [data["target"]] if isinstance(data["target"], str) else data["target"]
    source = "standard input" if data["source"] == "-" else os.path.basename(data["source"])
    chosen = ", chosen by cross-validation" if report["score"].get("cv") else ""
    shapes = render.shape_words(problem["shapes"])
    facts = [
        ("Learnt from", f"{source}, {data['rows']:,} rows"),
        ("Predicts", f"{_listed(targets)}: {classes}"),
        ("From", _listed(inputs)),
        ("Network", _network(report["neurons"], problem)),
        ("Stands on", f"{len(report['samples']):,} rows"),
        ("Regularisation", f"alpha {render.number(problem['alpha'])}{chosen}"),
    ]
    return [*facts, ("Proven by construction", shapes)] if shapes else facts


def _network(neurons: list[dict], problem: dict) -> str:
    if problem["pairs"] is not None:
        return f"{len(neurons):,} neurons, each reading {render.reading(problem)}"
    first = problem["order"][0] if isinstance(problem["order"], list) else problem["order"]
    order = "any number of columns" if first == "full" else render.count(first, "column")
    at_most = order if first == "full" else f"at most {order}"
    hidden = sum(neuron["layer"] == 1 for neuron in neurons)
    below = f" ({hidden:,} in the first layer)" if problem["layers"] > 2 else ""
    return f"{len(neurons):,} neurons{below}, each reading {at_most}"


def _scores(score: dict) -> list[dict]:
    """A line per score: its name, on the training rows, on rows held out with its standard error,
    and that of a constant on the latter, or else on the former."""
    held_out, constant = score.get("cv") or {}, constant_scores(score) or {}
    base = {
        name: value["mean"] if isinstance(value, dict) else value
        for name, value in constant.items()
    }
    return [
        {
            "name": render.SCORES.get(name, name),
            "train": render.without_rounding(name, value),
            "cv": held_out.get(name),
            "constant": render.without_rounding(name, base.get(name)),
        }
        for name, value in score["train"].items()
        if value is not None
    ]


def _labelled(model: Model, table: Table) -> list[str]:
    return [name for name in model.encoding.target.names if name in table.columns]


def _observed(model: Model, table: Table, row: str) -> list[str]:
    """What was observed in a row, in a sentence per target, beside what a constant would say."""
    k = [str(known) for known in table.row_ids].index(row)
    predicted = model.predict(table.take([k]))[0]
    if model.predicted_names != model.encoding.target.names:
        # Several quantiles have no single distance from what was observed.
        return []
    predicted = predicted if isinstance(predicted, list) else [predicted]
    exposure, found = model.exposures(table), []
    for name, said in zip(model.encoding.target.names, predicted):
        column = table.columns.get(name)
        if column is None or column.missing[k]:
            continue
        known = column.values[~column.missing]
        shown = _value(column.values[k])
        if model.encoding.target.classes is not None:
            part = render.percent(float((known == column.values[k]).mean()), 1)
            found.append(f"Observed: {shown}, as in {part} of the rows.")
            continue
        mean, what = float(known.mean()), "the mean of the rows"
        if exposure is not None:
            mean = float(known.sum() / exposure[~column.missing].sum() * exposure[k])
            what = f"the mean of the rows for its {model.data.exposure}"
        off, usual = abs(column.values[k] - said), abs(column.values[k] - mean)
        found.append(
            f"Observed: {shown}. The prediction is {render.number(off)} off; "
            f"{what}, {render.number(mean)}, {render.number(usual)}."
        )
    return found


def _rows(model: Model, table: Table, record: dict) -> list[dict]:
    """The rows that the network passes through, with their cells as the table has them, or else as
    the model keeps them."""
    position = {row: k for k, row in enumerate(table.row_ids)}
    found = []
    for sample in record["samples"]:
        k = position.get(sample["id"])
        cells = [
            cell if k is None else table.columns[name].values[k]
            for name, cell in sample["cells"].items()
        ]
        cells += [
            None if k is None else table.columns[name].values[k] for name in _labelled(model, table)
        ]
        found.append(sample | {"cells": cells})
    return found


def _value(cell) -> str:
    """A cell as people write it."""
    if cell is None or cell != cell:
        return render.NOTHING
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _listed(items) -> str:
    return ", ".join(map(str, items))
