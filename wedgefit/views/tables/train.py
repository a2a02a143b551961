"""The report of ``train``: what was fitted, how good it is, what it stands on."""

import math
import shlex
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from wedgefit.views.terminal import Meter, Parts, add_row, grid_of, labelled, table_of, title
from wedgefit.views.words import (
    LINE,
    OF_QUANTILES,
    SCORES,
    bound,
    count,
    each,
    either,
    in_lines,
    interval_words,
    listed,
    network_of,
    networks_words,
    number,
    percent,
    plain,
    reading,
    score_number,
    score_text,
    several,
    shape_words,
    shaped,
)  # fmt: skip

# A short report shows this many neurons, the largest first.
MOST_NEURONS = 20
# From this relative gap on a fit is called optimal.
OPTIMAL = 1e-4
# Up to this gap a proof that went less far is still one worth naming first.
NEAR = 0.1
# No gap below this is claimed: it is that of float64.
ROUNDING = 1e-15


def train(report: dict, path: str, *, verbose: bool = False, short: bool = False) -> Parts:
    """How good it is, what was fitted, which neurons and rows it stands on, where the model is, and
    what is certified.

    ``short`` leaves the smaller neurons out; ``verbose`` also says what was left at its default.
    """
    yield Text(_verdict(report), style="bold")
    yield ""
    yield _summary(report, verbose)
    if verbose and (selection := report["score"].get("selection")):
        yield labelled("Alpha", _selected(selection, len(report["score"]["curve"])))
    if verbose or len(report["stages"]) > 1:
        yield title("Certificates")
        yield _stages(report)
    yield from _neurons(report, most=MOST_NEURONS if short else None)
    if report["samples"]:
        rows = f"The neurons pass through {count(len(report['samples']), 'row')}"
        yield labelled(rows, in_lines("", report["samples"], LINE))
    if verbose and report["seconds"]:
        parts = (f"{plain(name)} {number(value, 3)}" for name, value in report["seconds"].items())
        yield labelled("Seconds", ", ".join(parts))
    yield ""
    yield _written(path)
    yield ""
    yield from _refined(report["neurons"], report["problem"])
    yield from headline(report)


def _verdict(report: dict) -> str:
    """The score that people know best, on rows held out if there are any, beside that of a
    constant."""
    score, data = report["score"], report["data"]
    held_out, constant = score.get("cv"), constant_scores(score)
    found = held_out or score["train"]
    asked = (score.get("selection") or {}).get("scoring")
    names = [name for name in (asked, *found) if found.get(name) is not None]
    if not names:
        return "No score is defined on these rows."
    name, value = names[0], found[names[0]]
    rows = "rows held out" if held_out else "the training rows"
    words = f"{score_text({name: value})} on {rows}"
    if constant and constant.get(name) is not None:
        base = constant[name]
        base = base["mean"] if isinstance(base, dict) else base
        what = "the most frequent class" if data["classes"] and name == "accuracy" else "a constant"
        words += f"; {what} alone has {score_number(name, base)}"
    return f"{words}."


def constant_scores(score: dict) -> dict | None:
    """The scores of a constant: on rows held out, where the path began with one, or on the training
    rows, whichever the network's are shown of; None where they are not known."""
    if not score.get("cv"):
        return score.get("baseline")
    first = (score.get("curve") or [{}])[0]
    if first.get("neurons") != 0:
        return None
    return {name: value for name, value in first.items() if name not in ("alpha", "neurons")}


def _selected(selection: dict, tried: int) -> str:
    score = SCORES.get(selection["scoring"], plain(selection["scoring"]))
    solved = f"solved on sampled wedges to a gap of {bound(selection['relative_gap'])}"
    folds = f"over {count(selection['folds'], 'fold')}, {solved}"
    return f"the {selection['rule']} of {tried} by the {score} {folds}"


def _written(path: str) -> Text:
    if path == "-":
        return Text("The model went to standard output.")
    name = "" if path == "wedgefit.json" else f" {shlex.quote(path)}"
    command = f"wedgefit explain{plain(name)}"
    return Text.assemble("Model written to ", (plain(path), "bold"), ". Next: ", (command, "bold"))


