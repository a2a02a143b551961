"""Files that are no CSV, told by how they begin: what they are, and what to do instead."""

import json
import re

from wedgefit.errors import TableError

_BINARY = {
    b"PK\x03\x04": ("a spreadsheet or another zip archive", "Save the sheet as CSV first."),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet", "Save the sheet as CSV first."),
    b"%PDF-": ("a PDF file", "Is there a CSV file of the same table?"),
}
_PAGE = re.compile(r"\s*<(!doctype|html|\?xml)\b", re.IGNORECASE)


def check_bytes(raw: bytes, where: str) -> None:
    """Raises TableError for a file that programs of their own read."""
    for start, (kind, remedy) in _BINARY.items():
        if raw.startswith(start):
            raise _refusal(kind, where, remedy)
    if raw.startswith(b"PAR1") and raw.endswith(b"PAR1"):
        raise _refusal("a Parquet file", where, "Give it a name that ends in .parquet.")


def check_text(text: str, where: str) -> None:
    """Raises TableError for JSON, a model among it, and for pages of HTML or XML."""
    if _PAGE.match(text):
        raise _refusal("a page of HTML or XML", where, "Was a page saved in place of the file?")
    if text.lstrip()[:1] not in ("{", "["):
        return
    first = _parsed(text.lstrip().partition("\n")[0])
    whole = _parsed(text)
    if isinstance(whole, dict) and str(whole.get("schema")).startswith("wedgefit."):
        raise _refusal("a file that wedgefit wrote", where, "Name the table in its place.")
    # A name of a column may stand in brackets, too.
    if isinstance(first, dict) or (isinstance(whole, dict | list) and whole != first):
        raise _refusal("JSON", where, "Write the table as CSV first.")


def _parsed(text: str):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # Brackets may stand deeper than JSON is read.
        return None


def _refusal(kind: str, where: str, remedy: str) -> TableError:
    return TableError(f"this is {kind}, not a CSV file.", where=where, remedy=remedy)
