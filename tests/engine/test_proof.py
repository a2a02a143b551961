"""What was proven of a network holds of the same network once more, and of no other."""

from dataclasses import replace

import numpy as np
import pytest

from wedgefit.engine.bound import EPSILON
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.proof import Proof
from wedgefit.engine.remembered import LAST_DIGITS


@pytest.fixture(params=(1, 2))
def proof(request, rng) -> Proof:
    X, v = np.maximum(rng.normal(size=(30, 4)), 0.0), rng.normal(size=(30, 1))
    v -= v.mean()
    pricer = Pricer(Dictionary(X, (1, 2), request.param, True))
    priced = pricer.price(v, np.inf, pricer.dictionary.none(), every_pencil=True)
    return Proof(X, request.param, v, priced)


def test_it_holds_of_columns_in_another_order_and_of_what_rounding_moved(proof, rng):
    moved = proof.v * (1 + 1e-14 * rng.normal(size=proof.v.shape))
    X = proof.X[:, [2, 0, 3, 1]]
    if proof.norm == 1:
        X = X * (1 + 1e-14 * rng.normal(size=X.shape))
    found = proof.of(X, moved)
    pricer = Pricer(Dictionary(X, (1, 2), proof.norm, True))
    anew = pricer.price(moved, np.inf, pricer.dictionary.none(), every_pencil=True)
    assert anew.bound <= found.bound <= anew.bound * (1 + 2e-10)
    assert (anew.supremum is None) == (found.supremum is None)
    assert found.supremum is None or anew.supremum <= found.supremum


def test_it_is_raised_by_all_that_a_score_may_have_moved(proof):
    """Had the best neuron gained on every row where it is active, it would still be below."""
    step = 1e-13 * np.abs(proof.v).sum() / len(proof.v)
    raised = proof.of(proof.X, proof.v + step).bound - proof.priced.bound
    assert raised >= step * np.abs(proof.X).max(axis=1).sum()
    if proof.norm == 1:
        apart = proof.of(proof.X + step, proof.v).bound - proof.priced.bound
        assert apart >= step * np.abs(proof.v).sum()


def test_of_wedges_alone_it_says_nothing_once_rows_have_moved(rng):
    """One through two rows close by turns with their last digits, and may score more by far."""
    gained = []
    for _ in range(50):
        X, v = np.repeat(rng.normal(size=(3, 2)), 2, axis=0), rng.normal(size=(6, 1))
        X[::2] += 1e-9 * rng.normal(size=(3, 2))
        v -= v.mean()
        moved = X * (1 + EPSILON * rng.integers(-1, 2, size=X.shape))
        one, other = (
            Pricer(told := Dictionary(rows, (2,), 2, True)).price(
                v, np.inf, told.none(), every_pencil=True
            )
            for rows in (X, moved)
        )
        assert Proof(X, 2, v, one).of(moved, v) is None
        gained.append(other.bound / one.bound - 1)
    assert max(gained) > 10 * LAST_DIGITS


@pytest.mark.parametrize("what", ("another v", "other rows", "another column", "more", "drawn"))
def test_it_says_nothing_of_another_network(proof, what):
    X, v = proof.X.copy(), proof.v
    if what == "another v":
        v = v * (1 + 1e-8)
    if what == "other rows":
        X[3, 1] += 1e-8
    if what == "another column":
        X[:, 1] = X[:, 0]
    if what == "more":
        X = np.column_stack([X, X[:, 0]])
    if what == "drawn":
        proof = replace(proof, priced=replace(proof.priced, exact=False))
    assert proof.of(X, v) is None
