"""What to show of a record, and its lists as tables of plain values: what CSV can hold."""

from collections.abc import Iterator

from wedgefit.model.parts import row_order
from wedgefit.views.phrases import coefficient_for
from wedgefit.views.prediction import LOCAL_SCHEMA


def arranged(record: dict, sort: str = "importance", top: int | None = None) -> dict:
    """The record with its lists sorted ("importance", "id" or "columns") and only so many entries
    of each.

    Its ``sizes`` go on telling how many there are.
    """
    if record["schema"] == LOCAL_SCHEMA:
        parts = [
            output | {"contributions": _arranged(output["contributions"], sort, top)}
            for output in record["outputs"]
        ]
        return record | {"outputs": parts, "effects": _arranged(record["effects"], sort, top)}
    key = _by_size if record["classes"] and sort == "importance" else KEYS[sort]
    return record | {name: sorted(record[name], key=key)[:top] for name in record["sizes"]}


def _arranged(items: list[dict], sort: str, top: int | None) -> list[dict]:
    return sorted(items, key=KEYS[sort])[:top]


def _by_importance(item: dict) -> float:
    """By what ranks the list: effects of several targets by their shares, as units differ."""
    return _largest(item, ("influence", "share", "importance", "contribution"))


def _by_size(item: dict) -> float:
    """Likewise of classes, whose scores have one unit."""
    return _largest(item, ("influence", "importance", "share"))


def _largest(item: dict, ranks: tuple[str, ...]) -> float:
    return -abs(next(item[name] for name in ranks if name in item))


def _by_id(item: dict) -> tuple:
    return row_order(item["id"]) if "id" in item else ()


def _by_columns(item: dict) -> list[str]:
    names = item.get("columns") or [item.get("name", item.get("column", ""))]
    return list(map(str, names))


KEYS = {"importance": _by_importance, "id": _by_id, "columns": _by_columns}


def flat(record: dict, table: str) -> dict[str, list]:
    """One table of a record as columns of plain values, at full precision: what CSV can hold."""
    rows = (
        _flat_local(record, table)
        if record["schema"] == LOCAL_SCHEMA
        else list(_FLAT[table](record))
    )
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _flat_local(record: dict, table: str) -> list[dict]:
    """The parts of a prediction, by effects or by wedges."""
    return _local_effects(record) if table == "effects" else _local_wedges(record)


def _local_effects(record: dict) -> list[dict]:
    lines = []
    for output in (part["output"] for part in record["outputs"]):
        baseline = record["baseline"]
        average = baseline[output] if isinstance(baseline, dict) else baseline
        lines.append({"output": output, "columns": "average", "value": "", "contribution": average})
        for effect in record["effects"]:
            if effect["output"] == output:
                cells = effect["value"] if len(effect["columns"]) > 1 else [effect["value"]]
                lines.append({
                    "output": output,
                    "columns": "; ".join(effect["columns"]),
                    "value": "; ".join("" if cell is None else str(cell) for cell in cells),
                    "contribution": effect["contribution"],
                })  # fmt: skip
    return lines


def _local_wedges(record: dict) -> list[dict]:
    lines = []
    for output in record["outputs"]:
        start = {"output": output["output"]}
        words = dict.fromkeys(("columns", "samples", "where", "hinge"), "")
        intercept = {"id": "intercept", "contribution": output["intercept"]}
        lines.append(start | intercept | words)
        for term in output["contributions"]:
            figures = {"id": term["id"], "contribution": term["contribution"]}
            lines.append(start | figures | _words(term, "where", "hinge"))
    return lines


def _words(item: dict, *names: str) -> dict[str, str]:
    return {name: "; ".join(map(str, item[name])) for name in ("columns", "samples")} | {
        name: item[name] for name in names
    }


def _flat_wedges(record: dict) -> Iterator[dict]:
    for term in record["terms"]:
        hinge = term["hinge"]
        several = {
            f"coefficient_{output}": coefficient_for(term, output) for output in record["outputs"]
        }
        coefficient = (
            several
            if isinstance(hinge["coefficient"], dict)
            else {"coefficient": hinge["coefficient"]}
        )
        start = {name: term[name] for name in ("id", "layer", "output")}
        yield (
            start
            | _words(term, "where")
            | {"hinge": hinge["text"]}
            | coefficient
            | {name: term[name] for name in ("share", "active_rows")}
        )


def _flat_effects(record: dict) -> Iterator[dict]:
    """A line per effect and output."""
    yield from map(_flat_effect, record["effects"])


def _flat_pairs(record: dict) -> Iterator[dict]:
    yield from (_flat_effect(part) for part in record["effects"] if len(part["columns"]) == 2)


def _flat_effect(effect: dict) -> dict:
    lowest, highest = effect["range"]
    return {
        "columns": "; ".join(effect["columns"]),
        "output": effect["output"],
        "importance": effect["importance"],
        "over_folds": effect["over_folds"] and effect["over_folds"]["importance"],
        "share": effect["share"],
        "lowest": lowest,
        "highest": highest,
        "words": effect["words"],
    }


def _flat_columns(record: dict) -> Iterator[dict]:
    for column in record["columns"]:
        yield {
            "name": column["name"],
            "total": column["total"],
            "importance": column["importance"],
            "penalty_share": column["penalty_share"],
            "neurons": "; ".join(map(str, column["neurons"])),
        }


def _flat_curves(record: dict) -> Iterator[dict]:
    """A line per knot, or per level."""
    for curve in record["curves"]:
        start = {"output": curve["output"], "column": curve["column"]}
        for knot in curve.get("knots", ()):
            yield start | {
                "at": knot["at"],
                "value": knot["value"],
                "samples": "; ".join(map(str, knot["samples"])),
            }
        for level, value in curve.get("levels", {}).items():
            yield start | {"at": level, "value": value, "samples": ""}


def _flat_samples(record: dict) -> Iterator[dict]:
    for sample in record["samples"]:
        own = {
            "id": sample["id"],
            "influence": sample["influence"],
            "neurons": "; ".join(map(str, sample["neurons"])),
        }
        yield own | {
            f"{name} (cell)" if name in own else name: cell
            for name, cell in sample["cells"].items()
        }


_FLAT = {
    "effects": _flat_effects,
    "pairs": _flat_pairs,
    "wedges": _flat_wedges,
    "rows": _flat_samples,
    "columns": _flat_columns,
    "curves": _flat_curves,
    "samples": _flat_samples,
}
