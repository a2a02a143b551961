"""Scores on data, and the path of scores against alpha."""

from rich.text import Text

from wedgefit.views.terminal import Parts, Spark, add_row, grid_of, table_of
from wedgefit.views.words import (
    SCORES,
    bound,
    count,
    listed,
    number,
    plain,
    quoted,
    several,
)  # fmt: skip


def evaluate(evaluation: dict) -> Parts:
    """The scores on labelled data."""
    data, score = evaluation["data"], evaluation["score"]
    yield Text(f"{plain(data['source'])}: {count(data['rows'], 'row')}")
    grid = grid_of()
    for name, value in score.items():
        grid.add_row(SCORES.get(name, plain(name)), Text(number(value)))
    yield grid


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
            number(cv["mean"]),
            number(cv["se"], 2),
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
