"""One page about a model, for people who do not use the command line: self-contained, offline, in
light and dark, printable."""

from __future__ import annotations

import importlib.util
import os
import shlex

from wedgefit import __version__
from wedgefit.data.table import Table
from wedgefit.errors import WedgefitError
from wedgefit.model.record import Model
from wedgefit.views import pictures as plot
from wedgefit.views import words as render
from wedgefit.views.explain import explain
from wedgefit.views.flat import arranged
from wedgefit.views.phrases import limit_texts
from wedgefit.views.prediction import explain_row
from wedgefit.views.tables.train import OPTIMAL, headline

# So many terms and rows are in sight; the others are folded.
IN_SIGHT = 25
CAPTIONS = {
    "fit": "What is predicted, and the rows that it was learnt from. The line bends at the ringed rows and nowhere else.",
    "map": "What is predicted where. The prediction bends along the thin lines, which pass through the ringed rows.",
    "importance": "How much of the predictions' variation comes from each column. What a wedge of two columns does is split by its weights.",
    "curves": "What each column adds on its own: all on one scale, rings where a curve bends, small ticks where there are rows.",
    "pairs": "What two columns add together, beyond what each adds on its own. Dots are rows; colours are to be read where there are some.",
    "changes": "How the prediction changes when one column does while the others stay as they are in one row, a typical one.",
    "overview": "The columns by importance, and what the leading ones add.",
}


def require() -> None:
    """Raises WedgefitError where a library that a page needs is not installed."""
    missing = [name for name in ("matplotlib", "jinja2") if importlib.util.find_spec(name) is None]
    if missing:
        raise WedgefitError(
            f"a page needs {' and '.join(missing)}.",
            remedy="Install: python -m pip install 'wedgefit[report]'",
        )


def page(model: Model, table: Table, model_file: str = "wedgefit.json") -> str:
    """The page as HTML. ``table``: the rows to show with the model, best those that it was trained
    on."""
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
        "value": _value,
        "listed": _listed,
    }
    figures = [
        {"kind": kind, "svg": Markup(plot.inline(model, table, kind)), "caption": CAPTIONS[kind]} for kind in plot.kinds_of(model)
    ]  # fmt: skip
    return world.from_string(TEMPLATE).render(
        figures=figures, style=Markup(STYLE), **_content(model, table, model_file)
    )


def _content(model: Model, table: Table, model_file: str) -> dict:
    """What the page says, apart from the pictures."""
    report, record = model.report(), arranged(explain(model))
    certificate, problem = report["certificate"], report["problem"]
    file, data = (shlex.quote(os.path.basename(name)) for name in (model_file, table.source))
    return {
        "target": model.encoding.target.name,
        "report": report,
        "record": record,
        "headline": [str(part) for part in headline(report)],
        "proven": certificate["scope"] == "exact" and certificate["relative_gap"] <= OPTIMAL,
        "claim": proven_claim(certificate, problem["layers"] > 2),
        "facts": _facts(report, [column.name for column in model.encoding.inputs]),
        "scores": _scores(report["score"]),
        "limits": limit_texts(record["limits"]),
        "formula": record["formula"].split("\n") if record["formula"] else None,
        "deep": any(term["layer"] > 1 for term in record["terms"]),
        "separate": any(term["output"] is not None for term in record["terms"]),
        "rows": _rows(model, table, record),
        "columns": [*(column.name for column in model.encoding.inputs), *_labelled(model, table)],
        "example": explain_row(model, table, str(table.row_ids[0])),
        "in_sight": IN_SIGHT,
        "commands": [
            ("Predictions for new rows, as CSV", f"wedgefit predict {file} new.csv"),
            (
                "What each wedge adds to the prediction for one row",
                f"wedgefit explain {file} {data} --row {shlex.quote(str(table.row_ids[0]))}",
            ),
            ("Check every figure of this page that is a claim", f"wedgefit certify {file} {data}"),
        ],
        "version": __version__,
    }


