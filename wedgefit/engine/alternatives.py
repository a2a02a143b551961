"""All optima of a problem at once: which wedges any of them may use, and how far they differ.

At the optimum only wedges whose score is alpha have coefficients, with the score's sign, and all
optima have the same outputs on the rows (the loss is strictly convex) and so the same penalty. Of
an optimum that is known up to a gap the scores are known up to a radius: wedges that stay below
alpha by more can be in no optimum (Gap Safe screening: Ndiaye et al., JMLR 18, 2017). If the others
are independent on the rows the optimum is unique; else the optima are a polytope, and the least and
largest share of some wedges over it linear programs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from wedgefit.engine.certificate import lower_bound
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import CHUNK, Wedges

# The largest second derivative of the losses that are strictly convex: the radius needs it.
CURVATURES = {"squared": 1.0, "logistic": 0.25}
# Columns of length one whose smallest singular value is below are dependent.
DEPENDENT = 1e-9
# Two columns of length one whose product is this close to ±1 are the same but for rounding.
SAME = 1e-12
# A weight this small beside the largest is what rounding left of zero.
NO_WEIGHT = 1e-12
# A part of the penalty that a linear program moves by less has not moved.
MOVED = 1e-7
# As exact as HiGHS lets one ask for.
PRECISION = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Alternatives:
    """What is known of all optima, wedges that say the same on the rows counted as one.

    ``unique``: there is one, proven; there are more, an other one was found; or None, neither.
    ``candidates``: so many wedges may be used. Per group the share of the penalty ``now``, and the
    ``least`` and ``most`` over all optima, (groups,).
    """

    unique: bool | None
    candidates: int
    now: np.ndarray
    least: np.ndarray
    most: np.ndarray


def alternatives(
    problem: Problem,
    dictionary: Dictionary,
    fit: Fit,
    largest: float,
    groups: Sequence[Sequence[int]],
) -> Alternatives:
    """All optima of ``problem`` beside one of them, ``fit``, over all wedges of the dictionary, of
    which none scores more than ``largest``.

    A group is the wedges that read one of some columns of X. For one target, and the losses of
    ``CURVATURES``.
    """
    near = _candidates(problem, dictionary, fit, largest)
    wedges, columns, z = _distinct(problem, dictionary.X, *near)
    reads = np.abs(wedges.normals) > NO_WEIGHT * np.abs(wedges.normals).max(axis=1, keepdims=True)
    member = np.array([reads[:, list(group)].any(axis=1) for group in groups])
    sizes = np.abs(z)
    penalty = sizes.sum()
    now = np.minimum(member @ sizes / (penalty or 1.0), 1.0)
    if _independent(columns):
        return Alternatives(True, len(z), now, now, now)
    polytope = _Polytope(
        columns * np.where(z == 0, _signs(problem, columns, fit), np.sign(z)), sizes
    )
    ends = np.array([polytope.ends(each.astype(float)) for each in member]) / (penalty or 1.0)
    # The tolerances of linear programs lead beyond what a share can be.
    ends = np.clip(ends, 0.0, 1.0)
    unused = polytope.ends((sizes == 0).astype(float))[1] > MOVED * penalty
    several = unused or not _independent(columns[:, sizes > 0])
    return Alternatives(
        False if several else None,
        len(z),
        now,
        np.minimum(now, ends[:, 0]),
        np.maximum(now, ends[:, 1]),
    )


class _Polytope:
    """Sizes u ≥ 0 of signed columns (n, m) that give the same outputs at no larger a penalty as
    those of one optimum."""

    def __init__(self, columns: np.ndarray, sizes: np.ndarray):
        lengths = np.linalg.norm(columns, axis=0)
        # The same outputs: the difference lies in what the columns, of length one, map to zero.
        _, values, directions = np.linalg.svd(columns / lengths, full_matrices=False)
        self.rows = directions[values > DEPENDENT * values[0]] * lengths
        # In units of the penalty, or tolerances would mean nothing.
        self.total = sizes.sum() or 1.0
        self.sizes = sizes / self.total

    def ends(self, weights: np.ndarray) -> tuple[float, float]:
        """The least and the largest of weights · u, (m,); those of the optimum itself where a
        program fails."""
        here = float(weights @ self.sizes)
        found = [here, here]
        for k, sign in enumerate((1.0, -1.0)):
            answer = linprog(
                sign * weights,
                A_ub=np.ones((1, len(weights))),
                b_ub=[self.sizes.sum() * (1 + 1e-12)],
                A_eq=self.rows,
                b_eq=self.rows @ self.sizes,
                bounds=(0, None),
                method="highs",
                options=PRECISION,
            )
            if answer.status == 0:
                found[k] = sign * float(answer.fun)
        return found[0] * self.total, found[1] * self.total


# The wedges that may be used ----------------------------------------------------------------------


def _candidates(
    problem: Problem, dictionary: Dictionary, fit: Fit, largest: float
) -> tuple[Wedges, np.ndarray]:
    """The wedges that some optimum may use, and the coefficients of this one, (m,)."""
    X, dual = dictionary.X, problem.dual_point(fit.combined)
    objective = problem.objective(fit.combined, fit.intercept, fit.coefficients)
    gap = objective - lower_bound(problem, dual, largest)
    limit = problem.alpha / largest if largest else np.inf
    scale = problem.loss.best_scale(problem.centred, dual, problem.weights, limit)
    radius = np.sqrt(2 * CURVATURES[problem.loss.name] * max(gap, EPS * abs(objective)))
    wedges, z = fit.wedges, fit.coefficients[:, 0]
    known = set(_functions(wedges))
    for some in _every(dictionary):
        hinges = some.hinges(X)
        reach = scale * np.abs(dual[:, 0] @ hinges) + radius * _lengths(problem, hinges)
        near = some.take(np.flatnonzero(reach >= problem.alpha))
        fresh = []
        for i, key in enumerate(_functions(near)):
            if key not in known:
                known.add(key)
                fresh.append(i)
        wedges = wedges.joined_with(near.take(fresh))
    return wedges, np.concatenate([z, np.zeros(len(wedges) - len(z))])


def _every(dictionary: Dictionary) -> Iterator[Wedges]:
    """All wedges in batches whose hinges on the rows fit into a chunk."""
    step = max(1, CHUNK // len(dictionary.X))
    for batch in dictionary.batches():
        for start in range(0, len(batch), step):
            yield batch.take(slice(start, start + step))


def _functions(wedges: Wedges) -> list[bytes]:
    """One identity per function, whatever rows it is named by."""
    table = np.column_stack([wedges.normals, wedges.offsets])
    return [row.tobytes() for row in np.round(table, 10) + 0.0]


def _lengths(problem: Problem, hinges: np.ndarray) -> np.ndarray:
    """The weighted lengths of hinge columns (n, m), less their mean where there is an output
    bias."""
    means = problem.weights @ hinges if problem.intercept else 0.0
    return np.sqrt(problem.weights @ (hinges - means) ** 2)


def _distinct(
    problem: Problem, X: np.ndarray, wedges: Wedges, z: np.ndarray
) -> tuple[Wedges, np.ndarray, np.ndarray]:
    """The wedges less those that equal another on the rows, as columns (n, m) and with coefficients
    (m,): there a line that rises is one that falls, and an output bias."""
    columns = wedges.hinges(X)
    if problem.intercept:
        columns = columns - problem.weights @ columns
    columns = np.sqrt(problem.weights)[:, None] * columns
    lengths = np.linalg.norm(columns, axis=0)
    reads = np.abs(wedges.normals) > NO_WEIGHT * np.abs(wedges.normals).max(axis=1, keepdims=True)
    kept: list[int] = []
    z = z.copy()
    for i in range(len(wedges)):
        if kept:
            products = columns[:, kept].T @ columns[:, i] / (lengths[kept] * lengths[i])
            alike = (np.abs(products) > 1 - SAME) & (reads[kept] == reads[i]).all(axis=1)
            alike &= np.abs(lengths[kept] - lengths[i]) <= DEPENDENT * lengths[i]
            if alike.any():
                twin = int(alike.argmax())
                z[kept[twin]] += np.sign(products[twin]) * z[i]
                continue
        kept.append(i)
    return wedges.take(kept), columns[:, kept], z[kept]


def _independent(columns: np.ndarray) -> bool:
    n, m = columns.shape
    if m == 0:
        return True
    if m > n:
        return False
    values = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), compute_uv=False)
    return bool(values[-1] > DEPENDENT)


def _signs(problem: Problem, columns: np.ndarray, fit: Fit) -> np.ndarray:
    """The signs that the coefficients of these columns (n, m) have in any optimum: those of their
    scores."""
    dual = problem.dual_point(fit.combined)[:, 0] / np.sqrt(problem.weights)
    return np.where(dual @ columns < 0, -1.0, 1.0)
