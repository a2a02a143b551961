"""Deep networks, stage after stage of ``solve`` on activations; each stage is convex and has its own certificate.

A stage is a two-layer problem whose input is what the stages before have learned: the hinges of their unit wedges. Its
wedges pass through training rows too, seen as activations (theory, section 5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from wedgefit.certificate import Certificate, Problem
from wedgefit.dictionary import Dictionary, orders_for
from wedgefit.errors import FitError, UsageError
from wedgefit.network import Network, balanced_network
from wedgefit.pricing import Pricer
from wedgefit.solve import Deadline, Fit, Solution, WorkingSet, solve, working_set
from wedgefit.wedge import COINCIDENT, Wedges

# An objective that rises by more than this (relatively) from one stage to the next is a mistake, not rounding.
RISE = 1e-9

PricerFor = Callable[[np.ndarray], Pricer]
OnStageRound = Callable[[int, int, Fit, Certificate], None]


@dataclass(frozen=True, eq=False)
class Stage:
    """One convex problem of a deep network: the matrix it read, (n, m), its solution, and the units it passes on.

    Stage 1 read X; stage l + 1 read the ``activations`` of stage l. ``units`` begin with the solution's wedges.
    """

    X: np.ndarray
    solution: Solution
    units: Wedges

    @property
    def fit(self) -> Fit:
        """The last two layers of the network that ends with this stage."""
        return self.solution.fit

    @property
    def activations(self) -> np.ndarray:
        """The hinges of the units on the training rows, (n, units)."""
        hinges = self.units.hinges(self.X)
        # A row on the hyperplane is zero, not rounding: left alone, rows that coincide would look like two.
        hinges[hinges <= COINCIDENT * hinges.max(axis=0, initial=0.0)] = 0.0
        return hinges


@dataclass(frozen=True, eq=False)
class DeepFit:
    """A deep network of unit neurons: the wedges of every hidden layer, then coefficients z (m,) and the output bias t.

    ``layers[0]`` reads the columns of X, ``layers[l + 1]`` the units of ``layers[l]``; every ``samples`` names training rows.
    """

    layers: tuple[Wedges, ...]
    coefficients: np.ndarray
    intercept: float

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The network's output on other rows (n, d), (n,)."""
        return self.activations(X) @ self.coefficients + self.intercept

    def activations(self, X: np.ndarray) -> np.ndarray:
        """What the last hidden layer makes of the rows X (n, d), (n, m)."""
        for wedges in self.layers:
            X = wedges.hinges(X)
        return X

    def network(self) -> Network:
        """Weights and biases of all layers: unit neurons, the last two layers balanced as in a two-layer network."""
        *inner, last = self.layers
        head = balanced_network(last.normals, last.offsets, self.coefficients, self.intercept)
        return Network((*((wedges.normals.T, wedges.offsets) for wedges in inner), *head.layers))

    def pruned(self) -> "DeepFit":
        """The same network without the units that no later layer reads; the columns are renumbered."""
        layers = list(self.layers)
        for depth in range(len(layers) - 2, -1, -1):
            read = np.unique(layers[depth + 1].columns)
            read = read[read >= 0]
            layers[depth], layers[depth + 1] = layers[depth].take(read), _over(layers[depth + 1], read)
        return replace(self, layers=tuple(layers))


def _over(wedges: Wedges, read: np.ndarray) -> Wedges:
    """The same wedges over only those inputs that are read, (k,) ascending."""
    columns = np.where(wedges.columns >= 0, np.searchsorted(read, wedges.columns), -1)
    return replace(wedges, columns=columns, normals=wedges.normals[:, read])


def composed(stages: Sequence[Stage]) -> DeepFit:
    """The deep network that the stages make together."""
    *inner, last = stages
    return DeepFit((*(stage.units for stage in inner), last.fit.wedges), last.fit.coefficients, last.fit.intercept)


def with_both_faces(wedges: Wedges) -> Wedges:
    """The wedges, then the other face of every hyperplane that came with one face only.

    Which face a solution uses is mostly chance: where the residual is orthogonal to the columns both score the same, and
    a network may turn any neuron round at no cost. With both, the next stage is at least as good as with any choice.
    """
    both = wedges.joined_with(wedges.flipped(-np.ones(len(wedges))))
    planes = np.round(np.column_stack([both.normals, both.offsets]), 10) + 0.0
    _, first = np.unique(planes, axis=0, return_index=True)
    return both.take(np.sort(first))