def proven_claim(certificate: dict, deep: bool) -> str:
    """What is proven, in words that go no further than the certificate."""
    exact, network = certificate["scope"] == "exact", certificate["network_lower_bound"]
    last = ", given the layers below the last" if deep else ""
    among = "wedges" if exact else "the wedges that were priced"
    claim = f"nothing made of {among} can get below {render.number(certificate['lower_bound'], 8)}{last}"
    if exact and network is not None and not deep:
        claim += f", and no network of this kind, of any size, below {render.number(network, 8)}"
    return claim


def _facts(report: dict, inputs: list[str]) -> list[tuple[str, str]]:
    data, problem = report["data"], report["problem"]
    classes = f"one of {_listed(data['classes'])}" if data["classes"] else "a number"
    targets = [data["target"]] if isinstance(data["target"], str) else data["target"]
    first = problem["order"][0] if isinstance(problem["order"], list) else problem["order"]
    order = (
        "any number of columns"
        if first == "full"
        else f"at most {first} column{'s' * (first != 1)}"
    )
    hidden = [neuron for neuron in report["neurons"] if neuron["layer"] == 1]
    return [
        (
            "Learnt from",
            f"{os.path.basename(data['source']) if data['source'] != '-' else 'standard input'}, {data['rows']:,} rows",
        ),
        ("Predicts", f"{_listed(targets)}: {classes}"),
        ("From", _listed(inputs)),
        (
            "Network",
            f"{len(report['neurons']):,} neurons{f' ({len(hidden):,} in the first layer)' if problem['layers'] > 2 else ''}, each reading {order}",
        ),
        ("Stands on", f"{len(report['samples']):,} rows"),
        (
            "Regularisation",
            f"alpha {render.number(problem['alpha'])}"
            + (", chosen by cross-validation" if report["score"].get("cv") else ""),
        ),
    ]


def _scores(score: dict) -> list[dict]:
    """A line per score: its name, on the training rows, and on rows held out with its standard
    error."""
    held_out = score.get("cv") or {}
    return [
        {"name": render.SCORES.get(name, name), "train": value, "cv": held_out.get(name)} for name, value in score["train"].items() if value is not None
    ]  # fmt: skip


def _labelled(model: Model, table: Table) -> list[str]:
    return [name for name in model.encoding.target.names if name in table.columns]


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


STYLE = """
:root { --ink: #21272e; --soft: #5d6672; --faint: #dfe3e8; --paper: #ffffff; --wash: #f5f7f9; --accent: #0072b2; --good: #00694c; --warn: #8a4b00;
  color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebef; --soft: #a3adb9; --faint: #39424d; --paper: #14181d; --wash: #1c2229; --accent: #56b4e9; --good: #4fd0a5; --warn: #f0b35a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .35rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--faint); }
p { max-width: 44rem; margin: .5rem 0; overflow-wrap: anywhere; text-wrap: pretty; }
.lead, figcaption, .note, th, dt { color: var(--soft); }
.verdict { border-left: .3rem solid var(--warn); background: var(--wash); padding: .8rem 1.1rem; margin: 1.4rem 0; border-radius: 0 .4rem .4rem 0; }
.verdict.proven { border-color: var(--good); }
.verdict p:first-child { font-weight: 650; color: var(--warn); }
.verdict.proven p:first-child { color: var(--good); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.4rem; margin: 1rem 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th { font-weight: 500; }
.n { text-align: right; } .w { white-space: normal; min-width: 11rem; }
tr.sum td { font-weight: 650; border-bottom: 0; }
meter-bar { display: inline-block; width: 5rem; height: .6rem; background: var(--faint); border-radius: .2rem; }
meter-bar i { display: block; height: 100%; background: var(--accent); border-radius: .2rem; }
figure { margin: 1.2rem 0 1.8rem; }
figure .wide { margin: 0; }
figure svg { display: block; width: calc(var(--width) * 1.6px); max-width: 100%; height: auto; }
figcaption { font-size: .9rem; max-width: 44rem; margin-top: .4rem; }
code, pre { font: .875rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--wash); padding: .6rem .9rem; border-radius: .4rem; overflow-x: auto; margin: .3rem 0 1rem; }
.formula code { white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--accent); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { main { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.5rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  figure svg { max-width: none; width: max(100%, calc(var(--width) * 1px)); } }
@media print { :root { --ink: #000; --soft: #444; --faint: #ccc; --paper: #fff; --wash: #f5f5f5; color-scheme: light; } main { max-width: none; padding: 0; }
  body { font-size: 10pt; } h2 { break-after: avoid; } figure, tr, .verdict { break-inside: avoid; } .wide { overflow: visible; }
  figure svg { max-width: 100%; } th, td { white-space: normal; } }
"""

