"""A model in other formats, for places where wedgefit is not: a Python module, SQL, ONNX."""

from wedgefit.exports.onnx import to_onnx
from wedgefit.exports.python import to_python
from wedgefit.exports.sql import DIALECTS, to_sql
from wedgefit.model.record import Model

FORMATS = ("onnx", "python", "sql")


def exported(
    model: Model, format: str, *, dialect: str = "sqlite", table: str = "data"
) -> str | bytes:
    """The model as source text, as SQL over ``table``, or as the bytes of an ONNX file.

    All give the numbers, labels and probabilities of ``Model.predict``, from the neurons that are
    needed for it. Raises ColumnError for names that the format cannot hold, FitError where a
    package is missing.
    """
    model = model.pruned()
    if format == "sql":
        return to_sql(model, DIALECTS[dialect], table)
    return {"onnx": to_onnx, "python": to_python}[format](model)
