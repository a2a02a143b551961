"""Records become tables for people: the only place that rounds. JSON never passes through here."""

from __future__ import annotations

import io
import math
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from wedgefit.views.explain import curve_values, limit_texts

# Wider than any line: what is piped is never wrapped or cut.
UNLIMITED = 1_000_000
# A short report shows this many neurons, the largest first.
MOST_NEURONS = 20
# From this relative gap on a fit is called optimal.
OPTIMAL = 1e-4
# No gap below this is claimed: it is that of float64.
ROUNDING = 1e-15
NOTHING = "–"
SCORES = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "accuracy": "accuracy",
    "auc": "AUC",
    "log_loss": "log loss",
}

Parts = Iterator[RenderableType]


def to_text(parts: Iterable[RenderableType], stream: TextIO | None) -> str:
    """The parts as text for this stream: in its width and colours on a terminal, plain and
    unwrapped elsewhere."""
    paper = _Paper(stream)
    console = (
        _console(paper)
        if paper.isatty()
        else Console(file=paper, width=UNLIMITED, color_system=None, emoji=False)
    )
    for part in parts:
        console.print(part)
    text = paper.getvalue()
    return text if paper.isatty() else "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def to_markdown(parts: Iterable[RenderableType]) -> str:
    """The parts as Markdown: lines of text as paragraphs, tables as tables, without the small
    pictures."""
    return "\n\n".join(filter(None, map(_markdown, parts))) + "\n"


def _markdown(part: RenderableType) -> str:
    if not isinstance(part, Table):
        text = _escaped(str(part).strip())
        return f"**{text}**" if text and getattr(part, "style", "") == "bold" else text
    columns = [column for column in part.columns if str(column.header)]
    head = [_escaped(str(column.header)) for column in columns]
    rules = ["---:" if column.justify == "right" else "---" for column in columns]
    rows = [
        [_escaped(str(cell)) for cell in cells]
        for cells in zip(*(column.cells for column in columns))
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *rows))


def _escaped(text: str) -> str:
    """Names in tables may hold what Markdown takes for marks."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#$&" else c for c in text)


class _Paper(io.StringIO):
    """Collects what rich would write to the stream; the writing, and what can go wrong with it, is
    the caller's."""

    def __init__(self, stream: TextIO | None):
        super().__init__()
        self._terminal = is_terminal(stream)
        self._encoding = getattr(stream, "encoding", None)

    @property
    def encoding(self) -> str | None:
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads along; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def _console(stream: TextIO) -> Console:
    # rich would still print bold and dim with NO_COLOR; without a colour system it prints no escape
    # codes at all.
    probe = Console(file=stream, emoji=False, highlight=False)
    return (
        Console(file=stream, emoji=False, highlight=False, color_system=None)
        if probe.no_color
        else probe
    )


# The report of train ------------------------------------------------------------------------------


def train(report: dict, path: str, *, verbose: bool = False, short: bool = False) -> Parts:
    """What was fitted, how good it is, which neurons and rows it stands on, where the model is.

    ``short`` leaves the smaller neurons out.
    """
    yield from headline(report)
    yield from _refined(report["neurons"], report["problem"])
    yield ""
    yield _summary(report)
    if verbose and (selection := report["score"].get("selection")):
        tried = f"{selection['rule']} of {len(report['score']['curve'])} by the {SCORES.get(selection['scoring'], plain(selection['scoring']))}"
        solved = f"{selection['folds']} folds, solved on sampled wedges to a gap of {bound(selection['relative_gap'])}"
        yield _labelled("Alpha", f"the {tried} over {solved}")
    if verbose or len(report["stages"]) > 1:
        yield _title("Certificates")
        yield _stages(report["stages"])
    yield from _neurons(report["neurons"], most=MOST_NEURONS if short else None)
    if report["samples"]:
        yield _labelled(
            f"The neurons pass through {_count(len(report['samples']), 'row')}",
            _listed(report["samples"]),
        )
    if verbose and report["seconds"]:
        yield _labelled(
            "Seconds",
            ", ".join(
                f"{plain(name)} {number(value, 3)}" for name, value in report["seconds"].items()
            ),
        )
    yield ""
    if path == "-":
        yield Text("The model went to standard output.")
    else:
        name = "" if path == "wedgefit.json" else f" {shlex.quote(path)}"
        yield Text.assemble(
            "Model written to ",
            (plain(path), "bold"),
            ". Next: ",
            (f"wedgefit explain{plain(name)}", "bold"),
        )


