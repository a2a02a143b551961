"""What every column and every pair of columns adds, as records: curves, levels, grids, and what
they do in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wedgefit.data.distribution import Distribution, quantile
from wedgefit.errors import NoEffects
from wedgefit.model.effects import Effects, Key
from wedgefit.model.over_folds import OverFolds
from wedgefit.model.record import Model

# So many places along each column of a pair's grid.
SIDE = 16
# Directions are told of the rows between these parts of a column, so that no single row tells them.
MIDDLE = (0.01, 0.99)
# What "high" and "low" mean for a column of numbers: above and below these parts of the rows.
HIGH, LOW = 0.9, 0.1
# A curve that turns back by less than this part of its rise only rises.
TURN = 0.1


def effects_of(model: Model) -> Effects | None:
    """The effects of a model, None where it has none."""
    try:
        return model.effects()
    except NoEffects:
        return None


def why_none(model: Model) -> str | None:
    """Why a model has no effects, in a sentence; None where it has."""
    try:
        model.effects()
    except NoEffects as error:
        return f"{error.message} {error.remedy}".strip()
    return None


def effect_records(model: Model, effects: Effects) -> list[dict]:
    """An entry per effect and output, the largest first: of several targets, whose units differ, by
    their shares.

    ``importance``: the standard deviation of the effect over the training rows, in units of the
    output; ``share``: its part of the sum of these in its output; ``range``: from its smallest to
    its largest value over what training saw; then its shape (``curve``, what it is by
    construction in ``shapes``, and the value where a cell is ``missing``, ``levels``, or ``grid``),
    ``words``, and how far the networks of the folds are from it (``over_folds``: root mean square,
    of the importance and along the curve or by level; None where no folds were run).
    """
    off = {part.columns: part for part in model.over_folds}
    records = []
    for k, output in enumerate(effects.outputs):
        sizes = {
            part.columns: part.importance[output]
            if isinstance(part.importance, dict)
            else part.importance
            for part in model.importances
        }
        whole = sum(sizes.values()) or 1.0
        for key, size in sizes.items():
            if size > 0:
                shape = _grid(effects, key, k) if len(key) == 2 else _shape(effects, key[0], k)
                if "curve" in shape:
                    shape["shapes"] = list(model.problem.shapes.get(key[0], ()))
                records.append({
                    "columns": list(key),
                    "output": output,
                    "importance": size,
                    "share": size / whole,
                    **shape,
                    "over_folds": _over_folds(off[key], output) if key in off else None,
                })  # fmt: skip
    return sorted(records, key=lambda record: -size_of(record, model.data.classes))


def size_of(effect: dict, classes: Sequence | None) -> float:
    """By what effects of several outputs compare: scores of classes have one unit, targets none."""
    return effect["importance"] if classes else effect["share"]


def _over_folds(off: OverFolds, output: str) -> dict:
    """How far folds are from an effect in one output."""
    size, values = (
        found[output] if isinstance(found, dict) else found
        for found in (off.importance, off.effect)
    )
    found = {"importance": size}
    if off.levels:
        return found | {"levels": dict(zip(off.levels, values))}
    if off.at:
        return found | {"curve": [list(point) for point in zip(off.at, values)]}
    return found


# One column ---------------------------------------------------------------------------------------


def _shape(effects: Effects, column: str, output: int) -> dict:
    seen = effects.distributions[column]
    if seen.levels:
        states = effects.levels(column, seen.levels)
        values = effects.of_states((column,), states)[:, output].tolist()
        levels = dict(zip(seen.levels, values))
        return {"range": _range(values), "levels": levels, "words": _level_words(levels, seen)}
    at = np.unique([*effects.ends(column), *seen.values])
    values = effects.of_states((column,), effects.numbers(column, at))[:, output]
    missing = float(effects.of_states((column,), effects.gap(column))[0, output])
    return {
        "range": _range([*values, *[missing] * (seen.missing > 0)]),
        "curve": [list(point) for point in zip(at.tolist(), values.tolist())],
        "missing": missing if seen.missing else None,
        "shapes": [],
        "words": _curve_words(at, values, seen),
    }


def _range(values) -> list[float]:
    return [float(min(values)), float(max(values))]


def _level_words(levels: dict[str, float], seen: Distribution) -> str:
    """``highest Ulm, lowest Bonn``."""
    high, low = (choose(levels, key=levels.get) for choose in (max, min))
    return f"highest {high}, lowest {low}" if levels[high] > levels[low] else "flat"


def _curve_words(at: np.ndarray, values: np.ndarray, seen: Distribution) -> str:
    """The direction of a curve, where most rows are."""
    low, high = (quantile(seen, part) for part in MIDDLE)
    here = (at >= low) & (at <= high)
    at, values = (at[here], values[here]) if here.sum() > 1 else (at, values)
    if len(at) < 2 or np.ptp(values) == 0:
        return "flat"
    steps = np.diff(values)
    up, down = steps[steps > 0].sum(), -steps[steps < 0].sum()
    if min(up, down) <= TURN * max(up, down):
        return "rises" if up > down else "falls"
    for turn, first, then in (
        (values.argmax(), "rises", "falls"),
        (values.argmin(), "falls", "rises"),
    ):
        sign = 1.0 if first == "rises" else -1.0
        back = np.maximum(-sign * np.append(steps[:turn], -steps[turn:]), 0.0).sum()
        if 0 < turn < len(at) - 1 and back <= TURN * (up + down):
            return f"{first} to {_figure(at[turn])}, then {then}"
    return "goes up and down"


def _figure(value: float) -> str:
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


# Pairs --------------------------------------------------------------------------------------------


def _grid(effects: Effects, key: Key, output: int) -> dict:
    """The effect of a pair at some places of both columns: ``values[i][k]`` where the first is
    ``x[i]`` and the second ``y[k]``."""
    x, y = (_axis(effects, name) for name in key)
    values = _on_grid(effects, key, x, y)[:, :, output]
    return {
        "range": _range(values.ravel()),
        "grid": {"x": x, "y": y, "values": values.tolist()},
        "words": _pair_words(effects, key, output),
    }


def _axis(effects: Effects, column: str) -> list[float] | list[str]:
    """Places along a column: its levels, or so many quantiles and both ends."""
    seen = effects.distributions[column]
    if seen.levels:
        return list(seen.levels)
    if len(seen.values) <= SIDE:
        return list(seen.values)
    inner = [quantile(seen, part) for part in np.linspace(0, 1, SIDE)[1:-1]]
    return np.unique([*effects.ends(column), *inner]).tolist()


def states_at(effects: Effects, column: str, places: list) -> np.ndarray:
    """The states of a column at these numbers or levels, (n, features)."""
    if effects.distributions[column].levels:
        return effects.levels(column, places)
    return effects.numbers(column, np.array(places, dtype=float))


def _on_grid(effects: Effects, key: Key, x: list, y: list) -> np.ndarray:
    """The effect of a pair at all of these places, (x, y, outputs)."""
    first, second = (states_at(effects, name, places) for name, places in zip(key, (x, y)))
    values = effects.of_states(
        key, np.repeat(first, len(second), axis=0), np.tile(second, (len(first), 1))
    )
    return values.reshape(len(first), len(second), -1)


def _pair_words(effects: Effects, key: Key, output: int) -> str:
    """What a pair does: how one column's effect changes with the other."""
    texts = [bool(effects.distributions[name].levels) for name in key]
    if all(texts):
        return _cell_words(effects, key, output)
    found = [
        change
        for other, mover in ((key, key[::-1]), (key[::-1], key))
        if not effects.distributions[mover[0]].levels
        for change in [_changes(effects, other[0], mover[0], output)]
    ]
    # The column that changes most for its size is the one to speak of.
    return max(found, key=lambda change: change[0])[1] if found else ""


