"""Pictures by kind: SVG, PNG or PDF, the same bytes for the same input."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from wedgefit.data.table import Table
from wedgefit.model.record import Model
from wedgefit.views.explain import explain
from wedgefit.views.pictures.effects import effects
from wedgefit.views.pictures.fit import fit
from wedgefit.views.pictures.frames import frames
from wedgefit.views.pictures.map import map_
from wedgefit.views.pictures.overview import importance, overview
from wedgefit.views.pictures.pairs import pairs
from wedgefit.views.pictures.quality import calibration, predicted, residuals
from wedgefit.views.pictures.scene import Scene, default_kind, seen_rows
from wedgefit.views.pictures.style import (
    FAINT,
    INK,
    PAPER,
    SOFT,
    in_style,
    written,
)
from wedgefit.views.pictures.training import gap, path

if TYPE_CHECKING:
    from wedgefit.model.trace import Frame, TracedPath, TracedRounds


def picture(
    model: Model,
    table: Table | None,
    kind: str,
    form: str,
    traced: TracedPath | TracedRounds | list[Frame] | None = None,
    tell: Callable[[str], None] = lambda words: None,
) -> bytes:
    """The bytes of one picture of a model: ``kind`` as on the command line, ``form`` svg, png or
    pdf.

    ``traced``: for the kinds of ``TRACED`` the record of how the model was trained. ``tell``
    hears of letters that cannot be drawn.

    Raises UsageError where the model has no picture of this kind.
    """
    draw = lambda: written(_drawn(model, table, kind, traced), form)
    content, letters = in_style(draw)
    if letters and form == "svg":
        # As text instead of outlines: the viewer may have a font for them.
        content, _ = in_style(draw, **{"svg.fonttype": "none"})
    elif letters:
        some = letters if len(letters) <= 10 else f"{letters[:9]}…"
        tell(
            f"no font of this machine has the letters {some}, which are drawn as boxes: install "
            "one that does (Noto Sans CJK for Chinese, Japanese and Korean), or write .svg"
        )
    return content


def inline(model: Model, table: Table | None, kind: str) -> str:
    """The same picture as an SVG element for a page: in the page's own colours for ink and paper,
    with letters as text."""
    draw = lambda: written(_drawn(model, table, kind, None, narrow=True), "svg")
    svg = in_style(draw, **{"svg.fonttype": "none"})[0].decode()
    svg = svg[svg.index("<svg") :]
    for part in ("metadata", r'style type="text/css"'):
        svg = re.sub(rf"<{part}>.*?</{part.split()[0]}>", "", svg, flags=re.DOTALL)
    # Several pictures share a page, and an id may occur only once in it.
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{kind}-", svg)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    start = f'<svg viewBox="0 0 {size[1]} {size[2]}" role="img" style="--width: {size[1]}">'
    svg = re.sub(r"<svg [^>]*>", start, svg, count=1)
    # A hundredth of a point is finer than any screen, and outlines are most of a page's size.
    svg = re.sub(r' (?:d|x|y)="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    for colour, variable in ((INK, "ink"), (SOFT, "soft"), (FAINT, "faint"), (PAPER, "paper")):
        svg = svg.replace(colour, f"var(--{variable})")
    return _styled_once(svg, kind)


def _styled_once(svg: str, kind: str) -> str:
    """The element with styles that many marks share told once, by class: rows are marks of one
    look."""
    many = Counter(re.findall(r' style="([^"]*)"', svg))
    shared = [style for style, times in many.items() if times >= 4]
    for k, style in enumerate(shared):
        svg = svg.replace(f' style="{style}"', f' class="{kind}{k}"')
    rules = "".join(f".{kind}{k}{{{style}}}" for k, style in enumerate(shared))
    end = svg.index(">") + 1
    return f"{svg[:end]}<style>{rules}</style>{svg[end:]}" if rules else svg


def kinds_of(model: Model, table: Table | None = None) -> list[str]:
    """The pictures that a model has, the one that shows most of it first; with rows that have a
    target also how good it is on them."""
    record, first = explain(model), default_kind(model)
    singles = len(record["effects"]) > sum(len(part["columns"]) == 2 for part in record["effects"])
    has = {
        "importance": len(record["columns"]) > 1 and bool(record["terms"]),
        "effects": singles or record["no_effects"] is not None and bool(record["terms"]),
        "pairs": any(len(part["columns"]) == 2 for part in record["effects"]),
    }
    rest = [kind for kind, there in has.items() if there and first != "fit"]
    kinds = rest if first == "overview" and rest else [first, *rest]
    seen = seen_rows(model, table)
    if seen is not None and seen.target is not None and first != "fit":
        classes = model.encoding.target.classes is not None
        probable = model.has_probabilities
        kinds += ["calibration"] if probable else [] if classes else ["predicted"]
    return kinds


KINDS = {
    "fit": fit,
    "map": map_,
    "effects": effects,
    "pairs": pairs,
    "importance": importance,
    "overview": overview,
    "predicted": predicted,
    "residuals": residuals,
    "calibration": calibration,
    # As they were called before.
    "curves": effects,
    "changes": effects,
}
TRACED = {"path": path, "gap": gap, "frames": frames}


def _drawn(
    model: Model,
    table: Table | None,
    kind: str,
    traced: TracedPath | TracedRounds | list[Frame] | None,
    narrow: bool = False,
):
    kind = default_kind(model) if kind == "auto" else kind
    scene = Scene(model, explain(model), seen_rows(model, table), narrow)
    return TRACED[kind](scene, traced) if kind in TRACED else KINDS[kind](scene)