def _networks_in(report: dict) -> int:
    """How many networks there are: one, or one per class."""
    return len({stage["output"] for stage in report["stages"]})


def headline(report: dict) -> Parts:
    """What the certificate of a report says, in a sentence or two, and no more than that."""
    certificate, problem, width = (
        report["certificate"],
        report["problem"],
        len(report["data"]["columns"]),
    )
    networks = _networks_in(report)
    gap, layers = certificate["relative_gap"], problem["layers"] - 1
    exact, network = certificate["scope"] == "exact", certificate["network_relative_gap"]
    style = "bold green" if exact and gap <= OPTIMAL else "bold yellow"
    wedges = f"all {_count(certificate['wedges_total'], 'wedge')}"
    if layers > 1:
        yield Text(
            f"Layer by layer: this is about hidden layer {layers} of {layers}, given those below it; no claim is made about all layers together."
        )
    if networks > 1:
        yield Text(
            f"One network per class, each against the other classes: this is about all {networks} together."
        )
    if problem["refitted"]:
        yield Text(
            "Refitted: this is about the penalised fit that chose the neurons, not about the coefficients they have now."
        )
    whole = "objective" if networks == 1 else "sum of their objectives"
    if not exact:
        priced = f"the {certificate['wedges_priced']:,} wedges priced in the last round, of {certificate['wedges_total']:,} in all"
        best = (
            "best" if gap <= OPTIMAL else f"up to {_gain(gap)} of the {whole} could still be gained"
        )
        yield Text(f"Sampled: {best} among {priced}; no claim beyond.", style=style)
        return
    # For norm 2 a network may do better than all wedges: then its bound is another, and is told
    # apart.
    same = network is not None and network <= max(1.001 * gap, ROUNDING)
    domain = f"{wedges}, and among all {_networks(problem, width, networks)}" if same else wedges
    if gap <= OPTIMAL:
        best = "Globally optimal" if layers == 1 else "Optimal, given the layers below,"
        yield Text(
            f"{best} among {domain}: at most {_gain(gap)} of the {whole} can be gained (exact).",
            style=style,
        )
    else:
        yield Text(
            f"Not optimal: up to {_gain(gap)} of the {whole} could still be gained among {domain} (exact).",
            style=style,
        )
    if network is not None and not same:
        yield Text(
            f"Among all {_networks(problem, width, networks)} at most {_gain(network)} of the {whole} can be gained.",
            style=style,
        )


def _refined(neurons: Sequence[dict], problem: dict) -> Parts:
    """How many neurons are no wedges."""
    anchors = 0 if problem["hidden_bias"] else 1
    refined = sum(len(neuron["samples"]) < neuron["order"] - anchors for neuron in neurons)
    if refined:
        rows = "one row" if problem["hidden_bias"] else "no row"
        yield Text(
            f"{refined} of {_count(len(neurons), 'neuron')} were refined: they are no wedges and pass through {rows} only."
        )


def _gain(gap: float) -> str:
    """A relative gap in words, rounded up and never below what rounding errors allow to claim."""
    return bound(max(gap, ROUNDING)) if gap < 1e-3 else f"{math.ceil(1000 * gap - 1e-9) / 10:.1f}%"


def _networks(problem: dict, width: int, networks: int) -> str:
    biases = "" if problem["hidden_bias"] else " without hidden biases"
    each, order = "" if networks == 1 else ", one per class,", problem["order"]
    if problem["layers"] > 2:
        order = order[-1] if isinstance(order, list) else order
        at_most = "" if order == "full" else f" whose hidden neurons read at most {order} of them"
        return f"two-layer ReLU networks{biases} on what the layers below pass on{each}{at_most}".rstrip(
            ","
        )
    if order == "full" or order >= width:
        return f"two-layer ReLU networks{biases}{each}".rstrip(",")
    return f"two-layer ReLU networks{biases}{each} whose hidden neurons read at most {_count(order, 'column')}"


