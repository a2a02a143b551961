"""A kind of its own needs no other room: a loss defined here alone trains and is certified."""

import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import largest_alpha, solve


class LogCosh:
    """Σ weights ln cosh(output − y): a square near zero, the absolute value far from it."""

    name = "log_cosh"
    quadratic = False
    of_differences = True
    couples = False

    def value(self, y, output, weights):
        away = np.abs(output - y)
        return float(np.sum(weights @ (away + np.log1p(np.exp(-2 * away)) - np.log(2))))

    def negative_gradient(self, y, output, weights):
        return (np.tanh(y - output).T * weights).T

    def curvature(self, y, output, weights):
        return (np.maximum(1 - np.tanh(output - y) ** 2, 1e-9).T * weights).T

    def shift(self, y, output, weights):
        found = []
        for rest in (y - output).T:
            slope = lambda t, rest=rest: float(weights @ np.tanh(rest - t))
            found.append(brentq(slope, rest.min() - 1, rest.max() + 1, xtol=1e-15, rtol=1e-14))
        return np.array(found)

    def dual_value(self, y, dual, weights):
        part = (dual.T / weights).T
        if np.abs(part).max(initial=0.0) >= 1:
            return -np.inf
        conjugate = part * np.arctanh(part) + 0.5 * np.log1p(-(part**2))
        return float(np.sum(dual * y)) - float(np.sum(weights @ conjugate))

    def dual_terms(self, y, dual, weights):
        part = (dual.T / weights).T
        return float(np.abs(dual * y).sum() + np.sum(weights @ np.abs(part * np.arctanh(part))))

    def best_scale(self, y, dual, weights, limit):
        largest = np.abs((dual.T / weights).T).max(initial=0.0)
        end = min(limit, (1 - 1e-12) / largest) if largest > 0 else 0.0
        slope = lambda s: float(np.sum(dual * (y - np.arctanh((s * dual.T / weights).T))))
        return end if slope(end) >= 0 else brentq(slope, 0.0, end, xtol=1e-15, rtol=1e-14)


def twin(dictionary, problem):
    """The optimum of the dictionary written out: coefficients split into signs, in scipy's
    hands."""
    hinges = dictionary.written_out().hinges(dictionary.X)
    count = hinges.shape[1]

    def objective(theta):
        z, t = theta[:count] - theta[count:-1], theta[-1]
        output = (hinges @ z + t)[:, None]
        pull = problem.loss.negative_gradient(problem.y, output, problem.weights)
        along = hinges.T @ pull[:, 0]
        slope = np.concatenate([problem.alpha - along, problem.alpha + along, [-pull.sum()]])
        loss = problem.loss.value(problem.y, output, problem.weights)
        return loss + problem.alpha * theta[:-1].sum(), slope

    bounds = [(0, None)] * (2 * count) + [(None, None)]
    limits = {"maxiter": 5_000, "maxfun": 10_000, "ftol": 1e-15, "gtol": 1e-10}
    start = np.zeros(2 * count + 1)
    return minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=limits
    ).fun


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_a_loss_of_its_own_trains_and_is_certified(mean):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 2))
    y = mean + 3 * np.abs(X[:, 0]) + rng.standard_t(2, size=9)
    dictionary = Dictionary(X, (1, 2), 1, True)
    pricer = Pricer(dictionary)
    at_one = Problem(y, 1.0, loss=LogCosh())
    problem = Problem(y, largest_alpha(at_one, pricer) / 10, loss=LogCosh())
    found = solve(problem, pricer, tol=1e-8)
    certificate = found.certificate
    assert found.status == "converged" and len(found.fit.wedges) > 1
    assert 0 <= certificate.relative_gap <= 1e-8
    if not mean:
        optimum = twin(dictionary, problem)
        assert certificate.objective == pytest.approx(optimum, rel=1e-6)
        assert certificate.lower_bound <= optimum
    else:
        centred = solve(Problem(y - mean, problem.alpha, loss=LogCosh()), pricer, tol=1e-8)
        assert certificate.objective == pytest.approx(centred.certificate.objective, rel=1e-8)


def test_a_loss_of_its_own_takes_several_targets(rng):
    """Two targets that are the same share their neurons at √2 times the cost of one."""
    X = rng.normal(size=(12, 2))
    y = np.abs(X[:, 0]) + rng.standard_t(2, size=12)
    pricer = Pricer(Dictionary(X, (1, 2), 1, True))
    both = Problem(np.column_stack([y, y]), 0.02, loss=LogCosh())
    found = solve(both, pricer, tol=1e-8)
    alone = solve(Problem(y, 0.02 / np.sqrt(2), loss=LogCosh()), pricer.sibling(), tol=1e-8)
    assert found.status == "converged" and 0 <= found.certificate.relative_gap <= 1e-8
    assert found.certificate.objective == pytest.approx(2 * alone.certificate.objective, rel=1e-7)
    np.testing.assert_allclose(found.fit.output, np.tile(alone.fit.output, (1, 2)), atol=1e-3)
    # Targets of their own, in another order: nothing else changes.
    other = np.column_stack([y, rng.standard_t(2, size=12)])
    one, two = (
        solve(Problem(targets, 0.02, loss=LogCosh()), pricer.sibling(), tol=1e-8)
        for targets in (other, other[:, ::-1])
    )
    assert one.status == two.status == "converged" and one.fit.coefficients.all(axis=1).any()
    assert one.certificate.objective == pytest.approx(two.certificate.objective, rel=1e-7)
