"""Probabilities that are what they say: outputs on a line, fitted to rows held out.

A penalty keeps outputs small, so that probabilities lie too close to the classes' frequencies. How
much too close, only rows that the network has not seen can tell (Platt, Probabilistic outputs for
support vector machines, 1999; for several classes Guo et al., On calibration of modern neural
networks, 2017, with a bias for each).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from wedgefit.records import above

if TYPE_CHECKING:
    from wedgefit.engine.fit import Fit
    from wedgefit.engine.problem import Problem

# A line never turns outputs round, however little rows held out have to do with them.
LEAST_SLOPE = 1e-3


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
