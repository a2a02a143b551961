"""Joint descent of all neurons of a network (norm 2), off the wedges: scipy's L-BFGS on every
weight at once.

Pricing finds one good neuron at a time; here those in use move together, which a Lasso over fixed
neurons cannot do. In between, the Lasso drops and splits neurons and pricing brings new ones, so a
local minimum is left again (the sliding Frank–Wolfe method of Denoyelle, Duval, Peyré and Soubies,
arXiv 1811.06416). Theory, sections 1 and 4.
"""

import numpy as np
from scipy.optimize import minimize

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Wedges, row_chunks

# A descent ends when a step gains less than GAIN, relatively, or after STEPS steps: the next round
# goes on from there, with neurons that pricing found. (1,000 steps made a fit three times slower,
# and it ended no lower.)
GAIN = 1e-10
STEPS = 100
# How many gradients L-BFGS remembers: neighbouring neurons are nearly collinear, so the curvature
# takes many.
MEMORY = 30
# A neuron whose coefficient falls below this part of the largest has died.
NOTHING = 1e-12
# One block of rows × neurons has about this many entries: it stays in the processor's cache.
BLOCK = 1 << 16
# Up to so many rows a descent sees them all.
ALL_ROWS = 10_000
# Of more a parameter takes so many, divided by how precise the descent is to be.
PER_PARAMETER = 0.03


def descended(problem: Problem, dictionary: Dictionary, fit: Fit, precision: float = 0.0) -> Wedges:
    """The neurons of a network of one target after a joint descent, each in the one or two places
    where it passes through a sample.

    None of its coefficients is zero. A Lasso over what comes back is at least as good as the
    descended network. ``precision``: what a descent need not gain of the objective, relatively;
    of very many rows it then takes as many as show the rest, and each neuron comes in one place.
    """
    wedges, z, t = fit.wedges, fit.coefficients[:, 0], float(fit.intercept[0])
    some, X = _enough(problem, dictionary.X, wedges, precision)
    many = len(dictionary.X) > ALL_ROWS
    gain = max(GAIN, 1e-4 * precision) if many else GAIN
    alive, normals, offsets, *_ = descend(some, X, wedges, z, t, dictionary.bias, gain)
    which = np.arange(len(offsets))
    samples = np.full(len(offsets), -1)
    if dictionary.bias:
        # Of very many rows the next two lie so close that one of them will do.
        one = many and precision > 0.1 / len(dictionary.X)
        which, samples = (nearest if one else beside)(dictionary.X, normals, offsets)
    return dictionary.through_one(wedges.columns[alive][which], normals[which], samples)


def _enough(
    problem: Problem, X: np.ndarray, wedges: Wedges, precision: float
) -> tuple[Problem, np.ndarray]:
    """The problem on as many of the rows X (n, d), drawn evenly, as a descent to this precision
    needs, and these rows.

    The best network of p parameters on so many rows lies about p / rows of the noise above that of
    all, and the noise is no more than the objective; the Lasso on all rows then makes good a part.
    """
    parameters = int(wedges.reads.sum()) + 2 * len(wedges)
    rows = max(ALL_ROWS, int(min(PER_PARAMETER * parameters / max(precision, 1e-300), len(X))))
    if rows >= len(X) / 2:
        return problem, X
    drawn = np.sort(np.random.default_rng(0).choice(len(X), rows, replace=False))
    return problem.on(drawn), X[drawn]


def descend(
    problem: Problem,
    X: np.ndarray,
    wedges: Wedges,
    coefficients: np.ndarray,
    intercept: float,
    bias: bool,
    gain: float = GAIN,
) -> tuple:
    """Close to a local minimum of the balanced objective (theory, section 1), from a network of m
    neurons in at most ``STEPS`` steps, or until one gains less than ``gain``, relatively.

    Which of the neurons are still alive, (m,) with k true, then their unit normals (k, d), offsets
    (k,) and coefficients (k,), and the output bias. Every neuron goes on reading the columns of its
    wedge; offsets stay zero without ``bias``, the output bias without one in the problem.
    """
    split = np.sqrt(np.abs(coefficients))
    parts = [
        wedges.normals * split[:, None],
        wedges.offsets * split,
        np.sign(coefficients) * split,
        [intercept - problem.location[0]],
    ]
    free = [wedges.reads, np.full(len(split), bias), np.ones(len(split)), [problem.intercept]]
    shapes = [np.shape(part) for part in parts]
    limits = {"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": gain, "gtol": 0.0, "maxcor": MEMORY}
    args = (problem, np.column_stack([X, np.ones(len(X))]), shapes, _joined(free))
    found = minimize(
        _balanced_objective, _joined(parts), args, "L-BFGS-B", jac=True, options=limits
    )
    weights, shifts, outer, shift = _separated(found.x, shapes)
    alive, length = _alive(weights, outer, np.abs(coefficients).max(initial=0.0))
    return (
        alive,
        weights[alive] / length[:, None],
        shifts[alive] / length,
        outer[alive] * length,
        float(shift[0] + problem.location[0]),
    )