def _summary(report: dict) -> Table:
    data, problem, certificate = report["data"], report["problem"], report["certificate"]
    grid = _grid()
    grid.add_row(
        "Data",
        _line(
            f"{plain(data['source'])}: {_count(data['rows'], 'row')}, {_count(len(data['columns']), 'input')}"
        ),
    )
    classes = f", {_either(data['classes'])}" if data["classes"] else ""
    grid.add_row("Target", _line(f"{_listed(_several(data['target']))} ({data['task']}{classes})"))
    for role in ("weight", "group"):
        if data[role] is not None:
            grid.add_row(f"{role.capitalize()}s", _line(plain(data[role])))
    ratio = problem["alpha"] / problem["alpha_max"] if problem["alpha_max"] else None
    orders = problem["order"] if isinstance(problem["order"], list) else [problem["order"]]
    order = ", then ".join("full" if order == "full" else f"at most {order}" for order in orders)
    switches = [
        (not problem["hidden_bias"], "no hidden biases"),
        (not problem["intercept"], "no output bias"),
        (not problem["standardized"], "columns as they are"),
        (problem["class_weight"] == "balanced", "classes balanced"),
        (problem["refitted"], "refitted without a penalty"),
    ]
    words = [
        f"{problem['loss']} loss",
        f"alpha {number(problem['alpha'])} ({number(ratio, 3)} of alpha_max)",
        f"order {order}",
    ]
    words += [
        f"norm {problem['norm']}",
        f"{problem['layers']} layers",
        *(word for switched, word in switches if switched),
    ]
    grid.add_row("Problem", _line(", ".join(words)))
    if problem["range_dispersion"] is not None:
        grid.add_row(
            "Range dispersion", _line(f"{number(problem['range_dispersion'])} of a half turn")
        )
    layers = [
        sum(neuron["layer"] == layer for neuron in report["neurons"])
        for layer in range(1, problem["layers"])
    ]
    neurons, networks = (
        f"{' + '.join(f'{many:,}' for many in layers)} neuron{'s' * (layers != [1])}",
        _networks_in(report),
    )
    neurons += f" in {networks} networks" * (networks > 1)
    bias = _each(report["intercept"])
    grid.add_row(
        "Network",
        _line(f"{neurons}, objective {number(certificate['objective'], 6)}, output bias {bias}"),
    )
    for name, title in (("train", "Training score"), ("cv", "Cross-validated")):
        if report["score"].get(name):
            grid.add_row(title, _line(_scores(report["score"][name])))
    return grid


def _stages(stages: Sequence[dict]) -> Table:
    separate = any(stage["output"] is not None for stage in stages)
    table = _table(
        *["class"] * separate, "layer>", "neurons>", "objective>", "lower bound>", "gap>", "scope"
    )
    for stage in stages:
        figures = (
            number(stage["objective"], 6),
            number(stage["lower_bound"], 6),
            bound(stage["relative_gap"]),
        )
        _row(
            table,
            *[stage["output"]] * separate,
            stage["layer"],
            stage["neurons"],
            *figures,
            stage["scope"],
        )
    return table