# The certificate ----------------------------------------------------------------------------------


def headline(report: dict) -> Parts:
    """What the certificate of a report says, in a sentence or two, and no more than that."""
    certificate, networks = report["certificate"], _networks_in(report)
    exact, gap = certificate["scope"] == "exact", certificate["relative_gap"]
    style = "bold green" if exact and gap <= OPTIMAL else "bold yellow"
    yield from map(Text, _reach(report, networks))
    whole = "objective" if networks == 1 else "sum of their objectives"
    if not exact:
        yield Text(_sampled(certificate, whole), style=style)
        return
    # For norm 2 a network may do better than all wedges: then its bound is another, and is told
    # apart.
    network = certificate["network_relative_gap"]
    same = network is not None and network <= max(1.001 * gap, ROUNDING)
    every = networks_words(report["problem"], len(report["data"]["columns"]), networks)
    domain = f"all {count(certificate['wedges_total'], 'wedge')}"
    domain += f", and among all {every}" if same else ""
    kind = shaped(report["problem"])
    domain += f", {kind}" if kind else ""
    yield Text(_optimal(report["problem"], gap, whole, domain), style=style)
    if network is not None and not same:
        most = f"at most {gain(network)} of the {whole} can be gained."
        yield Text(f"Among all {every} {most}", style=style)
    yield from _all_layers(report, whole)


def _all_layers(report: dict, whole: str) -> Parts:
    """What is proven of all layers together."""
    if "all_layers" not in report:
        return
    gap = report["all_layers"]["relative_gap"]
    style = "bold green" if gap <= OPTIMAL else "bold yellow"
    each_class = "" if _networks_in(report) == 1 else ", one per class,"
    yield Text(
        "All layers together, among all ReLU networks of three layers or more"
        f"{each_class} whose deeper neurons read one neuron each: at most {gain(gap)} of the "
        f"{whole} can be gained (exact).",
        style=style,
    )


def _networks_in(report: dict) -> int:
    """How many networks there are: one, or one per class or quantile."""
    return len({stage["output"] for stage in report["stages"]})


def _reach(report: dict, networks: int) -> list[str]:
    """What the certificate is about, where that is not simply the network."""
    problem = report["problem"]
    layers = problem["layers"] - 1
    words = []
    if layers > 1:
        together = "" if "all_layers" in report else "; no claim is made about all layers together"
        words.append(
            f"Layer by layer: this is about hidden layer {layers} of {layers}, given those below "
            f"it{together}."
        )
    if networks > 1 and problem["quantile"] is not None:
        words.append(
            f"One network per quantile: this is about all {networks} together, before the outputs "
            "of a row are put into ascending order, in which they do not cross."
        )
    elif networks > 1:
        words.append(
            "One network per class, each against the other classes: this is about all "
            f"{networks} together."
        )
    if (calibration := problem["calibration"]) is not None:
        done = "were put on a line" if "slope" in calibration else "pass the steps learnt"
        words.append(f"Calibrated: this is about the outputs before they {done} by rows held out.")
    if problem["refitted"]:
        words.append(
            "Refitted: this is about the penalised fit that chose the neurons, not about the "
            "coefficients they have now."
        )
    return words


def _sampled(certificate: dict, whole: str) -> str:
    gap = certificate["relative_gap"]
    better = f"up to {gain(gap)} of the {whole} could still be gained"
    priced, every = (f"{certificate[name]:,}" for name in ("wedges_priced", "wedges_total"))
    looked = f"the {priced} wedges priced in the last round, of {every} in all"
    return f"Sampled: {'best' if gap <= OPTIMAL else better} among {looked}; no claim beyond."


def _optimal(problem: dict, gap: float, whole: str, domain: str) -> str:
    if gap > NEAR:
        left = f"up to {gain(gap)} of the {whole} could still be gained"
        return f"Not proven optimal: {left} among {domain} (exact)."
    if gap > OPTIMAL:
        within = f"Proven within {gain(gap)} of the optimum among {domain}"
        return f"{within}: no more of the {whole} can be gained (exact)."
    best = "Globally optimal" if problem["layers"] == 2 else "Optimal, given the layers below,"
    return f"{best} among {domain}: at most {gain(gap)} of the {whole} can be gained (exact)."