def _alive(weights: np.ndarray, outer: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Which neurons still do something beside coefficients of this size, and the lengths of their
    hidden weights.

    The weights of a dying neuron go to zero with its output weight: what is left of their direction
    is rounding.
    """
    length = np.linalg.norm(weights, axis=1)
    alive = length * np.abs(outer) > NOTHING * size
    return alive, length[alive]


def beside(
    X: np.ndarray, normals: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The samples next to each hyperplane (k), on its lower and on its upper side: positions (p,)
    in 0..k − 1, samples (p,).

    With the same normal, a neuron between two neighbouring samples is a convex combination of the
    two through them, on every row; one below all samples differs from that through the lowest by a
    constant. So a Lasso over these is as good.
    """
    # One hyperplane after the other: along a row of memory the next sample is found at once.
    heights = normals @ X.T + offsets[:, None]
    lower = np.where(heights <= 0, heights, -np.inf)
    upper = np.where(heights > 0, heights, np.inf)
    active = (heights > 0).any(axis=1)
    has_lower, has_upper = (
        np.flatnonzero(active & (heights <= 0).any(axis=1)),
        np.flatnonzero(active),
    )
    samples = [lower.argmax(axis=1)[has_lower], upper.argmin(axis=1)[has_upper]]
    return np.concatenate([has_lower, has_upper]), np.concatenate(samples)


def nearest(
    X: np.ndarray, normals: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As ``beside``, but the one sample next to each hyperplane that is active anywhere."""
    each, highest = np.arange(len(offsets)), np.full(len(offsets), -np.inf)
    least, samples = np.full(len(offsets), np.inf), np.zeros(len(offsets), dtype=np.intp)
    for rows in row_chunks(len(X), len(offsets)):
        heights = normals @ X[rows].T
        heights += offsets[:, None]
        np.maximum(highest, heights.max(axis=1), out=highest)
        near = np.abs(heights, out=heights).argmin(axis=1)
        closer = heights[each, near] < least
        least[closer] = heights[closer, near[closer]]
        samples[closer] = rows.start + near[closer]
    active = np.flatnonzero(highest > 0)
    return active, samples[active]


def _balanced_objective(theta, problem: Problem, points, shapes, free) -> tuple[float, np.ndarray]:
    """P(θ) of theory, section 1, with y less its location, and its gradient in the parameters that
    are ``free`` (1) and not held (0); ``points`` (n, d + 1) are the rows, each with a 1 behind
    it."""
    weights, offsets, outer, shift = _separated(theta, shapes)
    hidden = np.column_stack([weights, offsets])
    value, sums, pull = 0.0, 0.0, np.zeros_like(hidden)
    step = max(64, BLOCK // max(len(hidden), 1))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        heights = points[rows] @ hidden.T
        output = (np.maximum(heights, 0.0) @ outer + shift)[:, None]
        targets, parts = problem.centred[rows], problem.weights[rows]
        value += problem.loss.value(targets, output, parts)
        v = problem.loss.negative_gradient(targets, output, parts)
        sums += float(v.sum())
        pull += (heights > 0).astype(float).T @ (v * points[rows])
    decay = float(np.sum(weights**2) + np.sum(outer**2))
    gradient = [
        problem.alpha * weights - outer[:, None] * pull[:, :-1],
        -outer * pull[:, -1],
        problem.alpha * outer - (hidden * pull).sum(axis=1),
        [-sums],
    ]
    return value + 0.5 * problem.alpha * decay, _joined(gradient) * free


def _joined(parts) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in parts]).astype(float)


def _separated(theta: np.ndarray, shapes) -> list[np.ndarray]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(theta, ends), shapes)]