def _neurons(neurons: Sequence[dict], *, most: int | None) -> Parts:
    """The neurons by share; the report's own order where shares are equal."""
    if not neurons:
        yield Text("\nNo neurons: the model is a constant. Try a smaller --alpha.")
        return
    ranked = sorted(neurons, key=lambda neuron: -neuron["share"])
    shown = ranked[:most]
    deep = any(neuron["layer"] > 1 for neuron in neurons)
    separate = any(neuron["output"] is not None for neuron in neurons)
    table = _table(
        "id>",
        *["layer>"] * deep,
        *["class"] * separate,
        "reads",
        "through rows",
        "coefficient>",
        "share>",
        "",
        "active rows>",
    )
    for neuron in shown:
        place = [neuron["layer"]] * deep + [neuron["output"]] * separate
        share = percent(neuron["share"], 1), Meter(neuron["share"], ranked[0]["share"])
        figures = _each(neuron["coefficient"]), *share, f"{neuron['active_rows']:,}"
        _row(
            table,
            neuron["id"],
            *place,
            _listed(neuron["columns"]),
            _listed(neuron["samples"]),
            *figures,
        )
    yield _title("Neurons")
    yield table
    if len(shown) < len(ranked):
        yield Text(
            f"and {len(ranked) - len(shown):,} smaller ones; --verbose or wedgefit explain shows them all.",
            style="dim",
        )


# The other records --------------------------------------------------------------------------------


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


