"""A model as one SQL query: a chain of common table expressions, from cells to features, layer by
layer, to predictions.

Names and texts are always quoted, and columns always qualified (SQLite would take a quoted name
that it does not know for a text).
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from wedgefit import __version__
from wedgefit.data.kinds import LARGEST
from wedgefit.data.words import shown
from wedgefit.engine.losses import LARGEST_EXPONENT
from wedgefit.engine.network import Layer
from wedgefit.errors import ColumnError
from wedgefit.exports.dialect import Dialect, plain
from wedgefit.exports.plan import Feature, NumberColumn, Plan, TextColumn

# Sums are nested such that none has more terms: SQLite allows expressions 1,000 levels deep, and a
# sum is as deep as it is long.
LONGEST_SUM = 100

FEATURES = "features"

# The columns of a step: (name, expression over the step below).
Columns = list[tuple[str, str]]


def to_sql(plan: Plan, dialect: Dialect, table: str) -> str:
    """The query over ``table`` ("schema.table" for one in a schema): its rows in their order, with
    predictions and probabilities.

    Raises ColumnError for names and texts that the dialect cannot hold.
    """
    _check_names(plan, dialect, table)
    query = _Query(plan, dialect)
    row, rows, alias = map(query.column, ("row", "rows", "table"))
    source = ".".join(map(dialect.quoted, table.split(".")))
    steps, below = [(rows, "  " + dialect.numbered(row, source, alias))], rows
    kept, readable = [row if dialect.joins else alias], []
    for step, columns in query.steps():
        if len(columns) >= dialect.most_columns:
            limit = f"{len(columns) + 1:,} columns, more than {dialect.most_columns:,}"
            raise dialect.refusal(f"a step of the query would have {limit}")
        named = [(query.column(name), value) for name, value in columns]
        steps.append((query.column(step), _select(named, kept, below, readable)))
        below = query.column(step)
        if not dialect.joins:
            kept += [query.column(name) for name, _ in columns if name in query.exposures]
        readable = [name for name, _ in named] if step == FEATURES and dialect.joins else []
    chain = ",\n".join(f"{step} {dialect.materialized} (\n{body}\n)" for step, body in steps)
    results = [
        f"{query.exposed(f't.{query.column(name)}')} AS {dialect.quoted(dialect.result(outer))}"
        for name, outer in query.results
    ]
    text = (
        f"-- A ReLU network, written out by wedgefit {__version__} for {dialect.name}.\n"
        f"WITH {chain}\nSELECT\n  " + ",\n  ".join([dialect.all_cells(alias), *results]) + "\n"
        f"FROM {_joined(query, below) if dialect.joins else f'{below} AS t'};\n"
    )
    if len(text.encode()) > dialect.longest_query:
        limit = f"{len(text.encode()):,} bytes, more than {dialect.longest_query:,}"
        raise dialect.refusal(f"the query would have {limit}")
    return text


def _joined(query: "_Query", below: str) -> str:
    """Every row of the table, in order, with what the last step has of it."""
    row, rows, cells = map(query.column, ("row", "rows", "cells"))
    exposures = f"LEFT JOIN {cells} AS e ON e.{row} = r.{row}\n" if query.exposures else ""
    return f"{rows} AS r\nLEFT JOIN {below} AS t ON t.{row} = r.{row}\n{exposures}ORDER BY r.{row}"


class _Query:
    """The steps of one model's query; each is a name and its columns."""

    def __init__(self, plan: Plan, dialect: Dialect):
        self.plan, self.dialect = plan, dialect
        self.features = {j: plan.features[j] for j in plan.read}
        sources = [feature.column.name for feature in self.features.values()]
        self.columns = [column for column in plan.columns if column.name in sources]
        if plan.exposure is not None:
            self.columns.append(NumberColumn(plan.exposure, math.nan, None, None))
        self.prefix = "wedgefit_"
        while any(name.casefold().startswith(self.prefix) for name in plan.names):
            self.prefix += "_"

    def column(self, name: str) -> str:
        """A name of the query's own, which no column of the model has."""
        return self.dialect.quoted(self.prefix + name)

    def part(self, name: str) -> str:
        """A column of the step below."""
        return f"t.{self.column(name)}"

    def steps(self) -> Iterator[tuple[str, Columns]]:
        """From the rows of the table to what is predicted."""
        yield from self._read()
        read = {NumberColumn: self._number_cells, TextColumn: self._text_cells}
        cells = [read[type(column)](i, column) for i, column in enumerate(self.columns, start=1)]
        yield "cells", [part for parts in cells for part in parts]
        yield FEATURES, [(f"x{j}", self._feature(part)) for j, part in self.features.items()]
        below = {j: f"x{j}" for j in self.features}
        zero = self.dialect.number(0.0)
        for number, layer in enumerate(self.plan.network.hidden, start=1):
            names = {k: f"h{number}_{k + 1}" for k in range(len(layer.biases))}
            units = [
                f"{self.dialect.greatest}({zero}, {unit})" for unit in self._units(layer, below)
            ]
            yield f"layer{number}", list(zip(names.values(), units))
            below = names
        scores = self._units(self.plan.network.output, below)
        names = [f"s{k}" for k in range(1, len(scores) + 1)]
        yield "scores", list(zip(names, scores))
        yield from self._outcome(list(map(self.part, names)))

    @property
    def results(self) -> list[tuple[str, str]]:
        """The columns of the last step that the query shows, and what ``wedgefit predict`` calls
        them."""
        predictions, chances = self.plan.prediction_names, self.plan.probability_names
        return [(f"prediction{k}", name) for k, name in enumerate(predictions, start=1)] + [
            (f"p{k}", name) for k, name in enumerate(chances, start=1)
        ]

    @property
    def exposures(self) -> list[str]:
        """Among the cells the exposure of a row, and whether it is missing, if there are any."""
        last = len(self.columns)
        return [] if self.plan.exposure is None else [f"v{last}", f"g{last}"]

    def exposed(self, prediction: str) -> str:
        """What is predicted for the exposure of the row; NULL where that is none."""
        if not self.exposures:
            return prediction
        dialect, source = self.dialect, "e" if self.dialect.joins else "t"
        value, missing = (f"{source}.{self.column(name)}" for name in self.exposures)
        least, most = (dialect.number(end) for end in (1 / LARGEST, LARGEST))
        known = f"{missing} = 0 AND {value} > {least} AND {value} <= {most}"
        if words := self.plan.reading.missing_numbers:
            known += f" AND {value} NOT IN ({', '.join(map(dialect.number, words))})"
        return f"CASE WHEN {known} THEN {prediction} * {value} END"

    # Cells

    def _read(self) -> Iterator[tuple[str, Columns]]:
        """Each cell as it is and as text; the texts in columns of numbers then spelled as program
        code spells numbers."""
        dialect, table = self.dialect, self.column("table")
        numbered = list(enumerate(self.columns, start=1))
        cells = {i: dialect.cell(column.name, table) for i, column in numbered}
        texts = [(f"t{i}", dialect.as_text(cell)) for i, cell in cells.items()]
        yield "texts", [*((f"a{i}", cell) for i, cell in cells.items()), *texts]
        kept = [(name, self.part(name)) for i in cells for name in (f"a{i}", f"t{i}")]
        numbers = [i for i, column in numbered if isinstance(column, NumberColumn)]
        reading, text = self.plan.reading, lambda i: self.part(f"t{i}")
        if reading.thousands is not None:
            bare = lambda i: dialect.ungrouped(text(i), reading.thousands, reading.decimal)
            yield "ungrouped", [*kept, *((f"n{i}", bare(i)) for i in numbers)]
        if not reading.plain:
            bare = self._numeral if reading.thousands is not None else text
            point = dialect.pointed if reading.decimal == "," else str
            yield "numerals", [*kept, *((f"n{i}", point(bare(i))) for i in numbers)]

    def _numeral(self, i: int) -> str:
        """The text that is to spell the number of a cell."""
        return self.part(f"t{i}" if self.plan.reading.plain else f"n{i}")

    def _number_cells(self, i: int, column: NumberColumn) -> Columns:
        """The number of a cell, NULL where it is missing or no number, and whether it is
        missing."""
        dialect, cell, text = self.dialect, self.part(f"a{i}"), self.part(f"t{i}")
        kinds = [
            (dialect.is_number(cell), dialect.as_number(cell)),
            (dialect.is_text(cell), dialect.parsed(self._numeral(i))),
        ]
        if dialect.has_booleans:
            numbers = {dialect.text(str(truth).lower()): float(truth) for truth in (False, True)}
            chosen = {word: dialect.number(number) for word, number in numbers.items()}
            kinds.insert(0, (dialect.is_boolean(cell), _chosen(text, chosen)))
        words = f"{dialect.is_text(cell)} AND {self._among(text, self.plan.missing)}"
        gap = f"{dialect.is_gap(cell)} OR ({words})"
        return [(f"v{i}", _first(kinds)), (f"g{i}", f"CASE WHEN {gap} THEN 1 ELSE 0 END")]

    def _text_cells(self, i: int, column: TextColumn) -> Columns:
        """Which of the levels that some neuron reads a cell counts as, by their position from 1; 0
        for none of them; NULL where it is nothing that training could have seen."""
        dialect, cell, text = self.dialect, self.part(f"a{i}"), self.part(f"t{i}")
        positions = self._positions(column)
        of = lambda level: str(positions.get(level, 0))
        other = of(column.other)
        codes = {text: of(level) for text, level in column.levels.items()}
        numbers = {number: codes[text] for number, text in column.numbers.items()}
        booleans = {truth: codes[text] for truth, text in column.booleans.items()}
        kinds = [(dialect.is_gap(cell), of(column.empty))]
        if dialect.has_booleans:
            chosen = {dialect.text(str(truth).lower()): code for truth, code in booleans.items()}
            kinds.append((dialect.is_boolean(cell), _chosen(text, chosen)))
        else:
            numbers = {float(truth): code for truth, code in booleans.items()} | numbers
        spelled = {dialect.number(number): code for number, code in numbers.items()}
        plainly = {
            plain_text: code
            for plain_text, code in codes.items()
            if plain_text.lstrip("-").isdigit()
        }
        found = self._code_of(plainly, text, _chosen(dialect.as_number(cell), spelled, other))
        kinds.append((dialect.is_number(cell), found if numbers else other))
        kinds.append((dialect.is_text(cell), self._code_of(codes, text, other)))
        return [(f"c{i}", _first(kinds))]

    def _code_of(self, codes: dict[str, str], text: str, other: str) -> str:
        """The code of a text."""
        listed = {self.dialect.text(known): code for known, code in codes.items() if code != other}
        return _chosen(self.dialect.exact(text), listed, other)

    def _positions(self, column: TextColumn) -> dict[str | None, int]:
        """Of each level that some neuron reads its position from 1."""
        read = [part.level for part in self.features.values() if part.column is column]
        return {level: k for k, level in enumerate(read, start=1)}

    def _among(self, text: str, words: Iterable[str]) -> str:
        listed = ", ".join(map(self.dialect.text, words))
        return f"{self.dialect.exact(text)} IN ({listed})"

    # Features and layers

    def _feature(self, feature: Feature) -> str:
        """Its value, over the cells; NULL where the cell could not be read."""
        dialect, column = self.dialect, feature.column
        i = self.columns.index(column) + 1
        off, on = (dialect.number(feature.of(raw)) for raw in (0.0, 1.0))
        if feature.kind == "level" and isinstance(column, TextColumn):
            code, position = self.part(f"c{i}"), self._positions(column)[feature.level]
            return (
                f"CASE WHEN {code} = {position} THEN {on} WHEN {code} <> {position} THEN {off} END"
            )
        missing, number = f"{self.part(f'g{i}')} = 1", self.part(f"v{i}")
        if words := self.plan.reading.missing_numbers:
            missing += f" OR {number} IN ({', '.join(map(dialect.number, words))})"
        if feature.kind == "missing":
            return f"CASE WHEN {missing} THEN {on} WHEN {number} IS NOT NULL THEN {off} END"
        counted = self._limited(number, column)
        if feature.kind == "level":
            missing_as = on if column.fill == feature.level else off
            known = f"WHEN {counted} = {dialect.number(feature.level)} THEN {on}"
            known += f" WHEN {number} IS NOT NULL THEN {off}"
            return f"CASE WHEN {missing} THEN {missing_as} {known} END"
        value = self._encoded(counted, feature)
        known = f"WHEN {number} IS NOT NULL THEN {dialect.finite(value)}"
        return f"CASE WHEN {missing} THEN {dialect.number(feature.of(column.fill))} {known} END"

    def _limited(self, number: str, column: NumberColumn) -> str:
        """The number, or the end that it counts as."""
        spelled = self.dialect.number
        cases = [
            f"WHEN {number} {beyond} {spelled(end[0])} THEN {spelled(end[1])}"
            for beyond, end in (("<", column.low), (">", column.high))
            if end is not None
        ]
        return f"(CASE {' '.join(cases)} ELSE {number} END)" if cases else number

    def _encoded(self, number: str, feature: Feature) -> str:
        shifted = number if feature.center == 0 else f"({number} - {plain(feature.center)})"
        return shifted if feature.scale == 1 else f"{shifted} / {plain(feature.scale)}"

    def _units(self, layer: Layer, below: dict[int, str]) -> list[str]:
        """Per unit the weighted sum of what it reads, plus its bias."""
        units = []
        for weights, bias in zip(layer.weights.T, layer.biases):
            read = np.flatnonzero(weights).tolist()
            terms = [f"{plain(weights[i])} * {self.part(below[i])}" for i in read]
            units.append(_sum([*terms, self.dialect.number(bias)]))
        return units

    # Predictions

    def _outcome(self, scores: list[str]) -> Iterator[tuple[str, Columns]]:
        """The steps from scores to what is predicted."""
        if self.plan.ascending:
            yield from self._sorting(len(scores))
        decisions = enumerate(self._decisions(scores), start=1)
        found = [(f"prediction{k}", decision) for k, decision in decisions]
        if not self.plan.probable:
            yield "predictions", found
        elif len(scores) == 1:
            odds = self._clipped(scores[0])
            chances = [f"1.0 / (1.0 + EXP({sign}{odds}))" for sign in ("", "-")]
            yield "predictions", [*found, ("p1", chances[0]), ("p2", chances[1])]
        else:
            yield from self._normalised(found, scores)

    def _sorting(self, many: int) -> Iterator[tuple[str, Columns]]:
        """The steps that put so many scores of a row into ascending order: in each, neighbours
        change places where need be, and as many such steps as scores are enough (Knuth, The Art of
        Computer Programming 3, section 5.3.4)."""
        dialect = self.dialect
        for step in range(many):
            columns = [(f"s{k}", self.part(f"s{k}")) for k in range(1, many + 1)]
            for k in range(step % 2, many - 1, 2):
                (low, one), (high, other) = columns[k : k + 2]
                columns[k] = low, f"{dialect.least}({one}, {other})"
                columns[k + 1] = high, f"{dialect.greatest}({one}, {other})"
            yield f"sorted{step + 1}", columns

    def _normalised(self, found: Columns, scores: list[str]) -> Iterator[tuple[str, Columns]]:
        """Probabilities of several classes, in logarithms first, so that rows far from every class
        do not divide zero by zero."""
        dialect, zero = self.dialect, self.dialect.number(0.0)
        log = lambda score: (
            f"{dialect.least}({score}, {zero}) - LN(1.0 + EXP(-ABS({self._clipped(score)})))"
        )
        log = str if self.plan.shared else log
        yield "logs", [*found, *((f"l{k}", log(score)) for k, score in enumerate(scores, start=1))]
        kept = [(name, self.part(name)) for name, _ in found]
        classes = range(1, len(scores) + 1)
        logs = [self.part(f"l{k}") for k in classes]
        largest = f"{dialect.greatest}({', '.join(logs)})"
        ratios = [self._clipped(f"{log_} - {largest}") for log_ in logs]
        yield "parts", [*kept, *((f"e{k}", f"EXP({ratio})") for k, ratio in zip(classes, ratios))]
        parts = [self.part(f"e{k}") for k in classes]
        chances = [(f"p{k}", f"{part} / {_sum(parts)}") for k, part in zip(classes, parts)]
        yield "predictions", [*kept, *chances]

    def _clipped(self, exponent: str) -> str:
        dialect = self.dialect
        least, most = (dialect.number(sign * LARGEST_EXPONENT) for sign in (-1, 1))
        return f"{dialect.greatest}({least}, {dialect.least}({most}, {exponent}))"

    def _decisions(self, scores: list[str]) -> list[str]:
        """What is predicted, per target. There is no ELSE: where a score is NULL, so is the
        decision."""
        if self.plan.exponential:
            return [f"EXP({self._clipped(score)})" for score in scores]
        if self.plan.classes is None:
            return scores
        labels = list(map(self.dialect.label, self.plan.classes))
        if len(scores) == 1:
            cut = self.dialect.number(self.plan.cut)
            signs = [(f"{scores[0]} > {cut}", labels[1]), (f"{scores[0]} <= {cut}", labels[0])]
            return [_first(signs)]
        best = (
            " AND ".join(f"{score} >= {other}" for other in scores if other != score)
            for score in scores
        )
        return [_first(list(zip(best, labels)))]


