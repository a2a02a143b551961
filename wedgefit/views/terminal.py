"""Text for a terminal, a pipe or Markdown: paper, tables, and small pictures in letters."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from wedgefit.views.words import plain

# Wider than any line: what is piped is never wrapped or cut.
UNLIMITED = 1_000_000

Parts = Iterator[RenderableType]


def to_text(parts: Iterable[RenderableType], stream: TextIO | None) -> str:
    """The parts as text for this stream: in its width and colours on a terminal, plain and
    unwrapped elsewhere."""
    paper = _Paper(stream)
    plain_paper = Console(file=paper, width=UNLIMITED, color_system=None, emoji=False)
    console = console_for(paper) if paper.isatty() else plain_paper
    for part in parts:
        console.print(part)
    text = paper.getvalue()
    return text if paper.isatty() else "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def to_markdown(parts: Iterable[RenderableType]) -> str:
    """The parts as Markdown: lines of text as paragraphs, tables as tables, without the small
    pictures."""
    return "\n\n".join(filter(None, map(_markdown, parts))) + "\n"


def _markdown(part: RenderableType) -> str:
    if not isinstance(part, Table):
        text = _escaped(str(part).strip())
        return f"**{text}**" if text and getattr(part, "style", "") == "bold" else text
    columns = [column for column in part.columns if str(column.header)]
    head = [_escaped(str(column.header)) for column in columns]
    rules = ["---:" if column.justify == "right" else "---" for column in columns]
    rows = [
        [_escaped(str(cell)) for cell in cells]
        for cells in zip(*(column.cells for column in columns))
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *rows))


def _escaped(text: str) -> str:
    """Names in tables may hold what Markdown takes for marks."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#$&" else c for c in text)


class _Paper(io.StringIO):
    """Collects what rich would write to the stream; the writing, and what can go wrong with it, is
    the caller's."""

    def __init__(self, stream: TextIO | None):
        super().__init__()
        self._terminal = is_terminal(stream)
        self._encoding = getattr(stream, "encoding", None)

    @property
    def encoding(self) -> str | None:
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads along; a stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def console_for(stream: TextIO) -> Console:
    """What writes on a terminal, in colours unless they are not wanted."""
    # rich would still print bold and dim with NO_COLOR; without a colour system it prints no escape
    # codes at all.
    probe = Console(file=stream, emoji=False, highlight=False)
    if not probe.no_color:
        return probe
    return Console(file=stream, emoji=False, highlight=False, color_system=None)


# Small pictures -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Meter:
    """A bar for a size from 0 to ``most``, in eighths of a letter; plain letters where the terminal
    knows no others."""

    size: float
    most: float
    minus: bool = False
    WIDTH: ClassVar[int] = 10

    def __str__(self) -> str:
        return self.drawn()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bar = self.drawn(min(self.WIDTH, options.max_width), ascii_only=options.ascii_only)
        yield Text(bar, style="red" if self.minus else "cyan")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.WIDTH, self.WIDTH)

    def drawn(self, width: int = WIDTH, *, ascii_only: bool = False) -> str:
        eighths = round(8 * width * min(1.0, max(0.0, self.size / self.most))) if self.most else 0
        if ascii_only:
            return ("-" if self.minus else "#") * round(eighths / 8)
        return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


@dataclass(frozen=True)
class Spark:
    """A line of bars of different heights, the lowest value at the bottom."""

    values: Sequence[float]
    WIDTH: ClassVar[int] = 16

    def __str__(self) -> str:
        return self.drawn()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.drawn(ascii_only=options.ascii_only), style="cyan")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(len(self.values), len(self.values))

    def drawn(self, *, ascii_only: bool = False) -> str:
        marks = "_.-~^" if ascii_only else "▁▂▃▄▅▆▇█"
        known = [value for value in self.values if math.isfinite(value)]
        low, high = min(known, default=0.0), max(known, default=0.0)
        return "".join(self._mark(value, low, high, marks) for value in self.values)

    @staticmethod
    def _mark(value: float, low: float, high: float, marks: str) -> str:
        if not math.isfinite(value):
            return " "
        # Of halves, which cannot overflow.
        step = (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low) if high > low else 0.5
        return marks[min(int(step * len(marks)), len(marks) - 1)]