def _wedges(explanation: dict) -> Parts:
    if not (terms := explanation["terms"]):
        return
    deep, separate = (
        any(term["layer"] > 1 for term in terms),
        any(term["output"] is not None for term in terms),
    )
    places = ["layer>"] * deep + ["class"] * separate
    table = _table(
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
        figures = _each(term["hinge"]["coefficient"]), *share, f"{term['active_rows']:,}"
        place = [term["layer"]] * deep + [term["output"]] * separate
        words = (
            term["hinge"]["text"],
            _listed(term["columns"]),
            term["side"],
            _listed(term["samples"]),
        )
        _row(table, term["id"], *place, *words, *figures)
    yield _title(f"Wedges{_of(explanation, 'terms')}")
    yield table


def _columns(explanation: dict) -> Parts:
    if not (columns := explanation["columns"]):
        return
    table = _table("column", "importance>", "", "wedges")
    most = max(column["importance"] for column in columns)
    for column in columns:
        share = percent(column["importance"], 1), Meter(column["importance"], most)
        _row(table, column["name"], *share, _listed(column["neurons"]) or NOTHING)
    yield _title(f"Columns{_of(explanation, 'columns')}")
    yield table


def _curves(explanation: dict) -> Parts:
    """One line per curve: its picture, and the kinks or levels that it is made of."""
    if not (curves := explanation["curves"]):
        return
    several = len(explanation["outputs"]) > 1
    table = _table("column", *["output"] * several, "shape", "adds")
    for curve in curves:
        output = [curve["output"]] * several
        if curve["kind"] == "category":
            words = "; ".join(
                f"{level}: {_value(value, 4)}" for level, value in curve["levels"].items()
            )
            _row(table, curve["column"], *output, Spark(list(curve["levels"].values())), words)
        else:
            words = "; ".join(
                f"{_value(knot['value'], 4)} at {_value(knot['at'], 4)}" for knot in curve["knots"]
            )
            slopes = f"slope {_value(curve['below'], 4)} before, {_value(curve['above'], 4)} after"
            _row(table, curve["column"], *output, Spark(_outline(curve)), f"{words}; {slopes}")
    yield _title(f"Curves: what the wedges of one column add together{_of(explanation, 'curves')}")
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
    table = _table(
        "row>", "influence>", "", *(f"{name}>" for name in names), "wedges", *["classes"] * separate
    )
    most = max(sample["influence"] for sample in samples)
    for sample in samples:
        values = [_value(cell) for cell in sample["cells"].values()]
        influence = percent(sample["influence"], 1), Meter(sample["influence"], most)
        _row(
            table,
            sample["id"],
            *influence,
            *values,
            _listed(sample["neurons"]),
            *[_listed(sample["outputs"])] * separate,
        )
    yield _title(
        f"The {_count(explanation['sizes']['samples'], 'row')} that they pass through{_of(explanation, 'samples')}"
    )
    yield table


def local(record: dict) -> Parts:
    """One prediction: its value, the row it is for, and per output intercept and contributions,
    which add up to the score."""
    yield Text(f"Row {plain(record['data']['row'])} of {plain(record['data']['source'])}")
    names = _several(record["target"])
    values = [record["prediction"]] if len(names) == 1 else record["prediction"]
    for name, value in zip(names, values):
        yield Text(f"{plain(name)}: {_value(value)} predicted", style="bold")
    if record["probabilities"]:
        yield Text(
            "Probability "
            + ", ".join(
                f"{plain(name)} {percent(value, 1)}"
                for name, value in record["probabilities"].items()
            )
        )
    yield Text(_given(record["values"]))
    for remark in record["remarks"]:
        yield Text(f"Note: {plain(remark)}.")
    for output in record["outputs"]:
        yield from _sum(output, record["classes"] is not None, len(record["outputs"]) > 1)


def _given(values: dict) -> str:
    return "Given " + ", ".join(f"{plain(name)} {_value(value)}" for name, value in values.items())


def _sum(output: dict, classes: bool, several: bool) -> Parts:
    """The terms that are not zero, and what they add up to."""
    terms = [term for term in output["contributions"] if term["contribution"]]
    idle = len(output["contributions"]) - len(terms)
    table = _table("wedge>", "contribution>", "", "reads", "active", "hinge")
    most = max((abs(term["contribution"]) for term in terms), default=0.0)
    _row(table, "", number(output["intercept"]), "", "", "intercept", "")
    for term in terms:
        size = (
            number(term["contribution"]),
            Meter(abs(term["contribution"]), most, minus=term["contribution"] < 0),
        )
        _row(table, term["id"], *size, _listed(term["columns"]), term["where"], term["hinge"])
    rest = output["score"] - math.fsum(
        [output["intercept"], *(term["contribution"] for term in terms)]
    )
    if abs(rest) > 1e-9 * max(abs(output["score"]), most):  # --top left some out.
        _row(table, "", number(rest), "", "", "the others", "")
    name = (
        f"score of {plain(output['output'])}"
        if classes
        else plain(output["output"])
        if several
        else "prediction"
    )
    _row(table, "", number(output["score"]), "", "", name, "", style="bold")
    yield _title(
        f"How the score of {plain(output['output'])} adds up"
        if classes
        else f"How {plain(output['output'])} adds up"
    )
    yield table
    if idle:
        yield Text(
            f"{_count(idle, 'more wedge')} {'are' if idle > 1 else 'is'} zero here.", style="dim"
        )


def _sums(explanation: dict) -> Iterator[str]:
    """One line per output in place of a formula that would be too long to read."""
    intercept = explanation["intercept"]
    for output in explanation["outputs"]:
        bias = intercept[output] if isinstance(intercept, dict) else intercept
        own = sum(term["output"] in (None, output) for term in explanation["terms"])
        cut = len(explanation["terms"]) < explanation["sizes"]["terms"]
        name = f"score of {output}" if explanation["classes"] else output
        yield f"{name} = {number(bias)} + the sum of coefficient · hinge over {'its wedges' if cut else _count(own, 'wedge')}"


def evaluate(evaluation: dict) -> Parts:
    """The scores on labelled data."""
    data, score = evaluation["data"], evaluation["score"]
    yield Text(f"{plain(data['source'])}: {_count(data['rows'], 'row')}")
    grid = _grid()
    for name, value in score.items():
        grid.add_row(SCORES.get(name, plain(name)), _line(number(value)))
    yield grid


def path(record: dict) -> Parts:
    """One line per alpha, the choices of both rules marked."""
    data, chosen, points = record["data"], record["chosen"], record["points"]
    yield Text(
        f"{plain(data['source'])}: {_count(data['rows'], 'row')}, target {_listed(_several(data['target']))}"
    )
    name = SCORES.get(record["score_name"], plain(record["score_name"]))
    table = _table(
        "alpha>",
        "of alpha_max>",
        "neurons>",
        "samples>",
        "objective>",
        "gap>",
        "scope",
        f"{name} (cv)>",
        "± se>",
        "choice",
    )
    for point in points:
        cv = point["cv"] or {"mean": None, "se": None}
        marks = ", ".join(rule for rule, alpha in chosen.items() if alpha == point["alpha"])
        sizes = f"{point['neurons']:,}", f"{point['samples']:,}"
        figures = number(point["objective"], 6), bound(point["relative_gap"]), point["scope"]
        scores = number(cv["mean"]), number(cv["se"], 2)
        _row(
            table,
            number(point["alpha"]),
            number(point["alpha_ratio"]),
            *sizes,
            *figures,
            *scores,
            marks,
            style="bold" if marks else None,
        )
    yield table
    if scores := [point["cv"]["mean"] for point in points if point["cv"]]:
        yield ""
        grid = _grid()
        grid.add_row(f"{name} from the first line to the last", Spark(scores))
        yield grid
    if chosen.get("best") is not None:
        command = f"wedgefit train {_quoted(data['source'])} --alpha {chosen['best']!r}"
        yield Text.assemble("\nNext: ", (command, "bold"), ", with the other options of this path.")


def certify(certification: dict) -> Parts:
    """What was stored, what was recomputed, and whether they agree."""
    table = _table("figure", "stored>", "recomputed>", "agree")
    for check in certification["checks"]:
        agree = Text(
            "yes" if check["agrees"] else "NO", style="green" if check["agrees"] else "bold red"
        )
        _row(
            table,
            check["name"],
            _value(check["stored"], 12),
            _value(check["recomputed"], 12),
            agree,
        )
    yield table
    if certification["agrees"]:  # If not, the message is the error that the command ends with.
        yield Text(f"{plain(certification['message']).capitalize()}.", style="bold green")


def yardstick(record: dict) -> Parts:
    """How far a network from elsewhere is from the optimum, and what of that is proven."""
    network, optimum, problem = record["network"], record["optimum"], record["problem"]
    own, upper, lower = network["objective"], optimum["upper_bound"], optimum["lower_bound"]
    at_least, at_most = optimum["lost"]["at_least"], optimum["lost"]["at_most"]
    digits = _digits_apart(own, (upper, own if lower is None else lower))
    yield Text(f"Your network: {number(own, digits)}.", style="bold")
    if lower is None:
        yield Text(
            f"Best network found: {number(upper, digits)}. The optimum may lie below: no bound is known here.",
            style="bold",
        )
    else:
        between = f"between {_rounded(lower, digits, math.floor)} and {_rounded(upper, digits, math.ceil)}"
        kind = (
            "two-layer ReLU networks"
            if problem["hidden_bias"]
            else "two-layer ReLU networks without hidden biases"
        )
        yield Text(f"Certified optimum, over all {kind}: {between}.", style="bold")
    yield from _lost(at_least, at_most)
    yield ""
    grid = _grid()
    ways = [
        f"{problem['loss']} loss",
        f"alpha {number(problem['alpha'])}",
        f"norm {problem['norm']}",
    ]
    ways += [
        word
        for word, has in (
            ("no hidden biases", problem["hidden_bias"]),
            ("no output bias", problem["intercept"]),
        )
        if not has
    ]
    rows, inputs = (
        _count(record["data"]["rows"], "row"),
        _count(len(record["data"]["columns"]), "input"),
    )
    grid.add_row(
        "Data",
        _line(
            f"{plain(record['data']['source'])}: {rows}, {inputs}, target {plain(record['data']['target'])}"
        ),
    )
    grid.add_row("Problem", _line(", ".join(ways)))
    parts = f"loss {number(network['loss'], digits)} + penalty {number(network['penalty'], digits)}"
    rescaled = f"{number(network['rescaled_objective'], digits)} with its neurons rescaled"
    grid.add_row(
        "Your network",
        _line(
            f"{_count(network['neurons'], 'neuron')}, {parts}, {rescaled}; {_scores(network['score'])}"
        ),
    )
    grid.add_row(
        "wedgefit's", _line(f"{_count(optimum['neurons'], 'neuron')}; {_scores(optimum['score'])}")
    )
    yield grid


def _lost(at_least: float, at_most: float | None) -> Parts:
    """Which part of the objective is lost: rounded such that every word stays true."""
    if at_most is not None and at_most <= OPTIMAL:
        yield Text(
            f"It is globally optimal: at most {_gain(at_most)} of the objective can be gained (proven).",
            style="bold green",
        )
        return
    floor = math.floor(10_000 * at_least + 1e-9) / 100
    lost = f"At least {floor:g}% of the objective is lost (proven: a better network exists)"
    least = lost if floor else "No network much better was found"
    ceiling = None if at_most is None else f"{math.ceil(10_000 * at_most - 1e-9) / 100:g}%"
    most = (
        "how much more is not known"
        if ceiling is None
        else f"at most {ceiling} (proven: no network is better)"
    )
    yield Text(f"{least}; {most}.", style="bold yellow")


def _digits_apart(value: float, others: Iterable[float]) -> int:
    """So many digits that the value is seen to differ from the others: 5, or up to 10 where they
    are close."""
    apart = [abs(value - other) / abs(value) for other in others if value and other != value]
    return min(10, max(5, *(2 - math.floor(math.log10(part)) for part in apart))) if apart else 5


def _rounded(value: float, digits: int, towards) -> str:
    """The number rounded down or up, so that it stays a bound."""
    unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits) if value else 1.0
    return number(towards(value / unit) * unit, digits)


