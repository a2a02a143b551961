"""A map along the path: the last frame is the model, and the picture the same each time."""

import re
from functools import cache

import numpy as np
import pytest
from kinds import table_of
from shell import fails, run

from wedgefit.errors import UsageError
from wedgefit.learning.settings import Options
from wedgefit.model import trace
from wedgefit.model.build import train
from wedgefit.views import pictures
from wedgefit.watch import Silent

pytest.importorskip("matplotlib")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2))
Y = np.abs(X[:, 0] + X[:, 1]) + 0.1 * RNG.normal(size=30)
TARGETS = {
    "numbers": Y,
    "two classes": np.where(Y > 1, "high", "low").astype(object),
    "three classes": np.array(["a", "b", "c"], dtype=object)[np.digitize(Y, [0.5, 1.2])],
}


@cache
def traced(target):
    """A model, its rows, and its frames; the two classes have a gap."""
    width = np.where((np.arange(30) == 3) & (target == "two classes"), np.nan, X[:, 1])
    table = table_of({"length": X[:, 0], "width": width, "y": TARGETS[target]})
    model = train(table, Options(alpha_ratio=0.05, target=("y",)), Silent())
    return model, table, trace.frames(model, table, Silent())


@pytest.mark.parametrize("target", TARGETS)
def test_the_last_frame_is_the_model(target):
    model, table, found = traced(target)
    alphas = np.array([frame.alpha for frame in found])
    assert len(found) == trace.FRAMES and alphas[-1] == pytest.approx(model.problem.alpha)
    np.testing.assert_allclose(alphas[1:] / alphas[:-1], alphas[1] / alphas[0])
    assert 0 < found[0].neurons < found[-1].neurons
    design = model.encoding.transform(table)
    np.testing.assert_allclose(found[-1].scores(design), model.scores(table), atol=1e-3)
    assert np.abs(found[0].scores(design) - model.scores(table)).max() > 0.05


@pytest.mark.parametrize(
    "target, every", [("numbers", 3), ("two classes", 3), ("three classes", 3)]
)
def test_the_picture_has_a_panel_for_each_alpha(target, every):
    model, table, found = traced(target)
    found = found[::every]
    text = pictures.picture(model, table, "frames", "svg", found).decode()
    for frame in found:
        assert f"alpha {frame.alpha:.3g}: {frame.neurons} neuron" in text
    # Areas are pixels; their outlines would be most of the file.
    assert text.count("<image") == len(found)
    assert sum(map(len, re.findall(r' d="[^"]*"', text))) < 40_000
    if target != "numbers":
        assert all(f"<!-- {name} -->" in text for name in set(TARGETS[target]))


def test_the_same_frames_give_the_same_bytes():
    model, table, found = traced("two classes")
    svg, again = (pictures.picture(model, table, "frames", "svg", found[-2:]) for _ in range(2))
    assert svg == again


def test_a_model_without_neurons_has_one_frame():
    table = table_of({"length": X[:, 0], "width": X[:, 1], "y": Y})
    model = train(table, Options(alpha_ratio=1.5, target=("y",)), Silent())
    (frame,) = trace.frames(model, table, Silent())
    assert frame.neurons == 0
    assert pictures.picture(model, table, "frames", "png", [frame])


def test_other_models_have_no_frames():
    for columns in (
        {"length": X[:, 0]},
        {"length": X[:, 0], "width": X[:, 1], "more": X[:, 0] * X[:, 1]},
        {"length": X[:, 0], "kind": np.array(["p", "q"] * 15, dtype=object)},
    ):
        table = table_of(columns | {"y": Y})
        model = train(table, Options(alpha_ratio=0.1, target=("y",)), Silent())
        with pytest.raises(UsageError, match="two columns of numbers"):
            trace.frames(model, table, Silent())
    both = table_of({"length": X[:, 0], "width": X[:, 1], "y": Y, "z": -Y})
    model = train(both, Options(alpha_ratio=0.1, target=("y", "z")), Silent())
    with pytest.raises(UsageError, match="one target"):
        trace.frames(model, both, Silent())


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [",".join(map(str, row)) for row in np.column_stack([X, Y]).round(3)]
    (tmp_path / "d.csv").write_text("\n".join(["length,width,y", *rows]))
    run("train", "d.csv", "--alpha-ratio", "0.1", "-q")
    run("plot", "d.csv", "--kind", "frames", "-o", "f.png")
    assert (tmp_path / "f.png").read_bytes()[1:4] == b"PNG"
    fails("plot", "wedgefit.json", "--kind", "frames", code=2, words=["give the training DATA"])
