"""Notes about what to look at twice: numbers of rows, answers among the inputs, rows beyond what
training saw."""

import numpy as np
import pytest
from encoded import encode
from kinds import table_of

ROWS = 60


def columns(**more):
    rng = np.random.default_rng(0)
    return {"a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS)} | more


def notes(columns, **options):
    return encode(table_of(columns), **options)[1].notes


def noise(seed=1):
    return np.random.default_rng(seed).normal(size=ROWS)


@pytest.mark.parametrize(
    "counting",
    [np.arange(ROWS), np.arange(ROWS) + 1, np.random.default_rng(0).permutation(ROWS) + 1.0],
    ids=["0..", "1..", "in any order"],
)
def test_a_column_that_counts_the_rows_is_noted(counting):
    found = notes(columns(id=counting.astype(float), y=noise()))
    assert len(found) == 1 and found[0].startswith('column "id" counts the rows')
    assert found[0].endswith("drop it or make it the id")


@pytest.mark.parametrize(
    "values",
    [
        np.arange(ROWS) + 2.0,
        np.arange(ROWS) / 2,
        np.append(np.arange(ROWS - 1), 0.0),
        np.append(np.arange(ROWS - 1.0), np.nan),
    ],
    ids=["from 2", "halves", "twice", "gap"],
)
def test_other_columns_do_not_count_rows(values):
    assert notes(columns(x=values, y=noise())) == ()


def test_a_single_input_is_what_the_user_chose():
    count = np.arange(ROWS, dtype=float)
    assert notes({"t": count, "y": 3 * count}) == ()


def test_a_column_that_gives_the_answer_away_is_noted():
    target = noise()
    (found,) = notes(columns(copy=5 - 2 * target + 0.01 * noise(2), y=target))
    assert found.startswith('column "copy" alone explains 99.9')
    (found,) = notes(columns(copy=target, y=target))
    assert 'column "copy" alone explains all of the target' in found
    assert notes(columns(near=target + 0.2 * noise(2), y=target)) == ()


def test_classes_and_texts_may_give_the_answer_away():
    labels = np.array(["yes", "no", "perhaps"], dtype=object)[np.arange(ROWS) % 3]
    (found,) = notes(columns(spoiler=np.where(labels == "yes", 1.0, 0.0), y=labels))
    assert '"spoiler" alone explains all' in found
    group = np.array(["u", "v", "w"], dtype=object)[np.arange(ROWS) % 3]
    (found,) = notes(columns(group=group, y=labels))
    assert '"group" alone explains all' in found


def test_weights_count_as_repeated_rows():
    target = noise()
    spoilt = np.append(target[:-5], -target[-5:])
    weight = np.append(np.ones(ROWS - 5), np.full(5, 1e-9))
    assert notes(columns(x=spoilt, y=target)) == ()
    (found,) = notes(columns(x=spoilt, w=weight, y=target), weight="w")
    assert '"x" alone explains' in found


def test_rows_outside_what_training_saw_are_noted():
    encoding, _ = encode(table_of(columns(year=np.arange(70.0, 70 + ROWS) // 5, y=noise())))
    inside = columns(year=np.full(ROWS, 20.0))
    inside = {
        name: np.clip(values, -1, 1) if name in "ab" else values for name, values in inside.items()
    }
    assert encoding.remarks(table_of(inside)) == ()
    years = np.full(ROWS, 20.0)
    years[2], years[7], years[9] = 60, 13, np.nan
    assert encoding.remarks(table_of(inside | {"year": years})) == (
        'column "year": 2 rows (3, 8) lie outside 14 to 25, all that training saw',
    )