# Figures and words --------------------------------------------------------------------------------


def number(value: float | None, digits: int = 4) -> str:
    """A number in so many significant digits, without an exponent where that reads well."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -5 < size < 9:
        return f"{value:.{digits - 1}e}"
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    return text.rstrip("0").rstrip(".") if float(value).is_integer() and "." in text else text


def bound(value: float | None) -> str:
    """An upper bound in one significant digit, never rounded down."""
    if value is None or value == 0:
        return NOTHING if value is None else "0"
    size = math.floor(math.log10(abs(value)))
    rounded = float(f"{math.ceil(value / 10.0**size - 1e-9)}e{size}")
    return f"{rounded:.0e}".replace("e-0", "e-") if rounded < 1e-3 else f"{rounded:g}"


def _each(value: float | dict[str, float] | None) -> str:
    """A number, or one per output with its name."""
    if isinstance(value, dict):
        return ", ".join(f"{plain(name)} {number(part)}" for name, part in value.items())
    return number(value)


def _several(names: str | list[str]) -> list[str]:
    """One name or many, as a list."""
    return [names] if isinstance(names, str) else names


def percent(value: float | None, decimals: int = 2) -> str:
    """A share as per cent."""
    return NOTHING if value is None else f"{100 * value:.{decimals}f}%"


def plain(text: object) -> str:
    """The text with control characters made visible, so that a name of a column cannot steer the
    terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def _value(value: object, digits: int = 6) -> str:
    """A value as people write it, without zeros at its end."""
    if isinstance(value, float):
        text = number(value, digits)
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return NOTHING if value is None else plain(value)


