"""The pictures of the documentation: python tests/benchmarks/pictures.py. Writes docs/pictures/
(needs the extra plot)."""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from wedgefit.data.table import read_table
from wedgefit.model.file import load
from wedgefit.views.pictures.style import BLUE, FAINT, GREEN, INK, ORANGE, SOFT, STYLE

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
MCYCLE, TITANIC, SPIRAL = (
    ROOT / "sample_data" / f"{name}.csv" for name in ("mcycle", "titanic", "spiral")
)


def wedgefit(*arguments):
    subprocess.run([sys.executable, "-m", "wedgefit", *map(str, arguments), "--quiet"], check=True)


def by_the_command(folder):
    """The pictures that ``wedgefit plot`` makes; returns the model file of mcycle."""
    model, titanic = folder / "wedgefit.json", folder / "titanic.json"
    wedgefit("train", MCYCLE, "-o", model)
    wedgefit("plot", model, MCYCLE, "-o", FOLDER / "fit.svg")
    wedgefit("plot", model, MCYCLE, "--kind", "path", "-o", FOLDER / "path.svg")
    wedgefit("plot", model, MCYCLE, "--kind", "gap", "-o", FOLDER / "gap.svg")
    wedgefit("train", TITANIC, "--order", 1, "--rule", "1se", "-o", titanic)
    wedgefit("plot", titanic, TITANIC, "-o", FOLDER / "titanic.svg")
    spiral, frames = folder / "spiral.json", folder / "frames.png"
    wedgefit("train", SPIRAL, "--no-standardize", "--alpha-ratio", 0.01, "-o", spiral)
    wedgefit("plot", spiral, SPIRAL, "--kind", "frames", "-o", frames)
    # Six maps of 160 rows: as a vector file it would be three times as large.
    Image.open(frames).convert("RGB").quantize(64).save(FOLDER / "frames.png", optimize=True)
    return model