# Parts of tables ----------------------------------------------------------------------------------


class Sheet(Table):
    """A table that suits its paper: what is ``spare`` goes first where the width does not do, and
    on a narrow one every row is written below the other, one cell a line.

    ``one_line``: texts are cut, the widest first, so that every row keeps to its line.
    """

    NARROW = 60  # Columns of a terminal in which a table that does not fit is no table any more.
    LEAST = 12  # No text is cut to less than this.

    def __init__(self, *headers: str, spare: Sequence[str] = (), one_line: bool = False):
        super().__init__(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for header in headers:
            side = "right" if header.endswith(">") else "left"
            name = Text(plain(header.removesuffix(">")))
            self.add_column(name, justify=side, overflow="fold")
        # Small pictures have no header, and say nothing that the figure beside them does not.
        self.spare = ("", *spare)
        self.one_line = one_line

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        kept = list(self.columns)
        for name in self.spare:
            if self._width(console, options, kept) > options.max_width:
                kept = [column for column in kept if str(column.header) != name]
        fits = self._width(console, options, kept) <= options.max_width
        if options.max_width < self.NARROW and not fits:
            yield from self._stacked(kept)
            return
        table = Table(box=self.box, pad_edge=False, show_edge=False)
        widths = self._cut(console, options, kept) if self.one_line and not fits else {}
        for k, column in enumerate(kept):
            cut = {"max_width": widths[k], "no_wrap": True} if k in widths else {}
            overflow = "ellipsis" if k in widths else column.overflow
            table.add_column(column.header, justify=column.justify, overflow=overflow, **cut)
        for row, cells in zip(self.rows, zip(*(column.cells for column in kept))):
            table.add_row(*cells, style=row.style)
        yield table

    def _widths(self, console: Console, options: ConsoleOptions, columns: list) -> list[int]:
        free = options.update(max_width=UNLIMITED)
        return [
            max(
                Measurement.get(console, free, cell).maximum
                for cell in (column.header, *column.cells)
            )
            for column in columns
        ]

    def _width(self, console: Console, options: ConsoleOptions, columns: list) -> int:
        """How wide these columns are side by side, with the space between them."""
        return sum(self._widths(console, options, columns)) + 3 * (len(columns) - 1)

    def _cut(self, console: Console, options: ConsoleOptions, columns: list) -> dict[int, int]:
        """The widths of the columns of text with which all fit, by position."""
        widths = self._widths(console, options, columns)
        texts = [k for k, column in enumerate(columns) if column.justify == "left"]
        cut: dict[int, int] = {}
        room = options.max_width - 3 * (len(columns) - 1)
        while sum(widths) > room and texts:
            widest = max(texts, key=lambda k: widths[k])
            if widths[widest] <= self.LEAST:
                break
            widths[widest] -= 1
            cut[widest] = widths[widest]
        return cut

    def _stacked(self, columns: list) -> RenderResult:
        for k, cells in enumerate(zip(*(column.cells for column in columns))):
            if k:
                yield Text("")
            for column, cell in zip(columns, cells):
                if words := str(cell):
                    name = str(column.header)
                    yield Text.assemble((f"{name}  ", "dim"), words) if name else Text(words)


def table_of(*headers: str, spare: Sequence[str] = (), one_line: bool = False) -> Sheet:
    """An empty table; a header that ends with > has its column to the right. ``spare``: headers of
    columns that go first, in this order, where there is little room; ``one_line``: then texts are
    cut."""
    return Sheet(*headers, spare=spare, one_line=one_line)


def add_row(table: Table, *cells: object, style: str | None = None) -> None:
    """Append a row; text is taken as it is."""
    # Text, because a cell like "[red]x" would be taken for markup.
    table.add_row(
        *(cell if isinstance(cell, Text | Meter | Spark) else Text(plain(cell)) for cell in cells),
        style=style,
    )


def title(words: str) -> Text:
    """A heading, with an empty line before it."""
    # Not the table's own title, which rich wraps at the width of the table.
    return Text(f"\n{words}", style="bold")


def grid_of() -> Table:
    """An empty list of labels with their words."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def labelled(label: str, text: str) -> Text:
    """A paragraph that begins with its label."""
    return Text.assemble("\n", (label, "bold"), f": {text}")