def _count(many: int | str, thing: str) -> str:
    return f"{many:,} {thing}{'s' * (many != 1)}"


def _listed(items: Iterable) -> str:
    return ", ".join(map(plain, items))


def _either(items: Sequence) -> str:
    """``Adelie, Chinstrap or Gentoo``."""
    return " or ".join(filter(None, [_listed(items[:-1]), plain(items[-1])]))


def _quoted(word: str) -> str:
    return plain(shlex.quote(word))


def _scores(score: dict) -> str:
    """The scores that exist, those of cross-validation with their standard errors."""
    words = []
    for name, value in score.items():
        if isinstance(value, dict):
            words.append(
                f"{SCORES.get(name, plain(name))} {number(value['mean'])} ± {number(value['se'], 2)}"
            )
        elif value is not None:
            words.append(f"{SCORES.get(name, plain(name))} {number(value)}")
    return ", ".join(words)


# Small pictures -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meter:
    """A bar for a size from 0 to ``most``, in eighths of a letter; plain letters where the terminal
    knows no others."""

    size: float
    most: float
    minus: bool = False
    WIDTH: ClassVar[int] = 10

    def __str__(self) -> str:
        return self.drawn()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bar = self.drawn(min(self.WIDTH, options.max_width), ascii_only=options.ascii_only)
        yield Text(bar, style="red" if self.minus else "cyan")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.WIDTH, self.WIDTH)

    def drawn(self, width: int = WIDTH, *, ascii_only: bool = False) -> str:
        eighths = round(8 * width * min(1.0, max(0.0, self.size / self.most))) if self.most else 0
        if ascii_only:
            return ("-" if self.minus else "#") * round(eighths / 8)
        return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


