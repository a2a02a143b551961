"""What is heard of a walk: how much of the work lies behind."""

from types import SimpleNamespace

import numpy as np
import pytest

from wedgefit.learning.path import _round_reporter


def parts_of(gaps, slower=False, network=(0, 1), tol=1e-6):
    """The part that lies behind after rounds with these gaps, each with the scope it was proven
    in."""
    heard = []
    report = _round_reporter(lambda *told: heard.append(told[-1]), network, (1, 1), tol, slower)
    fit = SimpleNamespace(wedges=[])
    for number, (gap, scope) in enumerate(gaps):
        certificate = SimpleNamespace(wedges_priced=1, objective=1.0, relative_gap=gap, scope=scope)
        report(number, fit, certificate)
    return heard


def test_each_digit_of_the_gap_is_a_part_of_the_work():
    proven = [(10.0**-digits, "exact") for digits in range(8)]
    assert parts_of(proven) == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1])
    slower = [0, 1 / 36, 4 / 36, 9 / 36, 16 / 36, 25 / 36, 1, 1]
    assert parts_of(proven, slower=True) == pytest.approx(slower)
    assert parts_of(proven[2:3], network=(1, 2)) == pytest.approx([4 / 6])


def test_what_partial_rounds_find_closed_is_no_part_of_a_proof():
    """They see nothing left long before the proof does, and nobody was told how long it took."""
    rounds = [(1e-2, "exact"), (1e-6, "sampled"), (1e-4, "exact")]
    assert parts_of(rounds) == pytest.approx([2 / 6, 0, 4 / 6])
    assert parts_of(rounds, network=(1, 2)) == pytest.approx(np.array([8, 6, 10]) / 12)
    assert parts_of([(1e-3, "sampled")]) == pytest.approx([0.5]), "a sampled fit ends on these"
