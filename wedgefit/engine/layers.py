"""Deep networks, stage after stage of ``solve`` on activations; each stage is convex and has its
own certificate.

A stage is a two-layer problem whose input is what the stages before have learned: the hinges of
their unit wedges. Its wedges pass through training rows too, seen as activations (theory, section
5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from wedgefit.engine.dictionary import Dictionary, Order, order_of, orders_for
from wedgefit.engine.fit import Fit
from wedgefit.engine.network import Layer, Network, balanced_network
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.solve import Solution, WorkingSet, solve, working_set
from wedgefit.engine.wedge import COINCIDENT, Wedges
from wedgefit.errors import FitError, UsageError

# An objective that rises by more than this (relatively) from one stage to the next is a mistake,
# not rounding.
RISE = 1e-9

PricerFor = Callable[[np.ndarray], Pricer]


@dataclass(frozen=True, eq=False)
class Stage:
    """One convex problem of a deep network: the matrix it read, (n, m), and its solution.

    Stage 1 read X; stage l + 1 read the ``activations`` of stage l. ``more``: neurons that it hands
    on beside those of its solution.
    """

    X: np.ndarray
    solution: Solution
    more: Wedges | None = None

    @property
    def fit(self) -> Fit:
        """The last two layers of the network that ends with this stage."""
        return self.solution.fit

    @property
    def objective(self) -> float:
        """That of the network which ends with this stage."""
        return self.solution.certificate.objective

    @cached_property
    def units(self) -> Wedges:
        """What the next stage reads: the solution's wedges, those handed on besides, then the other
        face of each."""
        own = self.fit.wedges
        return with_both_faces(own if self.more is None else own.joined_with(self.more))

    @property
    def activations(self) -> np.ndarray:
        """The hinges of the units on the training rows, (n, units)."""
        return activations(self.units, self.X)


def activations(units: Wedges, X: np.ndarray) -> np.ndarray:
    """The hinges of units on the training rows X (n, m), as the next stage reads them: (n,
    units)."""
    hinges = units.hinges(X)
    # A row on the hyperplane is zero, not rounding: left alone, rows that coincide would look like
    # two.
    hinges[hinges <= COINCIDENT * hinges.max(axis=0, initial=0.0)] = 0.0
    return hinges


@dataclass(frozen=True, eq=False)
class DeepFit:
    """A deep network of unit neurons: the wedges of every hidden layer, then coefficients z (m, K)
    and the output bias t (K,).

    ``layers[0]`` reads the columns of X, ``layers[l + 1]`` the units of ``layers[l]``; every
    ``samples`` names training rows.
    """

    layers: tuple[Wedges, ...]
    coefficients: np.ndarray
    intercept: np.ndarray

    @property
    def neurons(self) -> int:
        """How many hidden neurons there are, in all layers."""
        return sum(map(len, self.layers))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The network's output on other rows (n, d), (n, K)."""
        return self.activations(X) @ self.coefficients + self.intercept

    def activations(self, X: np.ndarray) -> np.ndarray:
        """What the last hidden layer makes of the rows X (n, d), (n, m)."""
        for wedges in self.layers:
            X = wedges.hinges(X)
        return X

    def network(self) -> Network:
        """Weights and biases of all layers: unit neurons, the last two layers balanced as in a
        two-layer network."""
        *inner, last = self.layers
        head = balanced_network(last.normals, last.offsets, self.coefficients, self.intercept)
        below = (Layer(wedges.normals.T, wedges.offsets) for wedges in inner)
        return Network((*below, *head.layers))

    def pruned(self) -> "DeepFit":
        """The same network without the units that no later layer reads; the columns are
        renumbered."""
        layers = list(self.layers)
        for depth in range(len(layers) - 2, -1, -1):
            read = np.unique(layers[depth + 1].columns)
            read = read[read >= 0]
            layers[depth], layers[depth + 1] = (
                layers[depth].take(read),
                _over(layers[depth + 1], read),
            )
        return replace(self, layers=tuple(layers))


def _over(wedges: Wedges, read: np.ndarray) -> Wedges:
    """The same wedges over only those inputs that are read, (k,) ascending."""
    columns = np.where(wedges.columns >= 0, np.searchsorted(read, wedges.columns), -1)
    return replace(wedges, columns=columns, normals=wedges.normals[:, read])


