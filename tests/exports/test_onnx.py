"""The graph runs in onnxruntime."""

from dataclasses import replace

import numpy as np
import pytest
from exporting import KINDS, agree, rows_for, run_onnx
from kinds import kinds, trained

from wedgefit.errors import ColumnError
from wedgefit.exports.formats import exported


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_agrees(kind):
    model = kinds()[kind]
    rows = rows_for(model)
    found, chances = run_onnx(model, rows)
    agree(found, chances, model, rows)
    alone, _ = run_onnx(model, rows[:1])
    assert alone == found[:1] or model.encoding.target.classes is None


def test_two_ends_of_a_column_are_told_apart():
    """Training makes one, but a file may have both."""
    model = kinds()["taken apart"]
    features = list(model.encoding.features)
    (end,) = (feature for feature in features if feature.kind == "end")
    (seen,) = (column.seen for column in model.encoding.inputs if column.name == end.source)
    other = next(k for k, one in enumerate(features) if one.kind == "missing")
    features[other] = replace(end, name=features[other].name, at=max(seen))
    model = replace(model, encoding=replace(model.encoding, features=tuple(features)))
    rows = rows_for(model)
    agree(*run_onnx(model, rows), model, rows)


@pytest.mark.parametrize(
    "name, words", [("prediction", "name of an output"), ("x\ud800", "does not store")]
)
def test_names_that_onnx_cannot_hold_are_refused(name, words):
    x = np.linspace(-1, 1, 30)
    with pytest.raises(ColumnError, match=words):
        exported(trained({name: x, "y": np.abs(x)}), "onnx")
