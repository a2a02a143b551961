"""Probabilities that are what they say: outputs on a line, or in steps that only rise, by rows held
out.

A penalty keeps outputs small, so that probabilities lie too close to the classes' frequencies. How
much too close, only rows that the network has not seen can tell (Platt, Probabilistic outputs for
support vector machines, 1999; for several classes Guo et al., On calibration of modern neural
networks, 2017, with a bias for each). Steps correct any probability by itself (Zadrozny and Elkan,
Transforming classifier scores into accurate multiclass probability estimates, 2002).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from wedgefit.engine.network import Layer, Network
from wedgefit.learning.settings import ISOTONIC
from wedgefit.records import Complaint, above, items

if TYPE_CHECKING:
    from wedgefit.engine.fit import Fit
    from wedgefit.engine.problem import Problem

# A line never turns outputs round, however little rows held out have to do with them.
LEAST_SLOPE = 1e-3
# Outputs that differ by less than this part of them all are one, so that no step is so steep that
# rounding, which is not the same in every language of the exports, could be seen behind it.
ALIKE = 1e-6


@dataclass(frozen=True)
class Line:
    """What becomes of outputs: slope · output + shift, one shift for each output."""

    slope: Annotated[float, above(0)]
    shifts: tuple[float, ...]

    def of(self, output: np.ndarray) -> np.ndarray:
        """Outputs (n, K) on the line."""
        return self.slope * output + np.array(self.shifts)

    def refitted(self, fit: Fit) -> Fit:
        """The network whose outputs are on the line of those of this one."""
        return replace(
            fit,
            coefficients=self.slope * fit.coefficients,
            intercept=self.of(fit.intercept),
            combined=self.slope * fit.combined,
        )


@dataclass(frozen=True)
class Steps:
    """What becomes of one output: where it is one of ``at``, ascending, the value of ``to`` beside
    it; between two of them on a line, and beyond as at the ends."""

    at: Annotated[tuple[float, ...], items(1)]
    to: Annotated[tuple[float, ...], items(1)]

    def complaints(self) -> Iterator[Complaint]:
        """One value for each place, and none below the one before it."""
        if len(self.at) != len(self.to):
            yield Complaint("to", "one for each of at")
        for name, values, rises in (("at", self.at, np.greater), ("to", self.to, np.greater_equal)):
            if not rises(values[1:], values[:-1]).all():
                yield Complaint(name, "ascending")

    @property
    def rising(self) -> np.ndarray:
        """The positions k from which to k + 1 the value rises."""
        return np.flatnonzero(np.diff(self.to))


@dataclass(frozen=True)
class Isotonic:
    """What becomes of outputs: the steps of each."""

    outputs: tuple[Steps, ...]

    def of(self, output: np.ndarray) -> np.ndarray:
        """What the steps make of outputs (n, K)."""
        many = len(self.outputs)
        return self.after(Network((Layer(np.eye(many), np.zeros(many)),))).forward(output)

    def after(self, network: Network) -> Network:
        """The network whose outputs are the steps of those of this one.

        Three more layers: every output by what it is above and below zero; for every rise from
        ``at[k]`` to ``at[k + 1]`` the part of the way that is left; and the part that is done, 0
        below and 1 beyond to the last digit, so that no sum of large numbers has to cancel.
        """
        rising = [steps.rising for steps in self.outputs]
        first = np.array([steps.to[0] for steps in self.outputs])
        many, width = len(self.outputs), sum(map(len, rising))
        if not width:
            return Network((Layer(np.zeros((network.inputs, many)), first),))
        left, done = np.zeros((2 * many, width)), np.zeros((width, many))
        ends, place = np.zeros(width), 0
        for k, (steps, rises) in enumerate(zip(self.outputs, rising)):
            own, at = slice(place, place + len(rises)), np.array(steps.at)
            lengths = at[rises + 1] - at[rises]
            left[k, own], left[many + k, own] = -1 / lengths, 1 / lengths
            ends[own] = at[rises + 1] / lengths
            done[own, k] = np.diff(steps.to)[rises]
            place += len(rises)
        weights, biases = network.output
        signed = Layer(np.hstack([weights, -weights]), np.concatenate([biases, -biases]))
        parts = Layer(-np.eye(width), np.ones(width))
        return Network((*network.hidden, signed, Layer(left, ends), parts, Layer(done, first)))


def calibration_by(way: bool | str, problem: Problem, output: np.ndarray) -> Line | Isotonic:
    """The steps, or in any other ``way`` the line, that fit the outputs (n, K) of rows held out."""
    return (steps_through if way == ISOTONIC else line_through)(problem, output)


def line_through(problem: Problem, output: np.ndarray) -> Line:
    """The line on which the outputs (n, K) of rows held out have the smallest loss, but for the
    part that one more row for the line as it was would have."""
    from scipy.optimize import minimize

    y, weights, loss = problem.rates, problem.weights, problem.loss
    before = np.concatenate([[1.0], np.zeros(problem.targets)])
    stay = float(weights.sum()) / (len(y) + 1)

    def value(line: np.ndarray) -> tuple[float, np.ndarray]:
        moved = line[0] * output + line[1:]
        falls = loss.negative_gradient(y, moved, weights)
        slope = np.concatenate([[np.vdot(falls, output)], falls.sum(axis=0)])
        away = line - before
        return loss.value(y, moved, weights) + 0.5 * stay * float(away @ away), stay * away - slope

    bounds = [(LEAST_SLOPE, None), *[(None, None)] * problem.targets]
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    found = minimize(value, before, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Line(float(found[0]), tuple(found[1:].tolist()))


def steps_through(problem: Problem, output: np.ndarray) -> Isotonic:
    """The steps by which the outputs (n, K) of rows held out become how often their class is true:
    log-odds of two classes, else the logarithm for each class, which their sum then divides.

    A class that is true of N rows (by weight) and false of M is taken to be true of a row with
    probability (N + 1)/(N + 2) or 1/(M + 2) (Platt, section 2.2), so that no probability is 0 or 1.
    """
    from sklearn.isotonic import IsotonicRegression

    weights, found = problem.weights, []
    counted = weights * len(weights) / weights.sum()
    for true, values in zip((problem.rates > 0).T, output.T):
        alike = ALIKE * max(float(np.ptp(values)), float(np.abs(values).max()))
        at = alike * np.round(values / alike) if alike else values
        yes = float(counted @ true)
        most, least = (yes + 1) / (yes + 2), 1 / (len(true) - yes + 2)
        model = IsotonicRegression().fit(at, np.where(true, most, least), sample_weight=weights)
        # What is equal but for rounding is no rise.
        chances = np.round(model.y_thresholds_, 12)
        # Of two classes the output speaks for the second against the first.
        against = np.log1p(-chances) if output.shape[1] == 1 else 0.0
        to = np.log(chances) - against
        found.append(Steps(tuple(model.X_thresholds_.tolist()), tuple(to.tolist())))
    return Isotonic(tuple(found))
