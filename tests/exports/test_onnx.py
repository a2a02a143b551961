"""The graph runs in onnxruntime."""

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


@pytest.mark.parametrize(
    "name, words", [("prediction", "name of an output"), ("x\ud800", "does not store")]
)
def test_names_that_onnx_cannot_hold_are_refused(name, words):
    x = np.linspace(-1, 1, 30)
    with pytest.raises(ColumnError, match=words):
        exported(trained({name: x, "y": np.abs(x)}), "onnx")
