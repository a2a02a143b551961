"""How pictures look: colours, letters, paper."""

from __future__ import annotations

import importlib.util
import io
import math
import re
import textwrap
import warnings
from collections.abc import Callable

from wedgefit.errors import WedgefitError

SUFFIXES = ("svg", "png", "pdf")
INK, SOFT, FAINT, PAPER = "#21272e", "#6b7480", "#dfe3e8", "#ffffff"
# On coloured ground, which stays light on a dark page: what is drawn there must not change with the
# page.
DARK, LIGHT = "#20262d", "#fffffe"
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, AMBER = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#a89b00",
    "#56b4e9",
    "#e69f00",
)
CLASS_COLOURS = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, YELLOW)
CLASS_MARKS = ("o", "^", "s", "D", "v", "P", "X")
SIZES, SIGNED = "YlGnBu", "RdBu_r"
MOST_BARS, MOST_CURVES, MOST_LEVELS, MOST_PAIRS, MOST_LABELS = 15, 9, 8, 6, 60
# More marks than this are drawn as pixels, or a vector file would be too slow to open.
MOST_MARKS = 2000
GRID = 160  # Points along each side of a map.
BAND = 0.2  # How dark a band over the folds is.
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "figure.dpi": 100,
    "savefig.dpi": 200,
    # A column called $x$ is no formula.
    "text.parse_math": False,
    "svg.hashsalt": "wedgefit",
}
# Where letters are missing from matplotlib's own font; only those that are installed are asked for.
OTHER_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans Arabic",
    "Arial Unicode MS",
)


def require() -> None:
    """Raises WedgefitError where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise WedgefitError(
            "pictures need matplotlib.", remedy="Install it: python -m pip install 'wedgefit[plot]'"
        )


def in_style(draw: Callable[[], bytes], **more) -> tuple[bytes, str]:
    """What ``draw`` gives with matplotlib dressed for our pictures, and the letters that no font
    here has: these are drawn as boxes."""
    require()
    import matplotlib
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in OTHER_FONTS if font in installed)]
    with (
        matplotlib.rc_context(STYLE | {"font.family": fonts} | more),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        drawn = draw()
    found = (re.match(r"Glyph (\d+) .* missing", str(warning.message)) for warning in told)
    letters = dict.fromkeys(chr(int(glyph[1])) for glyph in found if glyph)
    return drawn, "".join(letters)


def written(figure, form: str) -> bytes:
    """The figure as a file without dates: the same bytes each time."""
    file = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
    figure.savefig(file, format=form, metadata=undated)
    return file.getvalue()


def figure_of(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def title(figure, words: str) -> None:
    """A title at the left, in two lines where one is too long for the figure."""
    letters = int(9 * figure.get_figwidth())
    figure.suptitle("\n".join(textwrap.wrap(words, letters)), x=0.008, ha="left")


def label(text: object, longest: int = 32) -> str:
    """A name short enough to be read in a picture, with control characters made visible."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def count(many: int, thing: str) -> str:
    return f"{many:,} {thing}{'s' * (many != 1)}"


def short(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def plain_ticks(axis, whole: bool = False) -> None:
    """Ticks as people write numbers: 1.2 M and not 1.2e6; no 1.25 where there are ``whole``
    numbers only."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tick(value: float) -> str:
    """A round number: ``1.2 M``, ``20,000``, ``2008``, ``0.05``."""
    size = abs(value)
    for unit, mark in ((1e9, " G"), (1e6, " M")):
        if unit <= size < 1000 * unit:
            return f"{value / unit:.4g}{mark}".replace("-", "−")
    if size and not 1e-4 <= size < 1e12:
        return f"{value:.3g}".replace("-", "−")
    # Four digits need no comma, and may be a year.
    text = (f"{value:,.6f}" if size >= 10_000 else f"{value:.6f}").rstrip("0").rstrip(".")
    return text.replace("-", "−")


def panels_of(count: int, height: float = 2.3, across: int = 3):
    """A figure with so many panels, at most ``across`` side by side."""
    columns = min(across, count)
    rows = math.ceil(count / columns)
    figure = figure_of(max(2.7 * columns, 4.2), height * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in panels[count:]:
        spare.set_visible(False)
    return figure, panels[:count]


def dots(axes, x, y, colours, **more):
    """Rows as small dots, with an edge in the colour of the paper so that neighbours stay apart."""
    few = len(x) <= MOST_MARKS
    style = {
        "s": 22 if few else 8,
        "edgecolors": PAPER,
        "linewidths": 0.5 if few else 0.1,
        "zorder": 3,
        "rasterized": not few,
    }
    return axes.scatter(x, y, c=colours, **(style | more))


def band_key(colour: str):
    """The entry of a legend for bands over the folds."""
    from matplotlib.patches import Patch

    return Patch(color=colour, alpha=BAND, lw=0, label="± over the folds")


def close_seams(shades) -> None:
    """Viewers let the ground shine through between two shades unless these overlap a little."""
    shades.set_edgecolor("face")
    shades.set_linewidth(0.4)
