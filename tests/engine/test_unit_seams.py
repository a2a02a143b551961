"""Units of another kind need no other room: another activation, other costs and a shape, each
defined here alone, train and are certified by the loop that trains hinges."""

from dataclasses import fields

import numpy as np
import oracles
import pytest

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.losses import LOSSES
from wedgefit.engine.priced import Priced
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.solve import largest_alpha, solve
from wedgefit.engine.wedge import Wedges


class Tents(Wedges):
    """Another activation: |w·x + b|."""

    def hinges(self, X):
        return np.abs(X @ self.normals.T + self.offsets)


class Dear(Wedges):
    """Another penalty: a unit of two columns costs twice as much, so that of what the penalty is
    paid for there is half of the hinge."""

    def hinges(self, X):
        return super().hinges(X) / self.orders


class Mirrored(Wedges):
    """A shape: hinges in pairs, so that no network tells x from −x."""

    def hinges(self, X):
        heights = X @ self.normals.T
        return np.maximum(heights + self.offsets, 0) + np.maximum(self.offsets - heights, 0)


class Upward(Wedges):
    """Another shape: coefficients from zero up, so that every network is convex."""

    nonnegative = True


class Units(Dictionary):
    """The wedges of a dictionary as units of another kind."""

    kind: type[Wedges]

    def none(self):
        return self._as_units(super().none())

    def written_out(self):
        return self._as_units(super().written_out())

    def _as_units(self, wedges):
        return self.kind(*(getattr(wedges, field.name) for field in fields(wedges)))


class Everything(Pricer):
    """A pricer that writes all units out."""

    def __init__(self, dictionary):
        super().__init__(dictionary)
        self.units = dictionary.written_out()
        self.columns = self.units.hinges(dictionary.X)

    def price(self, v, alpha, used, *, every_pencil, **_):
        scores = self.columns.T @ v
        scores = scores[:, 0] if self.units.nonnegative else row_norms(scores)
        best = np.argsort(-scores)[:20]
        best, total = best[scores[best] > alpha], len(scores)
        bound, excess = float(scores.max()), float(scores.max() / alpha - 1)
        units = self.units.take(best)
        return Priced(units, scores[best], excess, bound, None, True, False, total, total)


def units_of(kind, X):
    units = Units(X, (1, 2), 1, True)
    # A frozen record has no room for it; the toy is one kind at a time.
    object.__setattr__(units, "kind", kind)
    return units


def problem_of(loss, X, rng):
    y = np.abs(X[:, 0]) + np.maximum(X[:, 1] - X[:, 0], 0) + 0.3 * rng.normal(size=len(X))
    return Problem(np.where(y > 1, 1.0, -1.0) if loss == "logistic" else y, 1.0, loss=LOSSES[loss])


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("kind", [Tents, Dear, Mirrored, Upward])
def test_a_kind_of_its_own_trains_and_is_certified(kind, loss, rng):
    X = rng.normal(size=(14, 2))
    problem, pricer = problem_of(loss, X, rng), Everything(units_of(kind, X))
    alpha = 0.05 * largest_alpha(problem, pricer)
    problem = Problem(problem.y, alpha, loss=problem.loss)
    found = solve(problem, pricer, tol=1e-8)
    columns = np.unique(np.round(pricer.columns, 12), axis=1)
    twin = {"squared": oracles.lasso_optimum, "logistic": oracles.logistic_lasso_optimum}[loss]
    signs = np.eye(columns.shape[1]) if kind.nonnegative else None
    optimum, *_ = twin(columns, problem.y[:, 0], alpha, True, shape=signs)
    assert found.status == "converged" and found.certificate.scope == "exact"
    assert found.certificate.objective == pytest.approx(optimum, rel=1e-6)
    assert found.certificate.lower_bound <= optimum * (1 + 1e-7)
    assert type(found.fit.wedges) is kind and len(found.fit.wedges) > 2


def test_what_the_kinds_promise_holds_on_other_rows(rng):
    X, new = rng.normal(size=(14, 2)), rng.normal(size=(50, 2))
    fits = {}
    for kind in (Tents, Dear, Mirrored, Upward):
        pricer = Everything(units_of(kind, X))
        problem = problem_of("squared", X, np.random.default_rng(1))
        alpha = 0.1 * largest_alpha(problem, pricer)
        fits[kind] = solve(Problem(problem.y, alpha), pricer, tol=1e-8).fit
    np.testing.assert_allclose(
        fits[Mirrored].predict(new), fits[Mirrored].predict(-new), atol=1e-12
    )
    far = 1e3 * np.sign(new)
    slopes = np.abs(far @ fits[Tents].wedges.normals.T) @ fits[Tents].coefficients
    assert np.abs(fits[Tents].predict(far) / slopes - 1).max() < 0.1, "tents rise on both sides"
    middle, ends = (
        fits[Upward].predict((new + far) / 2),
        fits[Upward].predict(np.vstack([new, far])),
    )
    assert (middle <= (ends[:50] + ends[50:]) / 2 + 1e-9).all()


def test_costs_decide_which_units_are_used(rng):
    """The same rows and alpha: where two columns cost twice, fewer units read two."""
    X = rng.normal(size=(14, 2))
    problem = problem_of("squared", X, rng)
    shares = []
    for kind in (Wedges, Dear):
        pricer = Everything(units_of(kind, X))
        found = solve(Problem(problem.y, 0.02), pricer, tol=1e-8)
        shares.append(np.mean(found.fit.wedges.orders == 2))
    assert shares[1] < shares[0]