def composed(stages: Sequence[Stage], last: Fit | None = None) -> DeepFit:
    """The deep network that the stages make together, with ``last`` in place of the last one's fit.

    Every layer keeps the wedges of its own solution, which come first, so that each stage can be
    certified again; of the other faces it keeps only those that the next layer reads.
    """
    *inner, top = stages
    last = last or top.fit
    layers = [last.wedges]
    for stage in reversed(inner):
        columns = layers[0].columns
        kept = np.union1d(np.arange(len(stage.fit.wedges)), columns[columns >= 0])
        layers[0] = _over(layers[0], kept)
        layers.insert(0, stage.units.take(kept))
    return DeepFit(tuple(layers), last.coefficients, last.intercept)


def with_both_faces(wedges: Wedges) -> Wedges:
    """The wedges, then the other face of every hyperplane that came with one face only.

    Which face a solution uses is mostly chance: where the residual is orthogonal to the columns
    both score the same, and a network may turn any neuron round at no cost. With both, the next
    stage is at least as good as with any choice.
    """
    both = wedges.joined_with(wedges.flipped(-np.ones(len(wedges))))
    planes = np.round(np.column_stack([both.normals, both.offsets]), 10) + 0.0
    _, first = np.unique(planes, axis=0, return_index=True)
    missing = np.sort(first[first >= len(wedges)])
    return both.take(np.concatenate([np.arange(len(wedges)), missing]))


def orders_in_stage(order: Order, norm: int, width: int, stage: int) -> tuple[int, ...]:
    """The orders that ``order`` stands for in a stage (1, 2, …) that reads ``width`` columns.

    From the second stage on order 1 always belongs to it, also with norm 2: it is what lets an
    activation pass. A stage may well have made fewer activations than ``order``, which is then all
    of them.
    """
    own = order_of(order, stage)
    if stage == 1:
        return orders_for(own, norm, width)
    return tuple(range(1, (width if own == "full" else min(own, width)) + 1))


def solve_stage(
    problem: Problem,
    X: np.ndarray,
    pricer_for: PricerFor,
    previous: Stage | None = None,
    begin: Fit | None = None,
    working: WorkingSet | None = None,
    **options,
) -> Stage:
    """The first stage on X (n, d), from ``working`` on where that is given, or the stage after
    ``previous``, which must have neurons; ``options`` go to ``solve``.

    A later stage begins at the network of the one before, passed through, or at ``begin``, which
    reads the same units, and can only go down from there.

    Raises FitError when the objective rises all the same, UsageError when the pricer's orders let
    no activation pass.
    """
    if previous is None:
        return Stage(X, solve(problem, pricer_for(X), working=working, **options))
    inputs = previous.activations
    pricer = pricer_for(inputs)
    before = begin or previous.fit
    wedges = pass_through(pricer.dictionary).take(slice(len(before.wedges)))
    working = _begun(problem, pricer.dictionary, wedges if begin is None else begin.wedges, before)
    solution = solve(problem, pricer, working=working, **options)
    _refuse_a_rise(
        problem.objective(before.combined, before.intercept, before.coefficients),
        solution.certificate.objective,
    )
    return Stage(inputs, solution)


def _refuse_a_rise(before: float, after: float) -> None:
    if after > before * (1 + RISE):
        raise FitError(
            f"the objective rose from {before!r} to {after!r} with one more layer, which is a bug.",
            remedy="Please report it.",
        )


def _begun(problem: Problem, dictionary: Dictionary, wedges: Wedges, fit: Fit) -> WorkingSet:
    """A working set in which a network stands as it was, with the same z."""
    working = working_set(dictionary, problem)
    working.grow(wedges)
    working.coefficients = fit.coefficients.copy()
    return working


def pass_through(dictionary: Dictionary) -> Wedges:
    """The wedges of order 1 that let every column of the dictionary's X pass, less its smallest
    value.

    With hidden biases each goes through the row where its column is smallest, so no training row is
    cut off; without, it goes through the origin, below which activations never are. An activation's
    smallest value is zero with biases, since its wedge passes through training rows, so the column
    passes unchanged, on other rows too.
    """
    if 1 not in dictionary.orders:
        raise UsageError(
            f"a stage of orders {dictionary.orders} cannot let an activation pass, "
            "so one more layer could do worse.",
            remedy="Include order 1 in every stage after the first.",
        )
    columns = np.arange(dictionary.X.shape[1])[:, None]
    samples = (
        dictionary.X.argmin(axis=0)[:, None]
        if dictionary.bias
        else np.empty((len(columns), 0), dtype=np.int64)
    )
    return dictionary.wedges(columns, samples)[0]