def _refined(neurons: Sequence[dict], problem: dict) -> Parts:
    """How many neurons are no wedges."""
    anchors = 0 if problem["hidden_bias"] else 1
    refined = sum(len(neuron["samples"]) < neuron["order"] - anchors for neuron in neurons)
    if refined:
        rows = "one row" if problem["hidden_bias"] else "no row"
        of = f"{refined} of {count(len(neurons), 'neuron')}"
        if problem["shapes"]:
            yield Text(f"{of} pass through one row only: ramps begin or end there.")
            return
        yield Text(f"{of} were refined: they are no wedges and pass through {rows} only.")


def gain(gap: float) -> str:
    """A relative gap in words, rounded up and never below what rounding errors allow to claim."""
    return bound(max(gap, ROUNDING)) if gap < 1e-3 else f"{math.ceil(1000 * gap - 1e-9) / 10:.1f}%"


# The figures --------------------------------------------------------------------------------------


def _summary(report: dict, verbose: bool) -> Table:
    data = report["data"]
    grid = grid_of()
    sizes = f"{count(data['rows'], 'row')}, {count(len(data['columns']), 'input')}"
    grid.add_row("Data", Text(f"{plain(data['source'])}: {sizes}"))
    classes = f", {either(data['classes'])}" if data["classes"] else ""
    grid.add_row("Target", Text(f"{listed(several(data['target']))} ({data['task']}{classes})"))
    for role in ("weight", "group", "time", "exposure"):
        if data[role] is not None:
            grid.add_row(f"{role.capitalize()}s", Text(plain(data[role])))
    grid.add_row("Problem", Text(_problem(report["problem"], data, verbose)))
    dispersion = report["problem"]["range_dispersion"]
    if dispersion is not None:
        grid.add_row("Range dispersion", Text(f"{number(dispersion)} of a half turn"))
    grid.add_row("Network", Text(_network(report)))
    score = report["score"]
    for words, found in (
        ("Cross-validated", score.get("cv")),
        ("A constant", constant_scores(score)),
        ("Training score", score["train"]),
    ):
        if found:
            grid.add_row(words, Text(score_text(found)))
    if isinstance(report["problem"]["quantile"], list):
        grid.add_row("", Text(OF_QUANTILES))
    for words in interval_words(report.get("interval_reach", ())):
        grid.add_row("Intervals", Text(words))
    if report["threshold"]:
        grid.add_row("Threshold", Text(_threshold(report["threshold"], data["classes"])))
    return grid


def _threshold(threshold: dict, classes: list) -> str:
    """Where yes begins, and what folds say of it."""
    above = f"{plain(classes[1])} above a probability of {number(threshold['value'])}"
    if threshold["f1"] is None:
        return above
    rule = "the best F1" if threshold["cost"] is None else f"the least {plain(threshold['rule'])}"
    parts = (f"{name} {number(threshold[name])}" for name in ("precision", "recall", "cost"))
    named = [*parts][: 2 + (threshold["cost"] is not None)]
    judged = listed([*named, f"F1 {number(threshold['f1'])}"])
    return f"{above}, {rule} on rows held out ({judged})"


