"""The choice of alpha by cross-validation along one warm-started path, and the scores that reports quote."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wedgefit.certificate import Problem
from wedgefit.pricing import Pricer
from wedgefit.solve import Deadline, Fit, WorkingSet, solve

# The path: this many alphas per factor of ten, down to this fraction of alpha_max.
PER_DECADE = 8
SMALLEST_RATIO = 1e-4
# Folds are solved to this relative gap, on sampled pencils: scores do not change in the digits that matter.
FOLD_TOL = 1e-3
# A path ends when its score has not improved for this many alphas.
PATIENCE = 4
# From this many rows × columns on a fold takes minutes, and paths are walked coarsely.
LARGE = 100_000

Advance = Callable[[str, int | None, int | None, str], None]
PricerFor = Callable[[np.ndarray], Pricer]


@dataclass(frozen=True)
class Pace:
    """How a path is walked: alphas per factor of ten, relative gap of the folds, and how many alphas past the best."""

    per_decade: int = PER_DECADE
    fold_tol: float = FOLD_TOL
    patience: int = PATIENCE


# On 20,000 rows a gap of 1e-2 moved no score in its fourth digit; neighbouring alphas differed by more.
COARSE = Pace(per_decade=4, fold_tol=1e-2, patience=1)


def pace_for(cells: int) -> Pace:
    """The pace for a design of so many rows × columns; who walks coarsely must say so."""
    return COARSE if cells >= LARGE else Pace()


@dataclass(frozen=True, eq=False)
class Curve:
    """Cross-validated scores along a path: alphas (k,) descending, and per alpha one list of fold scores by name.

    Alphas are chosen by the mean squared error, in classification that of the ±1 labels. ``cut_short``: time was up
    before the error had turned.
    """

    alphas: np.ndarray
    folds: list[list[dict[str, float | None]]]
    cut_short: bool = False

    @property
    def errors(self) -> np.ndarray:
        """Squared errors, (k, folds)."""
        return np.array([[fold["squared_error"] for fold in folds] for folds in self.folds])

    def chosen(self, rule: str) -> int:
        """The alpha of the smallest mean error ("best"), or the largest within one standard error of it ("1se")."""
        mean = self.errors.mean(axis=1)
        best = int(mean.argmin())
        if rule == "best":
            return best
        return int(np.flatnonzero(mean <= mean[best] + self.standard_error(self.errors[best]))[0])

    def summary(self, position: int) -> dict[str, dict[str, float] | None]:
        """Mean and standard error over the folds of every score at one alpha."""
        folds = self.folds[position]
        return {name: self._mean_and_error([fold[name] for fold in folds]) for name in folds[0] if name != "squared_error"}

    def _mean_and_error(self, values: list[float | None]) -> dict[str, float] | None:
        if None in values:
            return None
        return {"mean": float(np.mean(values)), "se": self.standard_error(np.array(values))}

    @staticmethod
    def standard_error(values: np.ndarray) -> float:
        """Of the mean over folds."""
        return float(values.std(ddof=1) / np.sqrt(len(values)))


def alpha_grid(largest: float, per_decade: int = PER_DECADE) -> np.ndarray:
    """The path's alphas: geometric, from just below alpha_max down."""
    count = int(round(-np.log10(SMALLEST_RATIO) * per_decade))
    return largest * 10.0 ** (-np.arange(1, count + 1) / per_decade)


def cross_validate(
    X, y, task: str, pricer_for: PricerFor, *, folds: int, alphas: np.ndarray, intercept: bool, seed: int, advance: Advance, deadline: Deadline,
    pace: Pace = Pace(),
) -> Curve:  # fmt: skip
    """Scores of every alpha on held-out folds; all folds walk down the path together, until the error has turned.

    Ends early, after at least one alpha, when the deadline is due.
    """
    splits = list(_splitter(task, folds, seed).split(X, y))
    walks = [_Walk(X[train], y[train], pricer_for, intercept, pace.fold_tol) for train, _ in splits]
    scores: list[list[dict]] = []
    for position, alpha in enumerate(alphas):
        row = []
        for fold, (walk, (_, test)) in enumerate(zip(walks, splits)):
            detail = f"alpha {alpha:.3g}, fold {fold + 1} of {folds}"
            advance("cross-validation", position * folds + fold, len(alphas) * folds, detail)
            row.append(score_values(y[test], walk.step(alpha).predict(X[test]), task))
        scores.append(row)
        curve = Curve(alphas[: position + 1], scores)
        if position - curve.chosen("best") >= pace.patience or any(walk.saturated for walk in walks):
            break
        if deadline.due():
            curve = replace(curve, cut_short=True)
            break
    advance("cross-validation", len(alphas) * folds, len(alphas) * folds, "done")
    return curve


class _Walk:
    """One warm-started descent along the alphas."""

    def __init__(self, X, y, pricer_for: PricerFor, intercept: bool, tol: float):
        self.tol = tol
        self.problem, self.pricer = Problem(y, np.inf, intercept), pricer_for(X)
        self.working = WorkingSet(self.pricer.dictionary, self.problem)

    def step(self, alpha: float) -> Fit:
        problem = replace(self.problem, alpha=alpha)
        return solve(problem, self.pricer, tol=self.tol, exact=False, working=self.working).fit

    @property
    def saturated(self) -> bool:
        """Whether there are so many neurons that smaller alphas only fit noise."""
        return np.count_nonzero(self.working.coefficients) > 0.7 * len(self.problem.y)


def _splitter(task: str, folds: int, seed: int):
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = StratifiedKFold if task == "classification" else KFold
    return kind(folds, shuffle=True, random_state=seed)


def score_values(y: np.ndarray, output: np.ndarray, task: str) -> dict[str, float | None]:
    """r2, rmse, mae of a regression, or accuracy, auc, log_loss of labels ±1; None where a score is undefined.

    ``squared_error`` (the mean) comes with both: it is what alphas are chosen by.
    """
    from sklearn import metrics

    squared = float(metrics.mean_squared_error(y, output))
    if task == "regression":
        r2 = float(metrics.r2_score(y, output)) if len(y) > 1 and np.ptp(y) > 0 else None
        return {"r2": r2, "rmse": squared**0.5, "mae": float(metrics.mean_absolute_error(y, output)), "squared_error": squared}
    both = len(np.unique(y)) == 2
    return {
        "accuracy": float(metrics.accuracy_score(y > 0, output > 0)),
        "auc": float(metrics.roc_auc_score(y > 0, output)) if both else None,
        "log_loss": None,
        "squared_error": squared,
    }