def _changes(effects: Effects, other: str, mover: str, output: int) -> tuple[float, str]:
    """How far a rising column of numbers does more or less where the other column is high, or has
    a level: by which part of its usual change, and in words."""
    ends = _low_and_high(effects, mover)
    own = effects.of_states((mover,), effects.numbers(mover, np.array(ends)))[:, output]
    usual = float(own[1] - own[0])
    seen = effects.distributions[other]
    places = list(seen.levels) or _low_and_high(effects, other)
    key = (other, mover) if (other, mover) in effects.keys else (mover, other)
    grid = _on_grid(effects, key, *((places, ends) if key[0] == other else (ends, places)))
    grid = grid[:, :, output] if key[0] == other else grid[:, :, output].T
    moves = usual + grid[:, 1] - grid[:, 0]
    if seen.levels:
        weights = np.sqrt(seen.parts)
        here = int(np.argmax(weights * np.abs(moves - usual)))
        move, rest, where = moves[here], usual, f"with {other} = {seen.levels[here]}"
        elsewhere = "otherwise"
    else:
        move, rest, where = moves[1], moves[0], f"where {other} is high"
        elsewhere = "where it is low"
    part = abs(move - rest) / (abs(usual) + 1e-300)
    if move * rest < 0 and min(abs(move), abs(rest)) > 0.1 * abs(move - rest):
        verbs = ("raises", "lowers") if move > 0 else ("lowers", "raises")
        return part, f"{mover} {verbs[0]} it {where}, {verbs[1]} it {elsewhere}"
    main = move if abs(move) > abs(rest) else rest
    verb = "raises" if main > 0 else "lowers"
    return part, f"{mover} {verb} it {'more' if abs(move) > abs(rest) else 'less'} {where}"


def _low_and_high(effects: Effects, column: str) -> list[float]:
    """What is low and what is high in a column of numbers."""
    low, high = (quantile(effects.distributions[column], part) for part in (LOW, HIGH))
    return [low, high] if low < high else list(effects.ends(column))


def _cell_words(effects: Effects, key: Key, output: int) -> str:
    """The pair of levels that stands out most, for how many rows would have it."""
    first, second = (effects.distributions[name] for name in key)
    values = _on_grid(effects, key, list(first.levels), list(second.levels))[:, :, output]
    weights = np.sqrt(np.outer(first.parts, second.parts))
    i, k = np.unravel_index(np.argmax(weights * np.abs(values)), values.shape)
    side = "above" if values[i, k] > 0 else "below"
    both = f"{key[0]} = {first.levels[i]} with {key[1]} = {second.levels[k]}"
    return f"{both}: {side} the sum of the two"
