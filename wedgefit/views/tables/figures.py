"""Scores on data, and the path of scores against alpha."""

from rich.text import Text

from wedgefit.views.terminal import Parts, Spark, add_row, grid_of, table_of, title
from wedgefit.views.words import (
    OF_QUANTILES,
    SCORES,
    bound,
    count,
    error_number,
    listed,
    number,
    percent,
    plain,
    quoted,
    score_number,
    several,
    signed,
)  # fmt: skip

# More classes make a table that nobody reads; all are in JSON.
MOST_CLASSES = 12


def evaluate(evaluation: dict) -> Parts:
    """The scores on labelled data beside those of a constant, then where the model errs."""
    data, baseline = evaluation["data"], evaluation["baseline"]
    yield Text(f"{plain(data['source'])}: {count(data['rows'], 'row')}")
    table = table_of("score", "model>", "baseline>")
    for name, value in evaluation["score"].items():
        figures = (score_number(name, each) for each in (value, baseline[name]))
        add_row(table, SCORES.get(name, plain(name)), *figures)
    yield table
    if confusion := evaluation["confusion"]:
        yield "Baseline: every row has the probabilities with which the classes come.\n"
        yield from _threshold(evaluation["threshold"], confusion["classes"])
        yield from _confusion(confusion)
        yield from _calibration(evaluation["calibration"] or {})
    else:
        together = evaluation["quantiles"] and len(evaluation["quantiles"]["levels"]) > 1
        words = f"Baseline: every row is predicted as {_constant(evaluation)}."
        yield (f"{words} {OF_QUANTILES}" if together else words) + "\n"
        yield from _residuals(evaluation["residuals"])
        yield from _coverage(evaluation["intervals"] or {})
        yield from _quantiles(evaluation["quantiles"])


def _constant(evaluation: dict) -> str:
    """The best constant for the loss that these scores are for; of counts of unequal exposure it is
    a rate."""
    if exposure := evaluation["data"]["exposure"]:
        return f"the mean of all per unit of {plain(exposure)}, times its own"
    first = next(iter(evaluation["score"]))
    if evaluation["quantiles"] and evaluation["quantiles"]["between"]:
        return "the quantiles of all"
    return {"pinball": "the quantile of all", "huber": "Huber's mean of all"}.get(
        first, "the mean of all"
    )


def _threshold(threshold: dict | None, classes: list) -> Parts:
    """Where yes begins, where that was asked for."""
    if threshold is None or threshold["rule"] is None:
        return
    yes, value = plain(classes[1]), number(threshold["value"])
    parts = (threshold[name] for name in ("precision", "recall", "f1"))
    right = "precision {}, recall {}, F1 {}".format(*map(number, parts))
    cost = ""
    if threshold["cost"] is not None:
        cost = f", mean cost {number(threshold['cost'])} (the same for every row: "
        cost += f"{number(threshold['baseline_cost'])})"
    yield Text(f"{yes} is predicted above a probability of {value}: {right}{cost}.")
    if isinstance(threshold["rule"], str):
        words = f"It was found on these very rows ({threshold['rule']}): on new ones it is worse."
        yield Text(f"{words} To use it: wedgefit predict --threshold {threshold['value']!r}")
    yield ""


def _calibration(calibration: dict[str, list[dict]]) -> Parts:
    """How often probabilities came true; two standard errors are what chance explains."""
    if not calibration or len(calibration) > MOST_CLASSES:
        return
    several_classes = len(calibration) > 1
    table = table_of(*["class"] * several_classes, "probability>", "came true>", "± se>", "rows>")
    for name, bins in calibration.items():
        for found in bins:
            parts = (number(found["given"], 3), number(found["came"], 3), number(found["se"], 2))
            add_row(table, *[plain(name)] * several_classes, *parts, f"{found['rows']:,}")
    yield title("Calibration: rows with about the same probability")
    yield table


def _confusion(confusion: dict) -> Parts:
    classes = confusion["classes"]
    if len(classes) > MOST_CLASSES:
        return
    table = table_of("is", *(f"taken for {name}>" for name in classes))
    for name, row in zip(classes, confusion["counts"]):
        add_row(table, plain(name), *(number(cell) for cell in row))
    yield table


def _residuals(residuals: dict[str, dict[str, float]]) -> Parts:
    shares = next(iter(residuals.values()))
    ends = {"0.0": "least", "0.5": "median", "1.0": "most"}
    heads = [ends.get(share, f"{100 * float(share):.0f}%") for share in shares]
    table = table_of("observed − predicted", *(f"{head}>" for head in heads))
    for name, found in residuals.items():
        # What is left of a difference of equal numbers is 0 to a reader.
        least = 1e-12 * max(map(abs, found.values()))
        add_row(table, plain(name), *(number(v if abs(v) > least else 0) for v in found.values()))
    yield table