def path_norm(network: Network, norm: int) -> float:
    """Σ_j ‖a_j‖₂ (Σ over the paths from an input to unit j of Π |weight|^p)^(1/p) over the last hidden layer's units j.

    a_j are unit j's outgoing weights, p is ``norm``; for one output and p = 1 it is the sum over all paths from input to
    output of the product of their absolute weights. Biases are free. It does not change when a unit's incoming weights
    and bias are multiplied and its outgoing weights divided by the same positive number; with unit neurons it is ‖z‖₁.
    """
    *hidden, (outer, _) = network.layers
    reach = np.ones(len(network.layers[0][0]))
    for weights, _ in hidden:
        reach = reach @ np.abs(weights) ** norm
    return float(reach ** (1 / norm) @ np.linalg.norm(outer, axis=1))


def orders_in_stage(order: int | str, norm: int, width: int, stage: int) -> tuple[int, ...]:
    """The orders that ``order`` stands for in a stage (1, 2, …) that reads ``width`` columns.

    From the second stage on order 1 always belongs to it, also with norm 2: it is what lets an activation pass. A stage
    may well have made fewer activations than ``order``, which is then all of them.
    """
    if stage == 1:
        return orders_for(order, norm, width)
    return tuple(range(1, (width if order == "full" else min(order, width)) + 1))


def solve_layers(
    problem: Problem,
    X: np.ndarray,
    pricers: Sequence[PricerFor],
    *,
    tol: float,
    exact: bool = True,
    alphas: Sequence[float] | None = None,
    both_faces: bool = False,
    on_round: OnStageRound = lambda *_: None,
    deadline: Deadline | None = None,
) -> tuple[Stage, ...]:
    """One stage per pricer, each on the activations of the one before; the objective never rises at a shared alpha.

    ``pricers``: for every stage what makes the pricer of the matrix it reads. ``alphas``: one per stage, the problem's own
    for all when None. ``both_faces``: pass on both faces of every hyperplane, see ``with_both_faces``. ``on_round`` hears
    the stage (1, 2, …) before what ``solve`` tells. There are fewer stages than asked for when one has no neuron, as
    nothing is left to read, or when the deadline is due.
    """
    deadline = deadline or Deadline()
    stages: list[Stage] = []
    for number, pricer_for in enumerate(pricers, 1):
        if stages and (deadline.due() or not len(stages[-1].fit.wedges)):
            break
        here = problem if alphas is None else replace(problem, alpha=alphas[number - 1])
        options = {"tol": tol, "exact": exact, "on_round": partial(on_round, number), "deadline": deadline}
        stages.append(solve_stage(here, X, pricer_for, stages[-1] if stages else None, both_faces=both_faces, **options))
    return tuple(stages)


def solve_stage(
    problem: Problem, X: np.ndarray, pricer_for: PricerFor, previous: Stage | None = None, *, both_faces: bool = False, **options
) -> Stage:
    """The first stage on X (n, d), or the stage after ``previous``, which must have neurons; ``options`` go to ``solve``.

    A later stage begins at the network of the one before, passed through, and can only go down from there.

    Raises FitError when the objective rises all the same, UsageError when the pricer's orders let no activation pass.
    """
    if previous is None:
        inputs, pricer = X, pricer_for(X)
        solution = solve(problem, pricer, **options)
    else:
        inputs = previous.activations
        pricer = pricer_for(inputs)
        solution = solve(problem, pricer, working=_passed_on(problem, pricer.dictionary, previous.fit), **options)
        _refuse_a_rise(problem.objective(previous.fit.output, previous.fit.coefficients), solution.certificate.objective)
    wedges = solution.fit.wedges
    return Stage(inputs, solution, with_both_faces(wedges) if both_faces else wedges)


def _refuse_a_rise(before: float, after: float) -> None:
    if after > before * (1 + RISE):
        raise FitError(f"the objective rose from {before!r} to {after!r} with one more layer, which is a bug.", remedy="Please report it.")


def _passed_on(problem: Problem, dictionary: Dictionary, fit: Fit) -> WorkingSet:
    """A working set in which the previous stage's network stands as it was: its activations pass, with the same z."""
    working = working_set(dictionary, problem)
    working.grow(pass_through(dictionary).take(slice(len(fit.wedges))))
    working.coefficients = fit.coefficients.copy()
    return working


def pass_through(dictionary: Dictionary) -> Wedges:
    """The wedges of order 1 that let every column of the dictionary's X pass, less its smallest value.

    With hidden biases each goes through the row where its column is smallest, so no training row is cut off; without, it
    goes through the origin, below which activations never are. An activation's smallest value is zero with biases, since
    its wedge passes through training rows, so the column passes unchanged, on other rows too.
    """
    if 1 not in dictionary.orders:
        raise UsageError(
            f"a stage of orders {dictionary.orders} cannot let an activation pass, so one more layer could do worse.",
            remedy="Include order 1 in every stage after the first.",
        )
    columns = np.arange(dictionary.X.shape[1])[:, None]
    samples = dictionary.X.argmin(axis=0)[:, None] if dictionary.bias else np.empty((len(columns), 0), dtype=np.int64)
    return dictionary.wedges(columns, samples)[0]