def _problem(problem: dict, data: dict, verbose: bool) -> str:
    """How strongly it was penalised, and what differs from the defaults; verbose: all of it."""
    ratio = problem["alpha"] / problem["alpha_max"] if problem["alpha_max"] else None
    orders = problem["order"] if isinstance(problem["order"], list) else [problem["order"]]
    order = ", then ".join("full" if order == "full" else f"at most {order}" for order in orders)
    several = len(data["classes"] or ()) > 2 and problem["layers"] == 2 and not problem["refined"]
    loss = "softmax" if several else "logistic" if data["classes"] else "squared"
    read = "" if problem["pairs"] is None else f"neurons of {reading(problem)}"
    switches = {
        _loss(problem): problem["loss"] != loss or verbose,
        f"alpha {number(problem['alpha'])} ({number(ratio, 3)} of alpha_max)": True,
        f"order {order}": orders != [min(2, len(data["columns"]))] or verbose,
        f"norm {problem['norm']}": problem["norm"] != 1 or verbose,
        f"{problem['layers']} layers": problem["layers"] != 2 or verbose,
        shape_words(problem["shapes"]): problem["shapes"],
        read: read,
        "no hidden biases": not problem["hidden_bias"],
        "no output bias": not problem["intercept"],
        "columns as they are": not problem["standardized"],
        "columns taken apart": problem["robust"],
        "classes balanced": problem["class_weight"] == "balanced",
        "refitted without a penalty": problem["refitted"],
        _calibrated(problem["calibration"]): problem["calibration"] is not None,
    }
    return ", ".join(word for word, switched in switches.items() if switched)


def _calibrated(calibration: dict | None) -> str:
    """How outputs were calibrated."""
    steps = len((calibration or {}).get("outputs", ()))
    return "calibrated in steps" if steps else "calibrated"


def _loss(problem: dict) -> str:
    """The loss, with its own number."""
    if (levels := problem["quantile"]) is not None:
        levels = levels if isinstance(levels, list) else [levels]
        return f"quantile loss at {listed(map(number, levels))}"
    if problem["huber_delta"] is not None:
        return f"huber loss, a line from residuals of {number(problem['huber_delta'])} on"
    return f"{problem['loss']} loss"


def _network(report: dict) -> str:
    layers = [
        sum(neuron["layer"] == layer for neuron in report["neurons"])
        for layer in range(1, report["problem"]["layers"])
    ]
    networks = _networks_in(report)
    neurons = f"{' + '.join(f'{many:,}' for many in layers)} neuron{'s' * (layers != [1])}"
    neurons += f" in {networks} networks" if networks > 1 else ""
    objective = number(report["certificate"]["objective"], 6)
    return f"{neurons}, objective {objective}, output bias {each(report['intercept'])}"


def _stages(report: dict) -> Table:
    stages = report["stages"]
    separate = any(stage["output"] is not None for stage in stages)
    headers = ("layer>", "neurons>", "objective>", "lower bound>", "gap>", "scope")
    table = table_of(*[network_of(report["problem"])] * separate, *headers)
    for stage in stages:
        add_row(
            table,
            *[stage["output"]] * separate,
            stage["layer"],
            stage["neurons"],
            number(stage["objective"], 6),
            number(stage["lower_bound"], 6),
            bound(stage["relative_gap"]),
            stage["scope"],
        )
    return table


def _neurons(report: dict, *, most: int | None) -> Parts:
    """The neurons by share; the report's own order where shares are equal."""
    neurons = report["neurons"]
    if not neurons:
        yield Text("\nNo neurons: the model is a constant. Try a smaller --alpha.")
        return
    ranked = sorted(neurons, key=lambda neuron: -neuron["share"])
    deep = any(neuron["layer"] > 1 for neuron in neurons)
    separate = any(neuron["output"] is not None for neuron in neurons)
    places = [*["layer>"] * deep, *[network_of(report["problem"])] * separate]
    figures = ("coefficient>", "share>", "", "active rows>")
    table = table_of("id>", *places, "reads", "through rows", *figures)
    for neuron in ranked[:most]:
        add_row(
            table,
            neuron["id"],
            *[neuron["layer"]] * deep,
            *[neuron["output"]] * separate,
            listed(neuron["columns"]),
            listed(neuron["samples"]),
            each(neuron["coefficient"]),
            percent(neuron["share"], 1),
            Meter(neuron["share"], ranked[0]["share"]),
            f"{neuron['active_rows']:,}",
        )
    yield title("Neurons")
    yield table
    if smaller := len(ranked[most:]) if most else 0:
        words = "smaller ones; --verbose or wedgefit explain shows them all."
        yield Text(f"and {smaller:,} {words}", style="dim")