def _coverage(intervals: dict[str, list[dict]]) -> Parts:
    """How many rows lie within the intervals that are to hold so many."""
    if not any(intervals.values()):
        return
    table = table_of(*["target"] * (len(intervals) > 1), "interval>", "rows within>", "mean width>")
    for name, levels in intervals.items():
        for found in levels:
            parts = (percent(found["level"], 0), percent(found["coverage"], 1))
            named = [plain(name)] * (len(intervals) > 1)
            add_row(table, *named, *parts, number(found["width"]))
    yield title("Intervals")
    yield table


def _quantiles(quantiles: dict | None) -> Parts:
    """How many rows lie below each quantile, and between two of them."""
    if quantiles is None:
        return
    table = table_of("quantile>", "rows below>", "pinball loss>")
    for found in quantiles["levels"]:
        figures = percent(found["below"], 1), number(found["pinball"])
        add_row(table, number(found["level"]), *figures)
    yield title("Quantiles")
    yield table
    if not quantiles["between"]:
        return
    table = table_of("between", "expected>", "rows within>", "mean width>")
    for found in quantiles["between"]:
        ends = f"{number(found['from'])} and {number(found['to'])}"
        parts = (percent(found[name], 1) for name in ("expected", "coverage"))
        add_row(table, ends, *parts, number(found["width"]))
    yield table


def compare(comparison: dict) -> Parts:
    """Two models side by side, and the difference row by row in words."""
    data, models, loss = comparison["data"], comparison["models"], comparison["loss"]["title"]
    yield Text(f"{plain(data['source'])}: {count(data['rows'], 'row')}")
    yield ""
    scores = [
        name
        for name in models[0]["score"]
        if name in models[1]["score"] and not all(_same(model, name) for model in models)
    ]
    titles = (f"{SCORES.get(name, plain(name))}>" for name in scores)
    table = table_of("", "model", "neurons>", "columns>", "rows>", f"{loss}>", *titles)
    for model in models:
        sizes = (f"{model[part]:,}" for part in ("neurons", "columns", "samples"))
        figures = (score_number(name, model["score"][name]) for name in scores)
        add_row(table, model["name"], model["source"], *sizes, number(model["loss"]), *figures)
    yield table
    mean, se = (comparison["difference"][part] for part in ("mean", "se"))
    mean = mean if abs(mean) > 1e-12 * max(abs(model["loss"]) for model in models) else 0.0
    yield Text(f"\nLoss A − loss B, row by row: {signed(mean)} ± {number(se, 2)} ({loss}).")
    yield Text(_verdict(comparison), style="bold")


def _same(model: dict, score: str) -> bool:
    """Whether a score is the loss that models are compared by, under another name."""
    value, loss = model["score"][score], model["loss"]
    return value is not None and abs(value - loss) <= 1e-12 * max(abs(loss), abs(value))


def _verdict(comparison: dict) -> str:
    a, b = comparison["models"]
    if (better := comparison["better"]) is not None:
        return f"{better} is better, by more than two standard errors."
    may = "No clear difference: chance may have made it."
    if a["neurons"] == b["neurons"]:
        return may
    small, large = sorted((a, b), key=lambda model: model["neurons"])
    sizes = f"{count(small['neurons'], 'neuron')} instead of {large['neurons']:,}"
    return f"{may} Take the smaller model, {small['name']} ({sizes})."


def path(record: dict) -> Parts:
    """One line per alpha, the choices of both rules marked."""
    data, chosen, points = record["data"], record["chosen"], record["points"]
    target = f"target {listed(several(data['target']))}"
    yield Text(f"{plain(data['source'])}: {count(data['rows'], 'row')}, {target}")
    name = SCORES.get(record["score_name"], plain(record["score_name"]))
    sizes = ("alpha>", "of alpha_max>", "neurons>", "samples>", "objective>", "gap>", "scope")
    table = table_of(*sizes, f"{name} (cv)>", "± se>", "choice")
    for point in points:
        cv = point["cv"] or {"mean": None, "se": None}
        marks = ", ".join(rule for rule, alpha in chosen.items() if alpha == point["alpha"])
        add_row(
            table,
            number(point["alpha"]),
            number(point["alpha_ratio"]),
            f"{point['neurons']:,}",
            f"{point['samples']:,}",
            number(point["objective"], 6),
            bound(point["relative_gap"]),
            point["scope"],
            score_number(record["score_name"], cv["mean"]),
            error_number(cv["mean"], cv["se"]),
            marks,
            style="bold" if marks else None,
        )
    yield table
    if scores := [point["cv"]["mean"] for point in points if point["cv"]]:
        yield ""
        grid = grid_of()
        grid.add_row(f"{name} from the first line to the last", Spark(scores))
        yield grid
    if chosen.get("best") is not None:
        command = f"wedgefit train {quoted(data['source'])} --alpha {chosen['best']!r}"
        yield Text.assemble("\nNext: ", (command, "bold"), ", with the other options of this path.")
