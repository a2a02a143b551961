"""A model as one SQL query: a chain of common table expressions, from cells to features, layer by
layer, to predictions.

Names and texts are always quoted, and columns always qualified (SQLite would take a quoted name
that it does not know for a text). Every step is MATERIALIZED: a database that inlined it would
compute a neuron again for every neuron that reads it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wedgefit import __version__
from wedgefit.data.encoding import Feature, InputColumn
from wedgefit.data.table import DEFAULT_NA, shown
from wedgefit.errors import ColumnError
from wedgefit.model.record import Model

# Sums are nested such that none has more terms: SQLite allows expressions 1,000 levels deep, and a
# sum is as deep as it is long.
LONGEST_SUM = 100
# PostgreSQL has no exponential of numbers beyond this size: it refuses results that are rounded to
# zero or infinity.
LARGEST_EXPONENT = 700.0
# PostgreSQL cuts longer names, in bytes of UTF-8.
LONGEST_NAME = 63
ROWS, ROW = "rows", "row"


@dataclass(frozen=True)
class Dialect:
    """How a database spells what differs: types, the larger of two numbers, texts, and what is no
    number."""

    name: str
    double: str
    literals_are_doubles: bool
    greatest: str
    least: str
    binary: str  # the collation that compares texts byte by byte
    most_columns: int
    quoted: Callable[[str], str]
    no_number: (
        str | None
    )  # a condition on a cell of text that CAST would silently take for a number
    problem: Callable[
        [Sequence[str], Sequence[str]], str | None
    ]  # why it cannot hold these columns, and all these names

    def constant(self, value: float) -> str:
        """A number in the type of all computations."""
        return (
            _number(value)
            if self.literals_are_doubles
            else f"CAST({_number(value)} AS {self.double})"
        )

    def label(self, value: str | float | int) -> str:
        """A class as a literal."""
        return self.quoted(value) if isinstance(value, str) else repr(value)


def to_sql(model: Model, dialect: Dialect, table: str) -> str:
    """The query over ``table`` ("schema.table" for one in a schema): its rows with a number,
    predictions and probabilities.

    Raises ColumnError for names and texts that the dialect cannot hold.
    """
    _check_names(model, dialect, table)
    query = _Query(model, dialect)
    source = ".".join(map(_name, table.split(".")))
    steps = [
        (ROWS, f"  SELECT ROW_NUMBER() OVER () AS {query.column(ROW)}, t.* FROM {source} AS t")
    ]
    below = ROWS
    for step, columns in query.steps():
        named = [(query.column(name), value) for name, value in columns]
        steps.append((step, _select(named, query.column(ROW), query.column(below))))
        below = step
    chain = ",\n".join(f"{query.column(step)} AS MATERIALIZED (\n{body}\n)" for step, body in steps)
    results = ",\n  ".join(
        ["r.*", *(f"t.{query.column(inner)} AS {_name(outer)}" for inner, outer in query.results)]
    )
    return (
        f"-- A ReLU network, written out by wedgefit {__version__} for {dialect.name}.\n"
        f"WITH {chain}\nSELECT\n  {results}\nFROM {query.column(ROWS)} AS r\n"
        f"JOIN {query.column(below)} AS t ON t.{query.column(ROW)} = r.{query.column(ROW)}\nORDER BY r.{query.column(ROW)};\n"
    )


class _Query:
    """The steps of one model's query; each is a name and its columns, (name, expression over the
    step below)."""

    def __init__(self, model: Model, dialect: Dialect):
        self.model, self.dialect = model, dialect
        *hidden, (outer, intercepts) = model.network.layers
        self.hidden = [layer for layer in hidden if len(layer[1])]
        self.outer, self.intercepts = outer, intercepts
        self.prefix = "wedgefit_"
        while any(
            column.name.casefold().startswith(self.prefix) for column in model.encoding.inputs
        ):
            self.prefix += "_"

    def column(self, name: str) -> str:
        """A name of the query's own, which no column of the model has."""
        return _name(self.prefix + name)

    def steps(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        yield (
            "cells",
            [
                part
                for i, column in enumerate(self._inputs, start=1)
                for part in self._cells(column, i)
            ],
        )
        features = [(f"x{j}", self._feature(self.model.encoding.features[j])) for j in self._used]
        yield "features", features
        below = {j: f"x{j}" for j in self._used}
        for number, (weights, biases) in enumerate(self.hidden, start=1):
            names = {k: f"h{number}_{k + 1}" for k in range(len(biases))}
            zero = self.dialect.constant(0.0)
            units = self._affine(weights, biases, below)
            yield (
                f"layer{number}",
                [
                    (names[k], f"{self.dialect.greatest}({zero}, {unit})")
                    for k, unit in enumerate(units)
                ],
            )
            below = names
        units = self._affine(self.outer, self.intercepts, below)
        yield "scores", [(f"s{k}", unit) for k, unit in enumerate(units, start=1)]
        yield from self._outcome([f"s{k}" for k in range(1, len(units) + 1)])

    @property
    def results(self) -> list[tuple[str, str]]:
        """The columns of the last step that the query shows, and their names: those of ``wedgefit
        predict``."""
        target = self.model.encoding.target
        shown_ = [
            (f"prediction{k}", f"prediction_{name}") for k, name in enumerate(target.names, start=1)
        ]
        labels = target.classes if self.model.problem["loss"] == "logistic" else ()
        return shown_ + [
            (f"p{k}", f"probability_{label}") for k, label in enumerate(labels, start=1)
        ]

    @property
    def _used(self) -> list[int]:
        """The positions of the features that some neuron reads."""
        return np.flatnonzero(self.hidden[0][0].any(axis=1)).tolist() if self.hidden else []

    @property
    def _inputs(self) -> list[InputColumn]:
        """The columns that these features come from."""
        sources = {self.model.encoding.features[j].source for j in self._used}
        return [column for column in self.model.encoding.inputs if column.name in sources]

    def _affine(self, weights: np.ndarray, biases: np.ndarray, below: dict[int, str]) -> list[str]:
        """Per unit the sum of what it reads, by weights (inputs, units), plus its bias (units,)."""
        units = []
        for column, bias in zip(weights.T, biases):
            terms = [
                f"{_number(column[i])} * t.{self.column(below[i])}" for i in np.flatnonzero(column)
            ]
            units.append(_sum([*terms, self.dialect.constant(bias)]))
        return units

    def _cells(self, column: InputColumn, i: int) -> Iterator[tuple[str, str]]:
        """A number within its limits, gaps filled, and, where a neuron asks, whether there was a
        gap; or a text that is NULL where it is missing."""
        dialect, cell, missing = self.dialect, f"t.{_name(column.name)}", self._missing(column)
        if column.kind == "category":
            yield f"c{i}", f"CASE WHEN {missing} THEN NULL ELSE CAST({cell} AS TEXT) END"
            return
        # A text that is no number makes everything that depends on it NULL, rather than count as
        # zero.
        refused = f" WHEN {dialect.no_number.format(cell)} THEN NULL" if dialect.no_number else ""
        value = f"CAST({cell} AS {dialect.double})"
        for larger, limit in zip((dialect.greatest, dialect.least), column.limits):
            value = value if limit is None else f"{larger}({dialect.constant(limit)}, {value})"
        yield (
            f"c{i}",
            f"CASE WHEN {missing} THEN {dialect.constant(column.fill)}{refused} ELSE {value} END",
        )
        features = [self.model.encoding.features[j] for j in self._used]
        for feature in features:
            if feature.source == column.name and feature.kind == "missing":
                off, on = self._indicated(feature)
                yield f"m{i}", f"CASE WHEN {missing} THEN {on} ELSE {off} END"

    def _missing(self, column: InputColumn) -> str:
        cell = f"t.{_name(column.name)}"
        words = [word for word in DEFAULT_NA if word not in column.cells]
        return f"({cell} IS NULL OR {self._among(f'CAST({cell} AS TEXT)', words)})"

    def _among(self, text: str, words: Iterable[str]) -> str:
        return f"{text} COLLATE {self.dialect.binary} IN ({', '.join(map(self.dialect.quoted, words))})"

    def _feature(self, feature: Feature) -> str:
        """Its value, over the cells."""
        i, column = next(
            (i, column)
            for i, column in enumerate(self._inputs, start=1)
            if column.name == feature.source
        )
        cell = f"t.{self.column(f'c{i}')}"
        if feature.kind == "number":
            shifted = cell if feature.center == 0 else f"({cell} - {_number(feature.center)})"
            return shifted if feature.scale == 1 else f"{shifted} / {_number(feature.scale)}"
        if column.kind == "numeric":
            return f"t.{self.column(f'm{i}')}"
        return self._level(column, feature.level, cell, self._indicated(feature))

    def _indicated(self, feature: Feature) -> list[str]:
        """The values of a 0/1 feature."""
        return [self.dialect.constant((raw - feature.center) / feature.scale) for raw in (0.0, 1.0)]

    def _level(self, column: InputColumn, level: str, cell: str, encoded: list[str]) -> str:
        """1 where the text counts as this level. Texts not seen in training count as ``other``: it
        has all but the others' texts."""
        rest = level == column.other
        texts = [
            text
            for text, group in column.cells.items()
            if text is not None and (group == level) != rest
        ]
        missing = column.cells.get(None, column.other) == level
        listed = f" WHEN {self._among(cell, texts)} THEN {encoded[not rest]}" if texts else ""
        return f"CASE WHEN {cell} IS NULL THEN {encoded[missing]}{listed} ELSE {encoded[rest]} END"

    def _outcome(self, scores: list[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The steps from scores to what is predicted."""
        found = [
            (f"prediction{k}", decision)
            for k, decision in enumerate(self._decisions(scores), start=1)
        ]
        if self.model.problem["loss"] != "logistic":
            yield "predictions", found
        elif len(scores) == 1:
            odds = self._clipped(f"t.{self.column('s1')}")
            yield (
                "predictions",
                [
                    *found,
                    ("p1", f"1.0 / (1.0 + EXP({odds}))"),
                    ("p2", f"1.0 / (1.0 + EXP(-{odds}))"),
                ],
            )
        else:
            yield from self._normalised(found, scores)

    def _normalised(
        self, found: list[tuple[str, str]], scores: list[str]
    ) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Probabilities of several classes, in logarithms first, so that rows far from every class
        do not divide zero by zero."""
        classes = range(1, len(scores) + 1)
        zero, greatest, least = (
            self.dialect.constant(0.0),
            self.dialect.greatest,
            self.dialect.least,
        )
        column = lambda name: f"t.{self.column(name)}"
        logs = []
        for k, score in zip(classes, map(column, scores)):
            logs.append(
                (f"l{k}", f"{least}({score}, {zero}) - LN(1.0 + EXP(-ABS({self._clipped(score)})))")
            )
        yield "logs", [*found, *logs]
        kept = [(name, column(name)) for name, _ in found]
        largest = f"{greatest}({', '.join(column(f'l{k}') for k in classes)})"
        ratios = {k: self._clipped(f"{column(f'l{k}')} - {largest}") for k in classes}
        yield "parts", [*kept, *((f"e{k}", f"EXP({ratio})") for k, ratio in ratios.items())]
        parts = [column(f"e{k}") for k in classes]
        yield (
            "predictions",
            [*kept, *((f"p{k}", f"{part} / {_sum(parts)}") for k, part in zip(classes, parts))],
        )

    def _clipped(self, exponent: str) -> str:
        dialect, most = self.dialect, self.dialect.constant(LARGEST_EXPONENT)
        return f"{dialect.greatest}({dialect.constant(-LARGEST_EXPONENT)}, {dialect.least}({most}, {exponent}))"

    def _decisions(self, names: list[str]) -> list[str]:
        """What is predicted, per target. There is no ELSE: where a score is NULL, so is the
        decision."""
        classes, scores = (
            self.model.encoding.target.classes,
            [f"t.{self.column(name)}" for name in names],
        )
        if classes is None:
            return scores
        first, second, *_ = map(self.dialect.label, classes)
        if len(scores) == 1:
            return [
                f"CASE WHEN {scores[0]} > 0.0 THEN {second} WHEN {scores[0]} <= 0.0 THEN {first} END"
            ]
        best = (
            " AND ".join(f"{score} >= {other}" for other in scores if other != score)
            for score in scores
        )
        return [
            f"CASE {' '.join(f'WHEN {is_best} THEN {self.dialect.label(label)}' for is_best, label in zip(best, classes))} END"
        ]


def _select(columns: list[tuple[str, str]], row: str, source: str) -> str:
    """One step: the rows' numbers and these named expressions over the step below."""
    lines = [f"t.{row}", *(f"{value} AS {name}" for name, value in columns)]
    return "  SELECT " + ",\n    ".join(lines) + f"\n  FROM {source} AS t"


def _sum(terms: list[str]) -> str:
    """The sum in parentheses, nested where it is long."""
    while len(terms) > LONGEST_SUM:
        terms = [
            _sum(terms[start : start + LONGEST_SUM]) for start in range(0, len(terms), LONGEST_SUM)
        ]
    return f"({' + '.join(terms)})"


def _number(value: float) -> str:
    """The shortest literal of the number; a negative one in parentheses, so that two signs never
    meet and begin a comment."""
    return f"({float(value)!r})" if value < 0 else repr(float(value) + 0.0)


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _sqlite_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _postgresql_text(text: str) -> str:
    # What a backslash means in a plain text depends on a setting of the server.
    return "E" + _sqlite_text(text.replace("\\", "\\\\")) if "\\" in text else _sqlite_text(text)


# What a dialect cannot hold -----------------------------------------------------------------------


def _check_names(model: Model, dialect: Dialect, table: str) -> None:
    """Raises ColumnError."""
    target = model.encoding.target
    inputs = [column.name for column in model.encoding.inputs]
    texts = [text for column in model.encoding.inputs for text in column.cells if text is not None]
    for text in [table, *inputs, *target.names, *map(str, target.classes or ()), *texts]:
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise _not_held(dialect, f"{shown(text)} has characters that a database does not store")
    if not all(table.split(".")):
        raise ColumnError(
            f"{shown(table)} is not the name of a table.", remedy="Expected TABLE or SCHEMA.TABLE."
        )
    results = [f"prediction_{name}" for name in target.names] + [
        f"probability_{label}" for label in target.classes or ()
    ]
    if problem := dialect.problem(inputs, [*table.split("."), *inputs, *results]):
        raise _not_held(dialect, problem)
    widest = max(
        [
            len(inputs),
            len(model.encoding.features),
            *(len(model.layer(number)) for number in range(1, model.depth + 1)),
        ]
    )
    if widest >= dialect.most_columns:
        raise _not_held(
            dialect,
            f"a step of the query would have {widest:,} columns, more than {dialect.most_columns:,}",
        )


def _not_held(dialect: Dialect, problem: str) -> ColumnError:
    remedy = "Rename it and train again, or choose another --format."
    return ColumnError(f"{dialect.name} cannot hold this model: {problem}.", remedy=remedy)


def _sqlite_problem(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Names of columns that differ in the case of Latin letters only."""
    seen: dict[str, str] = {}
    for name in columns:
        folded = "".join(
            character.lower() if character.isascii() else character for character in name
        )
        if folded in seen:
            return f"{shown(seen[folded])} and {shown(name)} are one name to it"
        seen[folded] = name
    return None


def _postgresql_problem(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Names that would be cut."""
    long = [name for name in names if len(name.encode()) > LONGEST_NAME]
    return f"the name {shown(long[0])} is longer than {LONGEST_NAME} bytes" if long else None


DIALECTS = {
    "sqlite": Dialect(
        name="sqlite", double="REAL", literals_are_doubles=True, greatest="MAX", least="MIN", binary="BINARY", most_columns=2000,
        quoted=_sqlite_text, no_number="typeof({0}) = 'text' AND ({0} GLOB '*[^-+.0-9eE ]*' OR NOT {0} GLOB '*[0-9]*')",
        problem=_sqlite_problem,
    ),
    "postgresql": Dialect(
        name="postgresql", double="DOUBLE PRECISION", literals_are_doubles=False, greatest="GREATEST", least="LEAST", binary='"C"',
        most_columns=1600, quoted=_postgresql_text, no_number=None, problem=_postgresql_problem,
    ),
}  # fmt: skip
