"""Which of many candidates a round adds."""

import numpy as np

from wedgefit.engine.choice import Choices, diversified, ranks_in_sets, unlike
from wedgefit.engine.wedge import Wedges


def candidates():
    """The pair (0, 1) has the 150 largest scores, through rows that no two share; the pair (1, 2)
    has three small ones."""
    rows = np.arange(306).reshape(153, 2)
    columns = np.array([[0, 1]] * 150 + [[1, 2]] * 3)
    scores = np.concatenate([np.linspace(10, 9, 150), [2.0, 3.0, 1.0]])
    return Choices(columns, rows, scores)


def test_near_copies_of_the_best_do_not_take_every_place():
    (by_score,) = diversified([candidates()])
    (by_sets,) = diversified([candidates()], by_sets=True)
    assert len(by_score) == len(by_sets) == 100
    assert (by_score.columns == (0, 1)).all()
    assert by_sets.scores[:6].tolist() == [10.0, 3.0, *np.linspace(10, 9, 150)[1:2], 2.0,
                                           *np.linspace(10, 9, 150)[2:3], 1.0]  # fmt: skip


def test_ranks_are_those_among_the_same_columns():
    columns = np.array([[0, 2], [0, 1], [0, 2], [0, 1], [0, 2]])
    scores = np.array([1.0, 4.0, 3.0, 5.0, 2.0])
    assert ranks_in_sets(columns, scores).tolist() == [2, 1, 0, 0, 1]
    assert ranks_in_sets(columns[:0], scores[:0]).tolist() == []


def test_wedges_of_many_rows_differ_from_each_other():
    """Of a wedge, the same seen from its other side, a near-copy and two others, the best come
    first and the copies not at all."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(500, 2))
    normals = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.5, -0.5]])
    wedges = Wedges(np.zeros((5, 2), dtype=int), np.zeros((5, 2), dtype=int), normals, np.zeros(5))
    assert unlike(X, wedges, np.array([2.0, 3.0, 2.5, 1.0, 4.0])).tolist() == [4, 1, 3]
    assert unlike(X, wedges.take(slice(0, 0)), np.empty(0)).tolist() == []
