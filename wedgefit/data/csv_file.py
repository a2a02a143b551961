"""A CSV file, plain or gzipped, becomes a sheet of texts."""

from __future__ import annotations

import codecs
import csv
import gc
import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from wedgefit.data.not_csv import check_bytes, check_text
from wedgefit.data.reading import Reading
from wedgefit.data.sheet import FileOptions, Sheet, sheet_of
from wedgefit.data.words import shown, title
from wedgefit.errors import TableError, UsageError

DELIMITERS = ",;\t|"
LONGEST_CELL = 2**24

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Spreadsheets may say in a first line what the delimiter is.
_SEP_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)
_COMMENT_MARKS = "#%;!/"


def read_csv(source: str, reading: Reading, options: FileOptions) -> Sheet:
    """The sheet in a CSV file; ``-`` is standard input. Raises TableError, UsageError."""
    delimiter = _checked_delimiter(options.delimiter)
    raw = read_bytes(source)
    check_bytes(raw, title(source))
    text = _decoded(raw, options.encoding, source)
    check_text(text, title(source))
    before = 0
    if told := _SEP_LINE.match(text):
        text, before = text[told.end() :], 1
        delimiter = delimiter or told[1]
        _check_not_empty(text, source)
    with _long_cells(), _uncollected():
        guessed = _guess_delimiter(text, reading, source)
        delimiter = delimiter or guessed
        another = guessed if guessed != delimiter else None
        records = list(_parsed(text, delimiter, reading.comment, source))
        if before:
            records = [(line + before, cells) for line, cells in records]
        if not any(cells for _, cells in records):
            raise _empty(source)
        try:
            notes = _delimiter_note(records, another) or _spaces_note(records)
            return sheet_of(records, source, reading, delimiter, notes)
        except TableError as error:
            raise _with_comment_hint(error, text, reading) from None


def _checked_delimiter(delimiter: str | None) -> str | None:
    """The delimiter as one character, or None. Raises UsageError."""
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise UsageError(f'the delimiter must be one character or "tab", not {shown(delimiter)}.')
    return delimiter


# Bytes and text -----------------------------------------------------------------------------------


def read_bytes(source: str) -> bytes:
    """The bytes of a file or of standard input (``-``), unpacked. Raises TableError."""
    try:
        if source == "-":
            if sys.stdin is None:
                raise TableError("it is closed.", where=title(source), remedy="Name a file.")
            raw = sys.stdin.buffer.read()
        else:
            with open(source, "rb") as file:
                raw = file.read()
        return gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TableError(
            f"the gzip data is damaged ({error}).",
            where=title(source),
            remedy="Copy the file again.",
        ) from None
    except FileNotFoundError:
        raise TableError(
            "there is no such file.", where=source, remedy="Check the path; - reads standard input."
        ) from None
    except IsADirectoryError:
        raise TableError(
            "this is a folder, not a CSV file.", where=source, remedy="Name a file in it."
        ) from None
    except PermissionError:
        raise TableError(
            "no permission to read this file.", where=source, remedy="Change its permissions."
        ) from None
    except (OSError, ValueError) as error:
        raise TableError(f"cannot be read: {error}.", where=title(source)) from None


def _decoded(raw: bytes, encoding: str, source: str) -> str:
    """The text of the file, without a byte order mark. Raises TableError for binary data, with the
    byte offset."""
    where = title(source)
    codec = _codec(encoding)
    if raw.startswith(_UTF16_MARKS) and not codec.startswith(("utf-16", "utf-32")):
        raise TableError("the file is UTF-16 text.", where=where, remedy="Try --encoding utf-16.")
    if codec == "utf-8" and raw.startswith(codecs.BOM_UTF8):
        codec = "utf-8-sig"
    try:
        text = raw.decode(codec)
    except UnicodeError as error:
        raise _not_text(raw, getattr(error, "start", 0), codec, where) from None
    if "\0" in text:
        raise _not_text(raw, len(text[: text.index("\0")].encode(codec)), codec, where)
    _check_not_empty(text, source)
    return text


def _check_not_empty(text: str, source: str) -> None:
    if not text.strip():
        raise _empty(source)


def _empty(source: str) -> TableError:
    return TableError(
        "the file is empty.",
        where=title(source),
        remedy="Expected a line of column names, then rows.",
    )


def _codec(encoding: str) -> str:
    """Python's name for the encoding. Raises UsageError when it has none that makes text of
    bytes."""
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise UsageError(
            f"unknown encoding {shown(encoding)}.", remedy="Try utf-8, latin-1 or utf-16."
        ) from None


def _not_text(raw: bytes, offset: int, codec: str, where: str) -> TableError:
    return TableError(
        f"byte {offset} (0x{raw[offset]:02x}) is not {codec} text."
        if raw[offset:]
        else f"the file is not {codec} text.",
        where=where,
        remedy="Try --encoding latin-1 or utf-16 if it is text; save a spreadsheet as CSV first.",
    )


# Records ------------------------------------------------------------------------------------------


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells be longer than the 131,072 characters of Python's csv module, whose limit is
    global."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let Python not look for cycles: millions of lists of cells hold none, and looking for them
    again and again took half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _guess_delimiter(text: str, reading: Reading, source: str) -> str:
    """The delimiter that splits the header into most fields; on a tie the comma, unless it is the
    decimal mark."""
    candidates = sorted(DELIMITERS, key=lambda mark: mark == reading.decimal)
    return max(candidates, key=lambda mark: _header_width(text, mark, reading.comment, source))


