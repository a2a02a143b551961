"""Alternating over layers: a deeper layer asks the one below for neurons that it misses, and is
solved again on what it gets (theory, section 5).

The layers below were chosen without regard for those above. At the optimum of a stage the residual
that goes back through one of its neurons, v on the rows where that is active, scores every neuron
that could be below: where the score is above alpha, the path through it would pay. The best are
handed on besides, and the stage, a convex problem, begins at the network that there is: so the
objective never rises, and every stage keeps its own certificate, given the layers below it.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from wedgefit.engine.fit import Fit
from wedgefit.engine.layers import Stage
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.problem import Problem
from wedgefit.engine.wedge import Wedges
from wedgefit.watch import Deadline

# A turn hands on so many further neurons at most, and of those that one neuron asks for so many.
ASKED, OF_ONE = 16, 3

SolveNext = Callable[[Stage, Fit], Stage]


def alternated(
    problem: Problem,
    below: Stage,
    stage: Stage,
    pricer: Pricer,
    solve_next: SolveNext,
    *,
    turns: int,
    tol: float,
    deadline: Deadline,
) -> tuple[Stage, Stage]:
    """A stage and the one ``below`` it after so many turns, or as many as gain more than ``tol``
    of the objective.

    ``pricer``: of what ``below`` reads. ``solve_next`` solves the stage after the one that it is
    given, from a network that reads the same units.
    """
    for _ in range(turns):
        if deadline.due():
            break
        kept = _read(below, stage)
        asked = asked_for(problem, kept, stage, below.units, pricer)
        if not len(asked):
            break
        wider = replace(kept, more=_joined(kept.more, asked))
        found = solve_next(wider, moved(stage.fit, below.units, wider.units))
        if not found.objective < stage.objective:
            break
        gained = stage.objective - found.objective
        below, stage = wider, found
        if gained <= tol * abs(stage.objective):
            break
    return below, stage


def asked_for(
    problem: Problem, below: Stage, stage: Stage, units: Wedges, pricer: Pricer
) -> Wedges:
    """The neurons that the stage asks the layer below for, best first: those of the highest scores
    that are not among its ``units``, nor are other faces of these."""
    dual = problem.dual_point(stage.fit.combined)
    found, scores = pricer.dictionary.none(), np.empty(0)
    for active in (stage.fit.wedges.hinges(stage.X) > 0).T:
        priced = pricer.price(
            dual * active[:, None], problem.alpha, pricer.dictionary.none(), every_pencil=False
        )
        found = found.joined_with(priced.wedges.take(slice(OF_ONE)))
        scores = np.concatenate([scores, priced.scores[:OF_ONE]])
    known = set(_functions(units)) | set(_functions(_other_faces(units)))
    own, other = _functions(found), _functions(_other_faces(found))
    chosen: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if own[i] not in known and len(chosen) < ASKED:
            known |= {own[i], other[i]}
            chosen.append(int(i))
    return found.take(chosen)


def moved(fit: Fit, units: Wedges, wider: Wedges) -> Fit:
    """The same network, which reads some of these units, over ``wider`` ones that hold all that it
    reads."""
    place = {function: j for j, function in enumerate(_functions(wider))}
    columns = fit.wedges.columns
    read = np.unique(columns[columns >= 0])
    at = np.array([place[function] for function in _functions(units.take(read))], dtype=np.int64)
    order = np.argsort(np.where(columns >= 0, _places(read, at, columns), len(wider)), axis=1)
    normals = np.zeros((len(columns), len(wider)))
    normals[:, at] = fit.wedges.normals[:, read]
    # Ascending, as everywhere.
    places = np.take_along_axis(_places(read, at, columns), order, axis=1)
    return replace(fit, wedges=replace(fit.wedges, columns=places, normals=normals))


def _places(read: np.ndarray, at: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Columns that are among those read, as they are counted now; −1 stays."""
    if not len(read):
        return columns
    return np.where(columns >= 0, at[np.minimum(np.searchsorted(read, columns), len(at) - 1)], -1)


def _read(below: Stage, stage: Stage) -> Stage:
    """The stage below without the further neurons that nobody reads."""
    if below.more is None:
        return below
    columns = stage.fit.wedges.columns
    read = set(_functions(below.units.take(np.unique(columns[columns >= 0]))))
    faces = zip(_functions(below.more), _functions(_other_faces(below.more)))
    kept = [i for i, pair in enumerate(faces) if not read.isdisjoint(pair)]
    return replace(below, more=below.more.take(kept))


def _joined(more: Wedges | None, asked: Wedges) -> Wedges:
    return asked if more is None else more.joined_with(asked)


def _other_faces(wedges: Wedges) -> Wedges:
    return wedges.flipped(-np.ones(len(wedges)))


def _functions(wedges: Wedges) -> list[bytes]:
    """One identity per hinge, to ten digits."""
    table = np.column_stack([wedges.normals, wedges.offsets])
    return [row.tobytes() for row in np.round(table, 10) + 0.0]
