"""What a partial round draws, where there are too many sets of columns to list."""

import numpy as np
import pytest

from wedgefit.engine import nomination
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.nomination import Nominations
from wedgefit.engine.pricing import Pricer


@pytest.mark.parametrize("listed", [0, 10**6])
@pytest.mark.parametrize("order", [2, 3])
def test_every_set_of_columns_is_drawn_as_often(order, listed, monkeypatch):
    """Of all columns, and of those in use."""
    monkeypatch.setattr(nomination, "LISTED", listed)
    monkeypatch.setattr(nomination, "RANDOM", 2000)
    rng = np.random.default_rng(0)
    dictionary = Dictionary(rng.normal(size=(8, 5)), (1, order), 1, True)
    used, _ = dictionary.wedges(np.array([[1], [2], [4]]), np.array([[0], [1], [2]]))
    found = Nominations(dictionary, rng, scouted=False)
    every, in_use = (np.unique(columns(), axis=0, return_counts=True)
        for columns in found._column_draws(order, used, 2000))  # fmt: skip
    assert every[0].tolist() == dictionary.column_sets(order).tolist()
    among = [row for row in every[0].tolist() if set(row) <= {1, 2, 4}]
    assert in_use[0].tolist() == among
    for sets, counts in (every, in_use):
        # Five standard deviations of a count.
        share = 1 / len(sets)
        assert np.abs(counts - 2000 * share).max() < 5 * np.sqrt(2000 * share)


def test_no_set_of_the_columns_in_use(monkeypatch):
    monkeypatch.setattr(nomination, "LISTED", 0)
    rng = np.random.default_rng(0)
    dictionary = Dictionary(rng.normal(size=(8, 5)), (1, 3), 1, True)
    found = Nominations(dictionary, rng, scouted=False)
    pencils = found.promising(3, dictionary.none(), False, None)
    assert 0 < len(pencils) <= nomination.RANDOM


def test_a_thorough_round_counts_what_axes_cost():
    """In two columns a pencil is n looks; in seven it costs fifty times as much at 14 rows, and so
    many fewer are drawn."""
    rng = np.random.default_rng(0)
    found = Nominations(Dictionary(rng.normal(size=(14, 9)), (2, 7), 1, True), rng, scouted=False)
    draws = {order: found._draws(order, True) for order in (2, 7)}
    assert draws == {2: 1_000_000 // 14, 7: 1_000_000 // (14 + 7 * nomination.AXIS)}


def test_tiny_tables_are_looked_at_as_a_whole():
    """Nine rows of two columns have nine pencils: a fold drew a hundred thousand of them at random
    in every round, and took a hundred times as long as all there are."""
    rng = np.random.default_rng(0)
    X, v = rng.normal(size=(9, 2)), rng.normal(size=(9, 1))
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    v -= v.mean()
    every, partial = (
        pricer.price(v, 1e-3, pricer.dictionary.none(), every_pencil=all_, thorough=True)
        for all_ in (True, False)
    )
    assert partial.exact and partial.wedges_priced == every.wedges_priced == 108
    assert partial.bound == every.bound


def test_a_round_draws_no_more_than_there_is_time_for():
    """Where pencils are many a thorough round looks at samples about a million times."""
    rng = np.random.default_rng(0)
    dictionary = Dictionary(rng.normal(size=(400, 30)), (2,), 1, True)
    found = Nominations(dictionary, rng, scouted=False)
    pencils = found.promising(2, dictionary.none(), True, None)
    assert len(pencils) <= 1_000_000 // 400


def test_where_bounds_show_neurons_few_pencils_are_swept_beside_them():
    """On many rows; on few as many as ever."""
    rng = np.random.default_rng(0)
    for rows, fewer in ((300, False), (30_000, True)):
        dictionary = Dictionary(rng.normal(size=(rows, 2)), (2,), 2, True)
        most = [
            Nominations(dictionary, rng, scouted=False, neurons=neurons)._most
            for neurons in (False, True)
        ]
        assert (most[1] < most[0]) == fewer and most[1] >= 4
