"""Random problems, moved and scaled: what must stay the same, and by how much it does not.

Of each problem: the target shifted (y + c), the target scaled (c·y) or the columns shifted (X + c),
with c over 1e±12 and of both signs. The moved numbers lose digits, so the plain problem is made
from them: moved back, exactly. Printed are the largest errors of objective, proven bound and
predictions; what is more than rounding may do is told.

    python tests/campaigns/relations.py [PROBLEMS [SEED]]
"""

import sys
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from kinds import table_of

from wedgefit.model.build import Options, train
from wedgefit.model.record import Model
from wedgefit.watch import Silent

# Objectives agree to this, relatively, beside the square of what rounding moves an output by.
AGREE = 1e-8
RELATIONS = ("y + c", "c y", "X + c")


@dataclass(frozen=True)
class Moved:
    """A problem and the same one elsewhere: its rows X (n, d) and targets y (n,), where they went,
    and how coarse the digits of the moved numbers are beside their spread."""

    relation: str
    X: np.ndarray
    y: np.ndarray
    moved_X: np.ndarray
    moved_y: np.ndarray
    c: float
    digits: float


def moved(rng: np.random.Generator, relation: str) -> Moved:
    """A random problem, moved by a random amount."""
    n, d = int(rng.integers(8, 22)), int(rng.integers(1, 4))
    X, y = rng.normal(size=(n, d)), rng.normal(size=n)
    c = float(rng.choice([-1, 1]) * 10.0 ** rng.uniform(-12, 12))
    if relation == "c y":
        return Moved(relation, X, y, X, c * y, c, 0.0)
    digits = float(np.finfo(float).eps) * abs(c)
    if relation == "y + c":
        there = y + c
        return Moved(relation, X, there - c, X, there, c, digits / np.ptp(y))
    there = X + c
    return Moved(relation, there - c, y, there, y, c, digits / np.ptp(X, axis=0).min())


def trained(X: np.ndarray, y: np.ndarray, **options) -> Model:
    columns = {f"x{j}": column.copy() for j, column in enumerate(X.T)}
    return train(table_of(columns | {"y": y}), Options(**options), Silent())


def errors(rng: np.random.Generator, relation: str) -> dict[str, tuple[float, float]]:
    """Of one random problem: what each figure is off by, and what it may be off by."""
    case = moved(rng, relation)
    options = {
        "alpha_ratio": float(10.0 ** rng.uniform(-3, -0.3)),
        "order": min(2, case.X.shape[1]),
        "norm": int(rng.choice([1, 2])),
        "bias": relation == "X + c" or bool(rng.random() < 0.7),
        "standardize": bool(rng.random() < 0.5),
        "jobs": 1,
    }
    plain, there = (
        trained(*data, **options) for data in ((case.X, case.y), (case.moved_X, case.moved_y))
    )
    factor = abs(case.c) if relation == "c y" else 1.0
    before, after = plain.certificate, there.certificate
    objective = before.objective * factor**2
    difference = there.network.forward(_design(there, case.moved_X)) - _there(
        case, plain.network.forward(_design(plain, case.X))
    )
    # Half the mean square of two outputs' difference is at most the sum of both gaps.
    apart = np.sqrt(2 * (before.relative_gap + after.relative_gap + AGREE) * objective)
    spread = factor * float(np.ptp(case.y))
    allowed = AGREE + 10 * case.digits**2
    gaps = before.relative_gap + after.relative_gap
    moved_by = float(np.sqrt(np.mean(difference**2))) / spread
    return {
        "objective": (abs(after.objective - objective) / objective, allowed + gaps),
        "bound above objective": (max(0.0, (after.lower_bound - objective) / objective), allowed),
        "gap": (after.relative_gap, 1e-6 + 10 * case.digits**2),
        "predictions": (moved_by, apart / spread + 2 * case.digits),
    }


def _design(model: Model, X: np.ndarray) -> np.ndarray:
    columns = {f"x{j}": column.copy() for j, column in enumerate(X.T)}
    return model.encoding.transform(table_of(columns))


def _there(case: Moved, output: np.ndarray) -> np.ndarray:
    return {"y + c": output + case.c, "c y": case.c * output, "X + c": output}[case.relation]


def campaign(problems: int, seed: int = 0) -> tuple[dict[tuple[str, str], float], list[str]]:
    """The largest error of each relation and figure, and in words each that is too large."""
    largest, broken = defaultdict(float), []
    for number in range(problems):
        relation = RELATIONS[number % len(RELATIONS)]
        found = errors(np.random.default_rng([seed, number]), relation)
        for figure, (error, allowed) in found.items():
            largest[relation, figure] = max(largest[relation, figure], error)
            if not error <= allowed:
                words = f"{figure} off by {error:.2g}, more than {allowed:.2g}"
                broken.append(f"problem {number}, {relation}: {words}")
    return dict(largest), broken


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]] or [500]
    table, complaints = campaign(*numbers)
    for (relation, figure), error in sorted(table.items()):
        print(f"{relation:6} {figure:22} {error:.2g}")
    print("\n".join(complaints) or f"all {numbers[0]} problems keep the relations")
    sys.exit(bool(complaints))
