"""Candidate wedges, and the diversified few of them that a round adds."""

from dataclasses import dataclass

import numpy as np

from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.problem import row_norms
from wedgefit.engine.sweep import TIE
from wedgefit.engine.wedge import Wedges, row_chunks

# A round adds at most this many wedges, and at most this many through one sample (near-copies teach
# the solver nothing).
MOST_WEDGES = 100
MOST_PER_SAMPLE = 2
# From so many rows on near-copies pass through different samples: then the best of every set of
# columns come first, and of so many times the wedges that a round adds those are left that differ:
# whose hinges, up to a line, correlate by no more than this over some of the rows.
MANY_ROWS = 10_000
SIFTED = 4
ALIKE = 0.98
ROWS_COMPARED = 400


@dataclass(frozen=True, eq=False)
class Choices:
    """m candidate wedges of one order: columns (m, s), samples (m, s or s − 1) ascending, and their
    scores (m,)."""

    columns: np.ndarray
    samples: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls, columns: int, samples: int) -> "Choices":
        """None yet, of so many columns and samples."""
        blank = np.empty((0, columns), dtype=np.int64), np.empty((0, samples), dtype=np.int64)
        return cls(*blank, np.empty(0))

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


def diversified(
    choices: list[Choices], most: int = MOST_WEDGES, *, by_sets: bool = False
) -> list[Choices]:
    """The best candidates of all orders, at most so many, few through any one sample, each wedge
    once; ties go to the lowest index. ``by_sets``: the best of every set of columns before the
    second of any."""
    ranked = []
    for which, some in enumerate(choices):
        identities = zip(map(tuple, some.columns.tolist()), map(tuple, some.samples.tolist()))
        ranks = ranks_in_sets(some.columns, some.scores) if by_sets else np.zeros(len(some), int)
        sizes = map(rounded, some.scores)
        ranked += [
            (rank, -score, which, *identity, row)
            for row, (rank, score, identity) in enumerate(zip(ranks.tolist(), sizes, identities))
        ]
    through: dict[int, int] = {}
    taken: list[list[int]] = [[] for _ in choices]
    seen: set[tuple] = set()
    for _, _, which, columns, samples, row in sorted(ranked):
        if (columns, samples) in seen or any(through.get(i, 0) >= MOST_PER_SAMPLE for i in samples):
            continue
        seen.add((columns, samples))
        taken[which].append(row)
        for i in samples:
            through[i] = through.get(i, 0) + 1
        if len(seen) == most:
            break
    return [some.take(np.array(rows, dtype=np.int64)) for some, rows in zip(choices, taken)]


def ranks_in_sets(columns: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The place of each candidate among those of the same columns (m, s), by score (m,): 0 for the
    best of a set."""
    _, which = np.unique(columns, axis=0, return_inverse=True)
    order = np.lexsort((-scores, which.ravel()))
    sets = which.ravel()[order]
    starts = np.flatnonzero(np.diff(sets, prepend=-1))
    ranks = np.empty(len(scores), dtype=int)
    ranks[order] = np.arange(len(scores)) - np.repeat(starts, np.diff(starts, append=len(scores)))
    return ranks


def unlike(X: np.ndarray, wedges: Wedges, scores: np.ndarray) -> np.ndarray:
    """Positions of those of the wedges that a round adds: the best by score (m,), and then always
    the best of those that are no near-copies of one before."""
    rows = np.linspace(0, len(X) - 1, min(len(X), ROWS_COMPARED)).astype(np.intp)
    # Both sides of a wedge differ by a line: |height| stands for either.
    bends = np.abs(X[rows] @ wedges.normals.T + wedges.offsets)
    bends -= bends.mean(axis=0)
    lengths = np.linalg.norm(bends, axis=0)
    bends /= np.where(lengths > 0, lengths, 1.0)
    alike = np.abs(bends.T @ bends) > ALIKE
    taken: list[int] = []
    free = np.ones(len(wedges), dtype=bool)
    for place in np.argsort(-scores, kind="stable"):
        if free[place] and len(taken) < MOST_WEDGES:
            taken.append(int(place))
            free &= ~alike[place]
    return np.array(taken, dtype=np.intp)


def built(dictionary: Dictionary, choices: list[Choices]) -> Wedges:
    """A diversified few of the candidates as wedges of the dictionary."""
    X, wedges, scores = dictionary.X, dictionary.none(), np.empty(0)
    many = len(X) > MANY_ROWS
    most = SIFTED * MOST_WEDGES if many else MOST_WEDGES
    for chosen in diversified(choices, most, by_sets=many):
        some, sound = dictionary.wedges(chosen.columns, chosen.samples)
        wedges, scores = wedges.joined_with(some), np.append(scores, chosen.scores[sound])
    return wedges.take(unlike(X, wedges, scores)) if many else wedges


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
