"""The best so many pairs of columns: those in which a network that may read all of them acts most.

A walk down the path is solved as loosely as folds are. At its end each pair's part of the output,
less what its two columns do by themselves, says how much it acts: the size of its coefficients
would not, as a neuron of two columns mostly stands for one of them.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from wedgefit.data.pairs import Names, every_pair
from wedgefit.data.sample import Sample
from wedgefit.engine.fit import Fit
from wedgefit.learning.path import PER_DECADE, Walk, alpha_grid
from wedgefit.watch import Deadline

# The walk ends where so many times as many pairs are read as are wanted, but not before this part
# of alpha_max: the first pairs that are read stand for single columns.
TIMES, FAR = 3, 1e-2
# It goes no further than networks with so many neurons for each row, or this part of alpha_max.
FULL, SMALLEST = 0.3, 1e-3
# What a pair does is looked at on a grid of so many rows by as many.
ROWS = 100


def best_pairs(
    sample: Sample, walk: Walk, largest: float, most: int, deadline: Deadline
) -> tuple[Names, ...]:
    """So many pairs of the sample's sources at most, in the order of their columns, by the networks
    of this ``walk``, in which all pairs are read; from ``largest`` on they are constants."""
    every = every_pair(sample.sources.tolist()) if sample.pairs is None else sample.pairs
    if most >= len(every):
        return every
    acting: dict[Names, float] = {}
    for alpha in alpha_grid(largest, PER_DECADE // 2)[1:] if most else ():
        fits = [stages[-1].fit for stages in walk.step(alpha, deadline)]
        acting = strengths(sample, fits)
        full = walk.fullness > FULL or alpha <= SMALLEST * largest
        enough = len(acting) >= TIMES * most and alpha <= FAR * largest
        if enough or full or deadline.due():
            break
    best = sorted(acting, key=lambda pair: -acting[pair])[:most]
    place = {name: position for position, name in enumerate(sample.sources.tolist())}
    return tuple(sorted(best, key=lambda pair: tuple(map(place.__getitem__, pair))))


def strengths(sample: Sample, fits: Sequence[Fit]) -> dict[Names, float]:
    """How far each pair of sources that neurons read moves the outputs beyond what its two do by
    themselves: the standard deviation over all combinations of their values in some of the rows."""
    rows = _spread_rows(sample)
    squares: dict[Names, float] = defaultdict(float)
    for fit in fits:
        for pair, neurons in _by_pair(sample.sources, fit).items():
            squares[pair] += _squares(sample.X[rows], sample.sources, fit, pair, neurons)
    return {pair: float(np.sqrt(square)) for pair, square in squares.items()}


def _spread_rows(sample: Sample) -> np.ndarray:
    """Rows at even steps of their weights, by position."""
    weights = np.ones(len(sample.y)) if sample.weights is None else sample.weights
    so_far = np.cumsum(weights)
    steps = (np.arange(ROWS) + 0.5) * so_far[-1] / ROWS
    return np.minimum(np.searchsorted(so_far, steps), len(weights) - 1)


def _by_pair(sources: np.ndarray, fit: Fit) -> dict[Names, list[int]]:
    """The neurons that read two sources, by these, in the order of their columns."""
    found: dict[Names, list[int]] = defaultdict(list)
    for k, reads in enumerate(fit.wedges.reads):
        read = tuple(dict.fromkeys(sources[reads].tolist()))
        if len(read) == 2:
            found[read].append(k)
    return found


def _squares(
    X: np.ndarray, sources: np.ndarray, fit: Fit, pair: Names, neurons: list[int]
) -> float:
    """The mean square of a pair's effect over the grid, of all outputs together."""
    normals, offsets = fit.wedges.normals[neurons], fit.wedges.offsets[neurons]
    first, second = (X @ np.where(sources == name, normals, 0.0).T for name in pair)
    hinges = np.maximum(first[:, None] + second[None] + offsets, 0.0)
    effect = hinges @ fit.coefficients[neurons]
    effect = effect - effect.mean(axis=0) - effect.mean(axis=1)[:, None] + effect.mean(axis=(0, 1))
    return float(np.square(effect).mean(axis=(0, 1)).sum())
