"""Candidate wedges, and the diversified few of them that a round adds."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.problem import row_norms
from wedgefit.engine.sweep import TIE
from wedgefit.engine.wedge import Wedges, row_chunks

# A round adds at most this many wedges, and at most this many through one sample (near-copies teach
# the solver nothing).
MOST_WEDGES = 100
MOST_PER_SAMPLE = 2


@dataclass(frozen=True, eq=False)
class Choices:
    """m candidate wedges of one order: columns (m, s), samples (m, s or s − 1) ascending, and their
    scores (m,)."""

    columns: np.ndarray
    samples: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which) -> "Choices":
        return Choices(self.columns[which], self.samples[which], self.scores[which])


def places_of_largest(scores: np.ndarray, count: int, above: float = -np.inf) -> np.ndarray:
    """Positions of the ``count`` largest scores above a floor."""
    candidates = np.flatnonzero(scores > above)
    if len(candidates) <= count:
        return candidates
    return np.sort(candidates[np.argpartition(-scores[candidates], count)[:count]])


def rounded(score: float) -> float:
    """To ten digits: scores that differ by less are ties."""
    return float(f"{score:.9e}")


def diversified(choices: list[Choices]) -> list[Choices]:
    """The best candidates of all orders, few through any one sample, each wedge once; ties go to
    the lowest index."""
    ranked = []
    for which, some in enumerate(choices):
        identities = zip(map(tuple, some.columns.tolist()), map(tuple, some.samples.tolist()))
        sizes = map(rounded, some.scores)
        ranked += [
            (-score, which, *identity, row)
            for row, (score, identity) in enumerate(zip(sizes, identities))
        ]
    through: dict[int, int] = {}
    taken: list[list[int]] = [[] for _ in choices]
    seen: set[tuple] = set()
    for _, which, columns, samples, row in sorted(ranked):
        if (columns, samples) in seen or any(through.get(i, 0) >= MOST_PER_SAMPLE for i in samples):
            continue
        seen.add((columns, samples))
        taken[which].append(row)
        for i in samples:
            through[i] = through.get(i, 0) + 1
        if len(seen) == MOST_WEDGES:
            break
    return [some.take(np.array(rows, dtype=np.int64)) for some, rows in zip(choices, taken)]


def facing(X: np.ndarray, wedges: Wedges, v: np.ndarray, alpha: float) -> tuple[Wedges, np.ndarray]:
    """Those of the wedges above alpha, facing their better side, best first, with exact scores
    under v (n, K)."""
    signed = np.zeros((2, len(wedges), v.shape[1]))
    for rows in row_chunks(len(v), len(wedges)):
        heights = X[rows] @ wedges.normals.T + wedges.offsets
        signed[0] += np.maximum(heights, 0.0).T @ v[rows]
        signed[1] += np.maximum(-heights, 0.0).T @ v[rows]
    scores = np.stack([row_norms(side) for side in signed])
    faces = np.where(scores[0] >= scores[1] * (1 - TIE), 1.0, -1.0)
    best = scores.max(axis=0)
    order = np.argsort([-rounded(score) for score in best], kind="stable")
    order = order[best[order] > alpha].astype(np.intp)
    return wedges.flipped(faces).take(order), best[order]