def _header_width(text: str, delimiter: str, comment: str | None, source: str) -> float:
    records = _parsed(text, delimiter, comment, source)
    try:
        return next((len(cells) for _, cells in records if cells), 0)
    except TableError:
        # Quotes that do not close: worse than two fields, but better than one, which would hide the
        # mistake.
        return 1.5


def _parsed(
    text: str, delimiter: str, comment: str | None, source: str
) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it starts on; a blank line is an empty list."""
    quoted = '"' in text
    before_quotes = rf'(^|[\r\n{re.escape(delimiter)}]) +"'
    spaced = quoted and delimiter != " " and re.search(before_quotes, text) is not None
    lines = _Lines(text, comment, spaced)
    # strict: without it an unclosed quote would swallow the rest of the file as one cell.
    reader = csv.reader(
        lines.between() if comment or spaced else lines.all,
        delimiter=delimiter,
        strict=True,
        skipinitialspace=spaced,
    )
    line = 1
    try:
        if not quoted and not comment:
            # Every line is a record: a third of the time of looking at each.
            yield from enumerate(reader, start=1)
            return
        for cells in reader:
            if spaced:
                cells = _with_their_spaces(cells, lines.record, delimiter)
            yield lines.started if comment else line, cells
            line = reader.line_num + 1
            lines.inside = False
    except csv.Error as error:
        line = lines.started if comment else line if quoted else reader.line_num
        raise _not_csv(str(error), f"{title(source)}, line {line}") from None


def _with_their_spaces(cells: list[str], record: str, delimiter: str) -> list[str]:
    """The cells of a record whose reader skipped the space before quotes, and with it that at the
    start of other cells: there it is theirs, as in the name of a row."""
    mark = re.escape(delimiter)
    parts = re.findall(rf'(?:\A|{mark})( *)("(?:[^"]|"")*"|[^{mark}]*)', record.rstrip("\r\n"))
    if len(parts) != len(cells):
        return cells
    return [
        cell if part.startswith('"') else space + cell for cell, (space, part) in zip(cells, parts)
    ]


class _Lines:
    """The lines of a text, without those that begin with the comment mark between two records; in
    a quoted cell of several lines they are data. With ``keep`` the lines of the last ``record``
    are kept."""

    def __init__(self, text: str, comment: str | None, keep: bool = False):
        # Not StringIO: it splits lines five times slower than a buffered reader does. Ends are
        # kept, for LF, CRLF and CR alike.
        raw = io.BytesIO(text.encode(errors="surrogatepass"))
        self.all = io.TextIOWrapper(raw, "utf-8", "surrogatepass", newline="")
        self.comment, self.keep = comment, keep
        self.inside = False
        self.started = 1
        self.record = ""

    def between(self) -> Iterator[str]:
        for number, line in enumerate(self.all, start=1):
            if not self.inside:
                if line.lstrip().startswith(self.comment or "\0"):
                    continue
                self.inside, self.started, self.record = True, number, ""
            if self.keep:
                self.record += line
            yield line


def _spaces_note(records: list[tuple[int, list[str]]]) -> tuple[str, ...]:
    """What to say where every line is one field that falls into as many words."""
    lines = [cells for _, cells in records if cells]
    words = {len(cells[0].split()) if len(cells) == 1 else 1 for cells in lines}
    if len(words) > 1 or words == {1} or len(lines) < 3:
        return ()
    return (
        'every line is one field of as many words: if these are the fields, try --delimiter " "',
    )


def _delimiter_note(records: list[tuple[int, list[str]]], another: str | None) -> tuple[str, ...]:
    """What to say where every line is one field, and another mark than was told makes more."""
    lines = [cells for _, cells in records if cells]
    if another is None or any(len(cells) > 1 or another not in cells[0] for cells in lines):
        return ()
    mark = "tab" if another == "\t" else f'"{another}"'
    return (f"every line is one field with a delimiter in it: try --delimiter {mark}",)


def _not_csv(reason: str, where: str) -> TableError:
    if "unexpected end of data" in reason:
        return TableError(
            "a quoted cell that starts in this record is never closed.",
            where=where,
            remedy='Add the missing ".',
        )
    if "field larger" in reason:
        message = f"a cell is longer than {LONGEST_CELL:,} characters."
        return TableError(message, where=where, remedy='Is a closing " missing?')
    if "expected after" in reason:
        message = 'a quoted cell goes on behind its closing ".'
        remedy = 'Inside a quoted cell, write " as ""; the delimiter comes next, without a space.'
        return TableError(message, where=where, remedy=remedy)
    return TableError(
        f"not valid CSV: {reason}.", where=where, remedy='Inside a quoted cell, write " as "".'
    )


def _with_comment_hint(error: TableError, text: str, reading: Reading) -> TableError:
    """The error, and how to leave out comments if the file seems to begin with one."""
    first = text.lstrip()[:1]
    if reading.comment is not None or first not in _COMMENT_MARKS:
        return error
    hint = f'If lines that begin with {first} are comments, try --comment "{first}".'
    return TableError(error.message, where=error.where, remedy=f"{error.remedy} {hint}")
