"""The same network said more plainly, at the same cost."""

import numpy as np

from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Wedges

# A weight this small beside the largest is what rounding left of zero.
SMALLEST_WEIGHT = 1e-12


def readable(X: np.ndarray, problem: Problem, fit: Fit, bent: np.ndarray | None = None) -> Fit:
    """The same function at the same cost, as plain as it can be said; for networks with hidden
    biases.

    A wedge through two rows that agree in one of its columns reads the other one alone: it becomes
    of order 1, and equal neurons one. Those of order 1 that are linear on the rows rise: max(0, 3 −
    x) is 3 − x where x never exceeds 3, and an output bias can turn it into −max(0, x − 1); not in
    columns that are ``bent`` (d,), where the one bends up and the other down beyond the rows.
    """
    if not len(fit.wedges):
        return fit
    wedges = _of_order_one(X, fit.wedges)
    sign = np.ones(len(wedges))
    if problem.intercept:
        wedges, sign = _rising(X, wedges, bent)
    merged: dict[tuple, int] = {}
    place = [merged.setdefault(key, len(merged)) for key in wedges.keys()]
    z = np.zeros((len(merged), problem.targets))
    np.add.at(z, place, fit.coefficients * sign[:, None])
    return fit_on(X, problem, wedges.take(np.unique(place, return_index=True)[1]), z)


def _of_order_one(X: np.ndarray, wedges: Wedges) -> Wedges:
    """The same hyperplanes; one that reads a single column names this column and the first row that
    it passes through only."""
    weights = np.abs(wedges.normals)
    single = np.flatnonzero(
        (weights > SMALLEST_WEIGHT * weights.max(axis=1, keepdims=True)).sum(axis=1) == 1
    )
    columns, samples, normals, offsets = (
        part.copy() for part in (wedges.columns, wedges.samples, wedges.normals, wedges.offsets)
    )
    column = weights[single].argmax(axis=1)
    # Of the rows with this value the first, so that equal neurons can be told.
    sample = (X[:, column] == X[samples[single, 0], column]).argmax(axis=0)
    facing = np.sign(normals[single, column])
    columns[single], samples[single], normals[single] = -1, -1, 0.0
    columns[single, 0], samples[single, 0], normals[single, column] = column, sample, facing
    offsets[single] = -facing * X[sample, column]
    return Wedges(columns, samples, normals, offsets)


def _rising(X: np.ndarray, wedges: Wedges, bent: np.ndarray | None) -> tuple[Wedges, np.ndarray]:
    """Those of order 1 that fall and are linear on the rows, turned to pass through the lowest row;
    −1 where one was, (m,)."""
    falling = np.flatnonzero((wedges.orders == 1) & (wedges.normals.sum(axis=1) < 0))
    column = wedges.columns[falling, 0]
    linear = X[wedges.samples[falling, 0], column] == X.max(axis=0)[column]
    linear &= True if bent is None else ~bent[column]
    turned, column = falling[linear], column[linear]
    lowest, sign = X.argmin(axis=0)[column], np.ones(len(wedges))
    sign[turned] = -1.0
    samples, offsets = wedges.samples.copy(), wedges.offsets.copy()
    samples[turned, 0], offsets[turned] = lowest, -X[lowest, column]
    return Wedges(wedges.columns, samples, wedges.normals * sign[:, None], offsets), sign