@dataclass(frozen=True)
class Spark:
    """A line of bars of different heights, the lowest value at the bottom."""

    values: Sequence[float]
    WIDTH: ClassVar[int] = 16

    def __str__(self) -> str:
        return self.drawn()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.drawn(ascii_only=options.ascii_only), style="cyan")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(len(self.values), len(self.values))

    def drawn(self, *, ascii_only: bool = False) -> str:
        marks = "_.-~^" if ascii_only else "▁▂▃▄▅▆▇█"
        low, high = min(self.values), max(self.values)
        steps = [(value - low) / (high - low) if high > low else 0.5 for value in self.values]
        return "".join(marks[min(int(step * len(marks)), len(marks) - 1)] for step in steps)


# Parts of tables ----------------------------------------------------------------------------------


def _table(*headers: str) -> Table:
    """An empty table; a header that ends with > has its column to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        side = "right" if header.endswith(">") else "left"
        table.add_column(Text(plain(header.removesuffix(">"))), justify=side, overflow="fold")
    return table


def _row(table: Table, *cells: object, style: str | None = None) -> None:
    # Text, because a cell like "[red]x" would be taken for markup.
    table.add_row(
        *(cell if isinstance(cell, Text | Meter | Spark) else Text(plain(cell)) for cell in cells),
        style=style,
    )


def _title(words: str) -> Text:
    # Not the table's own title, which rich wraps at the width of the table.
    return Text(f"\n{words}", style="bold")


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _line(text: str) -> Text:
    return Text(text)


def _labelled(label: str, text: str) -> Text:
    return Text.assemble("\n", (label, "bold"), f": {text}")


# Progress -----------------------------------------------------------------------------------------


class Progress:
    """Shows on standard error how far the work is: a bar on a terminal, with ``verbose`` else a
    line now and then."""

    BETWEEN_LINES = 2.0  # seconds
    BETWEEN_FRAMES = 0.05

    def __init__(self, *, quiet: bool = False, verbose: bool = False):
        self._stream, self._quiet = sys.stderr, quiet
        terminal = is_terminal(self._stream) and not quiet
        self._bar = _bar(self._stream) if terminal else None
        self._lines = verbose and not quiet and not terminal and self._stream is not None
        self._stage, self._next, self._task = None, 0.0, None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, words: str) -> None:
        """Say something that must not be missed, unless all is to be quiet."""
        if not self._quiet and self._stream is not None:
            print(f"Note: {plain(words)}.", file=self._stream, flush=True)

    def advance(
        self, stage: str, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Say where the work is; cheap enough to be called in every round."""
        if self._bar is None and not self._lines:
            return
        now = time.monotonic()
        if stage == self._stage and now < self._next:
            return
        self._next = now + (self.BETWEEN_FRAMES if self._bar else self.BETWEEN_LINES)
        if self._bar is not None:
            self._draw(stage, done, total, detail)
        else:
            count = (
                "" if done is None else f" {done:,}" if total is None else f" {done:,}/{total:,}"
            )
            print(
                f"{plain(stage)}{count}{f': {plain(detail)}' if detail else ''}",
                file=self._stream,
                flush=True,
            )
        self._stage = stage

    def _draw(self, stage: str, done: int | None, total: int | None, detail: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task("", total=None, detail="")
        elif stage != self._stage:
            self._bar.reset(self._task)
        self._bar.update(
            self._task,
            description=plain(stage),
            completed=done or 0,
            total=total,
            detail=plain(detail),
        )


def _bar(stream: TextIO) -> Bar:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    return Bar(
        *columns,
        TimeElapsedColumn(),
        console=_console(stream),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