def _select(columns: Columns, kept: list[str], source: str, readable: list[str]) -> str:
    """One step: what is ``kept`` of the step below and these named expressions over it, for rows
    where no ``readable`` column of it is NULL."""
    lines = [*(f"t.{name}" for name in kept), *(f"{value} AS {name}" for name, value in columns)]
    # A database may take NULL for the smallest number, and a neuron that reads it for one at rest.
    known = "\n    AND ".join(f"t.{name} IS NOT NULL" for name in readable)
    where = f"\n  WHERE {known}" if known else ""
    return "  SELECT " + ",\n    ".join(lines) + f"\n  FROM {source} AS t{where}"


def _first(cases: list[tuple[str, str]]) -> str:
    """The value of the first condition that holds, else NULL."""
    return f"CASE {' '.join(f'WHEN {condition} THEN {value}' for condition, value in cases)} END"


def _chosen(key: str, values: dict[str, str], other: str = "NULL") -> str:
    """The value for this key."""
    cases = " ".join(f"WHEN {known} THEN {value}" for known, value in values.items())
    return f"CASE {key} {cases} ELSE {other} END" if cases else other


def _sum(terms: list[str]) -> str:
    """The sum in parentheses, nested where it is long."""
    while len(terms) > LONGEST_SUM:
        terms = [
            _sum(terms[start : start + LONGEST_SUM]) for start in range(0, len(terms), LONGEST_SUM)
        ]
    return f"({' + '.join(terms)})"


def _check_names(plan: Plan, dialect: Dialect, table: str) -> None:
    """Raises ColumnError for what the dialect cannot hold."""
    for text in [table, *plan.texts]:
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise dialect.refusal(f"{shown(text)} has characters that a database does not store")
    if not all(table.split(".")):
        raise ColumnError(
            f"{shown(table)} is not the name of a table.", remedy="Expected TABLE or SCHEMA.TABLE."
        )
    names = [*plan.prediction_names, *plan.probability_names]
    results = list(map(dialect.result, names))
    if problem := dialect.problem(table.split("."), plan.names, results):
        raise dialect.refusal(problem)
