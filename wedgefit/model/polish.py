"""A network trained elsewhere, made better: never a worse objective, never more units.

Candidates are its own units with their best coefficients, and those of the optimum, of the optima
at larger alphas, and of both together, as many as it may have; with norm 2 each then moves as a
whole. What is left to the certified optimum is known as for the yardstick.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wedgefit.data.table import Table
from wedgefit.engine.descent import descend
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.fit import Fit, fit_on
from wedgefit.engine.network import balanced_network
from wedgefit.engine.problem import Problem, row_norms
from wedgefit.engine.schedule import Status
from wedgefit.engine.solve import Solution
from wedgefit.engine.wedge import Wedges
from wedgefit.engine.working_set import working_set
from wedgefit.learning.learn import Learner
from wedgefit.learning.path import Walk
from wedgefit.learning.settings import Settings
from wedgefit.model.foreign import Foreign
from wedgefit.model.yardstick import Best, Measured, Posed, SeenData, SeenRows, own_neurons

SCHEMA = "wedgefit.polish/1"
# Relative violation of the KKT conditions at which coefficients of given units are solved.
KKT = 1e-10
# The path down to alpha looks at so many alphas for each factor of ten, solved to this gap.
PER_DECADE, PATH_TOL = 4, 1e-3
# A network moves as a whole for at most so many descents, as long as one gains this part.
DESCENTS, GAIN = 20, 1e-6
# The best few candidates go on: so many times some of the best new units come in.
STARTS, EXCHANGES, FRESH = 3, 10, 4
# The first starts take next to no time, and are looked at even where none is left: the network as
# it came, its units at their best, and the best of the optimum's.
QUICK_STARTS = 3


@dataclass(frozen=True)
class Unit:
    """A unit of the given network: the rows nearest to its hyperplane, by id, and how far the
    farthest of these is, in the units that the network saw. ``replaced_by``: the unit of the
    polished network, from 1, that is most ``alike`` on the rows, by the correlation of what both
    give; None where either gives a constant."""

    unit: int
    rows: tuple[int | str, ...]
    distance: float | None
    replaced_by: int | None
    alike: float | None


@dataclass(frozen=True)
class PolishRecord:
    """The network before and after, and what is left to the optimum."""

    schema: Literal[SCHEMA]
    data: SeenData
    problem: Posed
    before: Measured
    after: Measured
    optimum: Best
    units: tuple[Unit, ...]


@dataclass(frozen=True, eq=False)
class Polished:
    """The better network, and the record of how it came about."""

    network: Foreign
    record: PolishRecord


def polish(
    foreign: Foreign, table: Table, target: Sequence[str], settings: Settings, progress
) -> Polished:
    """A network of at most the same width with no worse an objective; ``settings`` as for
    ``yardstick.measure``."""
    rows = SeenRows(foreign, table, target, settings, progress)
    # What is left of the time is for the network.
    half = rows.learner.deadline.share(2)
    before, solution = rows.measured(foreign), rows.optimum(progress, half)
    polisher = _Polisher(foreign, rows.learner, rows.posed)
    better = min(polisher.candidates(solution), key=polisher.objective)
    if polisher.ended:
        progress.note("time was up before the network was as good as this search makes it")
    network = _written(foreign, better, rows.problem)
    after = rows.measured(network)
    if after.objectives.objective > before.objectives.objective:
        network, after = foreign, before
    best = rows.best(solution, after.objectives)
    units = tuple(_units(foreign, network, rows.X, table.row_ids))
    record = PolishRecord(SCHEMA, rows.data, rows.problem, before, after, best, units)
    return Polished(network, record)


class _Polisher:
    """What makes better networks of one that is given, on the rows of a learner."""

    def __init__(self, foreign: Foreign, learner: Learner, problem: Problem):
        self.learner, self.problem, self.X = learner, problem, learner.sample.X
        # Whether it was time that ended the search.
        self.ended = False
        self.bias, self.norm = learner.settings.bias, learner.settings.norm
        self.most = foreign.units
        # Room for units that read every column.
        self.dictionary = Dictionary(self.X, (self.X.shape[1],), self.norm, self.bias)
        self.own = own_neurons(foreign, self.norm)
        (hidden, _), (outer, _) = foreign.network.layers
        sizes = np.linalg.norm(hidden, ord=self.norm, axis=0)
        alive = np.flatnonzero(sizes)
        z = outer[alive] * sizes[alive, None]
        self.given = fit_on(self.X, problem, self.own, z)

    def objective(self, fit: Fit) -> float:
        return self.problem.objective(fit.combined, fit.intercept, fit.coefficients)

    def candidates(self, solution: Solution) -> Iterator[Fit]:
        """Networks of at most the width that is given; none more once one is as good as the
        optimum, or once time is up."""
        best, starts = solution.fit, []
        least = self.objective(best)
        # Of a search that time has ended even the best may have much to gain.
        enough = -np.inf if solution.status is Status.STOPPED else least + GAIN * abs(least)
        whole = replace(best, wedges=self._roomy(best.wedges))
        for start in self._starts(whole):
            starts.append(start)
            yield start
            if self.objective(start) <= enough or (len(starts) >= QUICK_STARTS and self._due()):
                return
        for start in sorted(starts, key=self.objective)[:STARTS]:
            found = self._exchanged(self._moved(start))
            yield found
            if self.objective(found) <= enough or self._due():
                return

    def _due(self) -> bool:
        self.ended = self.ended or self.learner.deadline.due()
        return self.ended

    def _starts(self, best: Fit) -> Iterator[Fit]:
        yield self.given
        yield self._solved(self.own)
        yield self._largest(best)
        yield self._largest(self._solved(self.own.joined_with(best.wedges)))
        yield from map(self._solved, self._on_the_path())

    def _solved(self, wedges: Wedges) -> Fit:
        """These units with their best coefficients; those that are best at zero are left out."""
        if not len(wedges):
            return fit_on(self.X, self.problem, wedges, np.zeros((0, 1)))
        working = working_set(self.dictionary, self.problem)
        working.grow(wedges)
        working.solve(self.problem.alpha, KKT)
        return working.fit()

    def _largest(self, fit: Fit) -> Fit:
        """Of too many units those that move the output most, with their best coefficients."""
        while len(fit.wedges) > self.most:
            hinges = fit.wedges.hinges(self.X)
            moves = hinges.std(axis=0) * row_norms(fit.coefficients)
            # A tenth at a time, where there is time: what is left takes over from what goes.
            kept = self.most if self._due() else max(self.most, int(0.9 * len(moves)))
            fit = self._solved(fit.wedges.take(np.sort(np.argsort(-moves)[:kept])))
        return fit

    def _on_the_path(self) -> Iterator[Wedges]:
        """The units of the last optimum on the way down to alpha that is narrow enough."""
        alpha, start = self.problem.alpha, max(self.problem.alpha, self.learner.alpha_max)
        learner = self.learner
        count = int(np.ceil(PER_DECADE * np.log10(start / alpha)))
        found = None
        walk = Walk(self.X, learner.problems, learner.pricers, tol=PATH_TOL)
        for k in range(count - 1, 0, -1):
            stages = walk.step(alpha * 10 ** (k / PER_DECADE), learner.deadline)
            wedges = stages[0][-1].solution.fit.wedges
            if len(wedges) > self.most or self._due():
                break
            found = wedges
        if found is not None:
            yield self._roomy(found)

    def _exchanged(self, fit: Fit) -> Fit:
        """The neurons that pricing finds come in, those that move the output least go, and all move
        on, as long as that gains."""
        pricer = self.learner.pricers[0]
        for _ in range(EXCHANGES):
            dual = self.problem.dual_point(fit.combined)
            none = pricer.dictionary.none()
            priced = pricer.price(dual, self.problem.alpha, none, every_pencil=False)
            fresh = self._roomy(priced.wedges.take(slice(0, FRESH)))
            trial = self._moved(self._largest(self._solved(fit.wedges.joined_with(fresh))))
            if self.objective(trial) > self.objective(fit) * (1 - GAIN):
                break
            fit = trial
            if self._due():
                break
        return fit

    def _moved(self, fit: Fit) -> Fit:
        """With norm 2 all units moved together, as long as that gains."""
        for _ in range(DESCENTS if self.norm == 2 else 0):
            if not len(fit.wedges):
                break
            z, t = fit.coefficients[:, 0], float(fit.intercept[0])
            alive, normals, offsets, outer, _ = descend(
                self.problem, self.X, fit.wedges, z, t, self.bias
            )
            there = fit.wedges.take(alive)
            wedges = Wedges(there.columns, np.full_like(there.samples, -1), normals, offsets)
            moved = fit_on(self.X, self.problem, wedges, outer[:, None])
            gained = self.objective(fit) - self.objective(moved)
            if gained <= 0:
                break
            fit = moved
            if gained <= GAIN * abs(self.objective(fit)) or self._due():
                break
        return fit

    def _roomy(self, wedges: Wedges) -> Wedges:
        """The same units with room to read every column."""
        more = self.X.shape[1] - wedges.columns.shape[1]
        columns, samples = (
            np.pad(part, ((0, 0), (0, more)), constant_values=-1)
            for part in (wedges.columns, wedges.samples)
        )
        return Wedges(columns, samples, wedges.normals, wedges.offsets)


def _written(foreign: Foreign, fit: Fit, problem: Posed) -> Foreign:
    """The network as weight decay leaves it, in the form of the one that was given; a constant is
    one unit that gives nothing."""
    z, t = fit.coefficients, fit.intercept
    normals, offsets = fit.wedges.normals, fit.wedges.offsets
    if not len(z):
        normals, offsets, z = np.zeros((1, normals.shape[1])), np.zeros(1), np.zeros((1, 1))
    network = balanced_network(normals, offsets, z, t)
    return replace(foreign, network=network, alpha=problem.alpha, loss=problem.loss)


def _units(
    foreign: Foreign, polished: Foreign, X: np.ndarray, ids: list[int | str]
) -> Iterator[Unit]:
    """What became of every unit that was given."""
    (hidden, biases), _ = foreign.network.layers
    lengths = np.linalg.norm(hidden, axis=0)
    before, after = (_directions(each.network.activations(X)) for each in (foreign, polished))
    products = np.abs(before.T @ after)
    for k in range(len(lengths)):
        rows, distance = (), None
        if lengths[k]:
            heights = np.abs(X @ hidden[:, k] + biases[k]) / lengths[k]
            nearest = np.argsort(heights, kind="stable")[: len(hidden)]
            rows, distance = tuple(ids[i] for i in nearest), float(heights[nearest[-1]])
        best = int(products[k].argmax())
        alike = float(products[k, best])
        found = (best + 1, min(alike, 1.0)) if alike else (None, None)
        yield Unit(k + 1, rows, distance, *found)


def _directions(activations: np.ndarray) -> np.ndarray:
    """Columns (n, m) less their means, of length one; of constants zero."""
    centred = activations - activations.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    still = lengths <= 1e-12 * np.abs(activations).max(axis=0, initial=0.0)
    return np.where(still, 0.0, centred / np.where(still, 1.0, lengths))