TEMPLATE = """<!doctype html>
{% macro bar(share, most) %}
<meter-bar aria-hidden="true"><i style="width: {{ "%.1f" % (100 * share / most if most else 0) }}%"></i></meter-bar>
{% endmacro %}
{% macro several(value) %}
{% if value is mapping %}{% for name, part in value.items() %}{{ name }}&nbsp;{{ part | number }}{{ "" if loop.last else ", " }}{% endfor %}
{% elif value is none %}–{% else %}{{ value | number }}{% endif %}
{% endmacro %}
{% macro terms(items, most) %}
<div class="wide"><table>
<tr><th class="n">id</th>{% if deep %}<th class="n">layer</th>{% endif %}{% if separate %}<th>class</th>{% endif %}
<th>hinge</th><th>active</th><th class="n">coefficient</th><th class="n">share</th><th></th><th class="n">active rows</th></tr>
{% for term in items %}
<tr><td class="n">{{ term.id }}</td>{% if deep %}<td class="n">{{ term.layer }}</td>{% endif %}{% if separate %}<td>{{ term.output }}</td>{% endif %}
<td class="w"><code>{{ term.hinge.text }}</code></td><td class="w">{{ term.where }}</td><td class="n">{{ several(term.hinge.coefficient) }}</td>
<td class="n">{{ term.share | percent(1) }}</td><td>{{ bar(term.share, most) }}</td><td class="n">{{ "{:,}".format(term.active_rows) }}</td></tr>
{% endfor %}
</table></div>
{% endmacro %}
{% macro samples(items, most) %}
<div class="wide"><table>
<tr><th class="n">row</th><th class="n">influence</th><th></th>{% for name in columns %}<th>{{ name }}</th>{% endfor %}<th>wedges</th></tr>
{% for row in items %}
<tr><td class="n">{{ row.id }}</td><td class="n">{{ row.influence | percent(1) }}</td><td>{{ bar(row.influence, most) }}</td>
{% for cell in row.cells %}<td>{{ cell | value }}</td>{% endfor %}<td>{{ row.neurons | listed }}</td></tr>
{% endfor %}
</table></div>
{% endmacro %}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>How {{ target }} is predicted</title>
<style>{{ style }}</style>
</head>
<body>
<main>
<h1>How {{ target }} is predicted</h1>
<p class="lead">A ReLU network whose every neuron is named by rows of the table that it was learnt from.</p>

<section class="verdict{{ " proven" if proven }}">
{% for line in headline %}
<p>{{ line }}</p>
{% endfor %}
<p>Training makes one number small, the <em>objective</em>: the error on the rows, plus a price for every neuron. This network reaches
{{ report.certificate.objective | number(8) }}, and there is a proof that {{ claim }}.
The proof is about these rows and this price. It does not say how well new rows are predicted: that is what the scores are for.</p>
</section>

<dl>
{% for name, words in facts %}
<dt>{{ name }}</dt><dd>{{ words }}</dd>
{% endfor %}
</dl>

<h2>How good it is</h2>
<div class="wide"><table>
<tr><th>score</th><th class="n">rows it was trained on</th><th class="n">rows held out</th></tr>
{% for score in scores %}
<tr><td>{{ score.name }}</td><td class="n">{{ score.train | number }}</td>
<td class="n">{% if score.cv %}{{ score.cv.mean | number }} ± {{ score.cv.se | number(2) }}{% else %}–{% endif %}</td></tr>
{% endfor %}
</table></div>
<p class="note">{% if report.score.cv %}Held out: every row was predicted once by a network that had not seen it; ± is one standard error over the folds.
{% else %}There are no scores on held-out rows, because alpha was given: look at new rows before you trust the others.{% endif %}</p>

<h2>What it has learnt</h2>
{% for figure in figures %}
<figure><div class="wide">{{ figure.svg }}</div><figcaption>{{ figure.caption }}</figcaption></figure>
{% endfor %}

<h2>The terms</h2>
{% if formula %}
<div class="formula">{% for line in formula %}<pre><code>{{ line }}</code></pre>{% endfor %}</div>
{% else %}
<p>The score is {{ several(report.intercept) }} plus the sum of coefficient × hinge over these {{ record.terms | length }} wedges.</p>
{% endif %}
{% for words in limits %}
<p>{{ words }}.</p>
{% endfor %}
{% if record.terms %}
<p class="note">A wedge is zero on one side and rises on the other. “Above the line through rows 12 and 57”: of the two columns in the hinge the first
goes across and the second up.</p>
{{ terms(record.terms[:in_sight], record.terms[0].share) }}
{% if record.terms | length > in_sight %}
<details><summary>{{ record.terms | length - in_sight }} smaller ones</summary>{{ terms(record.terms[in_sight:], record.terms[0].share) }}</details>
{% endif %}
{% else %}
<p>There are none: the model is a constant.</p>
{% endif %}

{% if rows %}
<h2>The rows that it stands on</h2>
<p class="note">Every wedge passes through rows of the table. No other row has a place in the network.</p>
{{ samples(rows[:in_sight], rows[0].influence) }}
{% if rows | length > in_sight %}
<details><summary>{{ rows | length - in_sight }} more</summary>{{ samples(rows[in_sight:], rows[0].influence) }}</details>
{% endif %}
{% endif %}

<h2>One prediction, step by step</h2>
<p>Row {{ example.data.row }}: {% for name, cell in example["values"].items() %}{{ name }} {{ cell | value }}{{ "" if loop.last else ", " }}{% endfor %}.{% for remark in example.remarks %} ({{ remark }}.){% endfor %}</p>
{% for output in example.outputs %}
<div class="wide"><table>
<tr><th>{{ output.output if report.data.classes is none else "score of " ~ target ~ " = " ~ output.output }}</th><th>active</th><th class="n">adds</th></tr>
<tr><td>intercept</td><td></td><td class="n">{{ output.intercept | number }}</td></tr>
{% for term in output.contributions if term.contribution %}
<tr><td class="w"><code>{{ term.hinge }}</code></td><td class="w">{{ term.where }}</td><td class="n">{{ term.contribution | number }}</td></tr>
{% endfor %}
<tr class="sum"><td>together</td><td></td><td class="n">{{ output.score | number }}</td></tr>
</table></div>
{% endfor %}
<p>{% if report.data.classes is none %}That is the prediction.{% else %}The prediction is {{ example.prediction }}{% if example.probabilities %},
with probability {{ example.probabilities[example.prediction | value] | percent(1) }}{% endif %}.{% endif %}</p>

<h2>How to predict</h2>
{% for words, line in commands %}
<p>{{ words }}:</p><pre><code>{{ line }}</code></pre>
{% endfor %}

<footer>{% for note in report.notes %}<p>Note: {{ note }}.</p>{% endfor %}<p>wedgefit {{ version }}</p></footer>
</main>
</body>
</html>
"""