def save(figure, name):
    figure.savefig(FOLDER / name, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def hinges(model, times, accel):
    """Left: the two hinges of four rows. Right: the hinges of the fit, and their sum."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for row, colour in ((20, BLUE), (60, ORANGE), (90, GREEN), (120, SOFT)):
        for sign, style in ((1, "-"), (-1, "--")):
            left.plot(
                times,
                np.maximum(sign * (times - times[row]), 0),
                style,
                color=colour,
                linewidth=1.2,
            )
        left.plot(times[row], 0, "o", color=colour, label=f"row {row + 1}", clip_on=False)
    left.set(title="Every row has two hinges", xlabel="times")
    left.legend()
    X = (times - times.mean()) / times.std()
    parts = [n.coefficient * np.maximum(n.weights["times"] * X + n.bias, 0) for n in model.neurons]
    right.plot(times, np.transpose(parts), color=ORANGE, linewidth=0.8)
    right.plot(times, accel, ".", color=SOFT, markersize=4)
    right.plot(times, model.intercept + np.sum(parts, axis=0), color=BLUE, linewidth=2)
    right.set(
        title=f"{len(parts)} hinges (orange) add up to the fit (blue)",
        xlabel="times",
        ylabel="accel",
    )
    save(figure, "hinges.svg")


def scores(model, times, accel):
    """The score of every wedge at the optimum, as a part of alpha."""
    X = (times - times.mean()) / times.std()
    output = model.intercept + sum(
        n.coefficient * np.maximum(n.weights["times"] * X + n.bias, 0) for n in model.neurons
    )
    residual = (accel - output) / len(X)
    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    alpha = model.problem.alpha
    # A residual without slope or mean gives both hinges of a row the same score; the larger one is
    # drawn all the same.
    part = (
        np.max(
            [
                np.abs(residual @ np.maximum(sign * (X[:, None] - X[None, :]), 0))
                for sign in (1, -1)
            ],
            axis=0,
        )
        / alpha
    )
    axes.plot(
        times, part, ".-", color=BLUE, linewidth=0.8, markersize=3, label="the hinges of every row"
    )
    used = [int(n.samples[0]) - 1 for n in model.neurons]
    heights = [
        abs(residual @ np.maximum(n.weights["times"] * X + n.bias, 0)) / alpha
        for n in model.neurons
    ]
    axes.plot(times[used], heights, "o", color=INK, markerfacecolor="none", label="in the network")
    axes.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    axes.set(title="No wedge scores above alpha, and those in the network reach it", ylim=(0, 1.25))
    axes.set(xlabel="times: where the hinge bends", ylabel="score / alpha")
    axes.legend(ncols=2, loc="upper center")
    save(figure, "scores.svg")
    print(
        f"mcycle: largest score / alpha {max(heights):.12f}, "
        f"{len(times) * 2} wedges, {len(heights)} used"
    )


def pencil():
    """A line that turns around one point, and the score on the way: largest where it meets another
    point, or is upright or level."""
    points = np.random.default_rng(3).uniform(-1, 1, (11, 2))
    target = np.maximum(points @ [0.8, 0.6] - 0.1, 0)
    residual = (target - target.mean()) / len(target)
    axis = int(np.abs(points).max(axis=1).argmin())
    angle = np.linspace(0, 2 * np.pi, 3601)

    def score(theta):
        normal = np.stack([np.cos(theta), np.sin(theta)])
        normal = normal / np.abs(normal).sum(axis=0)
        return np.abs(residual @ np.maximum((points - points[axis]) @ normal, 0))

    others = np.delete(points, axis, axis=0) - points[axis]
    meets = np.concatenate(
        [np.arctan2(others[:, 1], others[:, 0]) + turn * np.pi / 2 for turn in (1, -1)]
    ) % (2 * np.pi)
    best = meets[score(meets).argmax()]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8, 3.4), layout="constrained", width_ratios=(1, 1.4)
    )
    for theta in meets[: len(others)]:
        step = 3 * np.array([-np.sin(theta), np.cos(theta)])
        is_best = abs(np.sin(theta - best)) <= 1e-9
        left.plot(
            *np.transpose([points[axis] - step, points[axis] + step]),
            color=BLUE if is_best else SOFT,
            linewidth=2 if is_best else 0.7,
        )
    left.scatter(*points.T, c=np.where(residual > 0, BLUE, ORANGE), zorder=3)
    left.plot(*points[axis], "o", color=INK, markersize=11, markerfacecolor="none")
    left.set(
        title="A line turns around the ringed row",
        xlim=(-1.15, 1.15),
        ylim=(-1.15, 1.15),
        aspect="equal",
    )
    right.vlines(np.degrees(meets), 0, score(meets), color=FAINT)
    right.plot(np.degrees(angle), score(angle), color=INK, linewidth=1)
    right.plot(
        np.degrees(meets),
        score(meets),
        "o",
        color=SOFT,
        markersize=4,
        label="meets another row (order 2)",
    )
    level = np.arange(4) * np.pi / 2
    right.plot(
        np.degrees(level),
        score(level),
        "s",
        color=GREEN,
        markersize=4,
        label="upright or level (order 1)",
    )
    right.plot(np.degrees(best), score(np.array([best])), "o", color=BLUE, label="the best")
    right.set(
        title="The score bends and peaks only there",
        xlabel="degrees turned",
        ylabel="score",
        xticks=range(0, 361, 90),
    )
    right.legend(loc="upper right")
    save(figure, "pencil.svg")
    print(
        f"pencil: best of all angles {score(angle).max():.9f}, "
        f"best wedge {max(score(meets).max(), score(level).max()):.9f}"
    )


def volumes():
    """How far a row is from a wedge: a length, a triangle's area, a tetrahedron's volume."""
    figure, (one, two, three) = plt.subplots(1, 3, figsize=(8, 2.6), layout="constrained")
    anchors = dict(markersize=11, markerfacecolor="none", color=INK, clip_on=False)
    one.axhline(0, color=FAINT, zorder=0)
    one.plot([1, 4], [0, 0], color=BLUE, linewidth=4, alpha=0.5, solid_capstyle="butt")
    one.plot(1, 0, "o", **anchors)
    one.plot([1, 4], [0, 0], "o", color=INK, markersize=4)
    one.set(title="one column: a length", xlim=(0, 5), ylim=(-1, 1))
    a, b, row = np.array([[0.5, 0.7], [3.5, 0.2], [2.6, 2.6]])
    two.axline(a, b, color=SOFT, linewidth=1)
    two.fill(*np.transpose([a, b, row]), color=BLUE, alpha=0.3)
    two.plot(*np.transpose([a, b]), "o", **anchors)
    two.plot(*np.transpose([a, b, row]), "o", color=INK, markersize=4)
    two.set(title="two columns: twice an area", xlim=(0, 4), ylim=(-0.4, 3))
    # Seen from the side and a little above.
    view = np.array([[1.0, 0.1], [0.45, 0.3], [0.0, 1.0]])
    corners = np.array([[0, 0, 0], [3, 0, 0.2], [1.2, 2.6, 0], [1.6, 0.9, 2.4]]) @ view
    for face, alpha in (((0, 1, 2), 0.35), ((0, 1, 3), 0.15), ((1, 2, 3), 0.2)):
        three.fill(*corners[list(face)].T, color=BLUE, alpha=alpha)
    for i, j in ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)):
        three.plot(*corners[[i, j]].T, color=SOFT, linewidth=0.8)
    three.plot(*corners[:3].T, "o", **anchors)
    three.plot(*corners.T, "o", color=INK, markersize=4)
    three.set(title="three columns: six times a volume", aspect="equal")
    for axes in (one, two, three):
        axes.set_axis_off()
    save(figure, "volumes.svg")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        model = load(by_the_command(Path(folder)))
    table = read_table(str(MCYCLE))
    times, accel = table.column("times").values, table.column("accel").values
    with plt.rc_context(STYLE):
        hinges(model, times, accel)
        scores(model, times, accel)
        pencil()
        volumes()
