"""The Lasso of a quantile's loss on given columns: a linear program, solved by scipy's HiGHS."""

import numpy as np
from scipy.optimize import linprog

# As exact as HiGHS lets one ask for.
PRECISION = 1e-10


def quantile_lasso(
    columns: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    level: float,
    alpha: float,
    intercept: bool,
    nonnegative: bool = False,
) -> np.ndarray | None:
    """The coefficients (m,) of a corner of the optimum; None where HiGHS finds none.

    Columns (n, m), targets y (n,), weights (n,). What is solved is the dual, whose unknowns p (n,)
    are the slopes that the rows pull with: the largest Σ weights p y with level − 1 ≤ p ≤ level and
    no column's score beyond alpha. It has a constraint per column, not per row, and coefficients
    are what loosening one would gain. Columns have length one and y mean size one in it, or its
    tolerances would mean nothing. ``nonnegative``: without a negative coefficient, scores may lie
    as far below as they like.
    """
    length = np.sqrt(weights @ columns**2)
    length[length == 0] = 1.0
    size = float(weights @ np.abs(y)) or 1.0
    share = weights / weights.max()
    scores = (share[:, None] * (columns / length)).T
    limit = alpha / (length * weights.max())
    faces = (1.0,) if nonnegative else (1.0, -1.0)
    found = _largest(
        share * y / size,
        np.vstack([face * scores for face in faces]),
        np.tile(limit, len(faces)),
        share if intercept else None,
        (level - 1, level),
    )
    if found is None:
        return None
    gains = found.reshape(len(faces), len(length))
    return np.array(faces) @ gains / length * size


def _largest(
    worth: np.ndarray,
    scores: np.ndarray,
    limits: np.ndarray,
    share: np.ndarray | None,
    between: tuple[float, float],
) -> np.ndarray | None:
    """What loosening each limit (c,) would add to the largest worth·p with scores p ≤ limits, each
    p ``between`` these two, and share·p = 0 where that is asked for; None where HiGHS fails."""
    found = linprog(
        -worth,
        A_ub=scores,
        b_ub=limits,
        A_eq=None if share is None else share[None],
        b_eq=None if share is None else [0.0],
        bounds=between,
        method="highs-ds",
        options={
            "primal_feasibility_tolerance": PRECISION,
            "dual_feasibility_tolerance": PRECISION,
        },
    )
    return -found.ineqlin.marginals if found.status == 0 else None
