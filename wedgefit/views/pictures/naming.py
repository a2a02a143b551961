"""Names beside points, where they cover as little as possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wedgefit.views.pictures.style import (
    INK,
    MOST_LABELS,
    PAPER,
    label,
)

# Where a name may stand beside its point: how far to the right and how far up.
SIDES = ((1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
Box = tuple[float, float, float, float]  # left, bottom, right, top


def name_points(
    figure, axes, points: np.ndarray, names: Sequence[str], clouds: np.ndarray, colours=(INK, PAPER)
) -> None:
    """Write names beside points, where they cover no other name and no ring and as few rows as
    possible.

    Where there is no room a point stays without its name.
    """
    figure.draw_without_rendering()
    place = axes.transData.transform
    scale = figure.dpi / 72
    rings, rows = place(points.reshape(-1, 2)), place(clouds.reshape(-1, 2))
    window, taken = axes.get_window_extent().extents, []
    # Not an outline around the letters: matplotlib would draw them as shapes, and nobody could
    # search for a row.
    ground = {"boxstyle": "round,pad=0.1", "facecolor": colours[1], "edgecolor": "none"}
    style = {"fontsize": 7.5, "zorder": 6, "color": colours[0], "bbox": ground | {"alpha": 0.8}}
    for (x, y), at, name in list(zip(rings, points, names))[:MOST_LABELS]:
        text = axes.annotate(
            label(name, 16), at, xytext=(0, 0), textcoords="offset points", **style
        )
        text.set_in_layout(False)
        size = text.get_window_extent().width, 8.5 * scale
        boxes = [_beside(x, y, side, size, 7 * scale) for side in SIDES]
        free = [
            box
            for box in boxes
            if _within(box, window)
            and not any(_overlap(box, other) for other in taken)
            and not _inside(rings, box, 3 * scale)
        ]
        if not free:
            text.remove()
            continue
        box = min(free, key=lambda box: _inside(rows, box, scale))
        taken.append(box)
        text.set_position(((box[0] - x) / scale, (box[1] - y + 1.5 * scale) / scale))


def _beside(x: float, y: float, side: tuple[int, int], size: tuple[float, float], reach) -> Box:
    """The box of a name of this size on this side of a point."""
    width, height = size
    left = x + side[0] * reach + (side[0] - 1) * width / 2
    bottom = y + side[1] * reach + (side[1] - 1) * height / 2
    return left, bottom, left + width, bottom + height


def _within(box: Box, window: Box) -> bool:
    return (
        window[0] <= box[0] and box[2] <= window[2] and window[1] <= box[1] and box[3] <= window[3]
    )


def _overlap(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _inside(points: np.ndarray, box: Box, margin: float) -> int:
    """How many points lie in the box or near it."""
    x, y = points.T
    across = (x > box[0] - margin) & (x < box[2] + margin)
    return int(np.sum(across & (y > box[1] - margin) & (y < box[3] + margin)))
