"""What to show of a record, and its lists as tables of plain values: what CSV can hold."""

from collections.abc import Iterator

from wedgefit.model.record import row_order
from wedgefit.views.phrases import coefficient_for
from wedgefit.views.prediction import LOCAL_SCHEMA

SORTS = ("importance", "id", "columns")


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
        return record | {"outputs": parts}
    return record | {name: _arranged(record[name], sort, top) for name in record["sizes"]}


def _arranged(items: list[dict], sort: str, top: int | None) -> list[dict]:
    return sorted(
        items, key={"importance": _by_importance, "id": _by_id, "columns": _by_columns}[sort]
    )[:top]


def _by_importance(item: dict) -> float:
    sizes = (
        item[name] for name in ("importance", "influence", "share", "contribution") if name in item
    )
    return -abs(next(sizes))


def _by_id(item: dict) -> tuple:
    return row_order(item["id"]) if "id" in item else ()


def _by_columns(item: dict) -> list[str]:
    names = item.get("columns") or [item.get("name", item.get("column", ""))]
    return list(map(str, names))


def flat(record: dict, table: str) -> dict[str, list]:
    """One table of a record as columns of plain values, at full precision: what CSV can hold."""
    rows = _flat_local(record) if record["schema"] == LOCAL_SCHEMA else list(_FLAT[table](record))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _flat_local(record: dict) -> list[dict]:
    rows = []
    for output in record["outputs"]:
        start = {"output": output["output"]}
        rows.append(
            start
            | {
                "id": "intercept",
                "contribution": output["intercept"],
                "columns": "",
                "samples": "",
                "where": "",
                "hinge": "",
            }
        )
        rows += [
            start
            | {name: term[name] for name in ("id", "contribution")}
            | _words(term, "where", "hinge")
            for term in output["contributions"]
        ]
    return rows


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


def _flat_columns(record: dict) -> Iterator[dict]:
    for column in record["columns"]:
        yield {
            "name": column["name"],
            "importance": column["importance"],
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
    "wedges": _flat_wedges,
    "columns": _flat_columns,
    "curves": _flat_curves,
    "samples": _flat_samples,
}
