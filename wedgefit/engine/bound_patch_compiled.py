"""Bounds of patches of hyperplanes, compiled by numba: the contract of ``bound_patch.look`` for one
target.

A patch with a bound above the limit is halved again and again, first what was halved last: then the
rows that hyperplanes of a part pass are among those of what it is a part of, and deep down they are
few. What is still open when all rows have been visited often enough is handed back.
"""

import numpy as np
from numba import njit

from wedgefit.engine.bound import Looks
from wedgefit.engine.bound_patch import DEEPEST, Opened, Patches, rounding_of
from wedgefit.engine.bound_patch_box import (
    ABOVE,
    AT,
    CENTRE,
    HIGH,
    LINES,
    LOW,
    TOWARDS,
    at_corners,
    copy,
    count_in,
    divide,
    enter,
    measure,
    most_excess,
    score_at,
    sift,
    swing_of,
    tell_sides,
)
from wedgefit.engine.compiling import INNER, OPTIONS, PART_OF_ONE
from wedgefit.engine.problem import has_sum

# The lists of rows from a patch down to one of its parts are so many times as long as all rows.
LISTS = 8
# Below so many rows a part takes as long as that, however few there are.
ROWS_OF_PART = 50


def look(rows, v, patches: Patches, *, norm, bias, limit, floor, apart=0) -> Opened:
    """See ``bound_patch.look``; v is (n, 1)."""
    dense, sizes = np.ascontiguousarray, np.abs(v[:, 0])
    n, (count, d) = rows.shape[1], patches.columns.shape
    # What is not taken apart leaves one line; untouched ones are memory all the same.
    room = count * (2 * DEEPEST + 2 if apart else 1)
    boxes, normals = np.empty((room, 2, d + 1)), np.empty((room, d))
    numbers, places = np.empty((room, 3)), np.empty((room, 3), dtype=np.int64)
    # A hyperplane beyond all rows has a score that some other has, too, where v has no sum.
    told = norm, bias, bool(bias and has_sum(v)), float(limit), float(floor)
    many, visits = _look(
        dense(rows), dense(v[:, 0]), dense(patches.columns), dense(patches.lows),
        dense(patches.highs), told, apart, rounding_of(n, float(sizes.sum()), 1.0), boxes, normals,
        numbers, places,
    )  # fmt: skip
    origins, cuts, samples = places[:many].T.copy()
    bounds, rounding, values = numbers[:many].T.copy()
    regions = Patches(
        patches.columns[origins], boxes[:many, 0], boxes[:many, 1], cuts, normals[:many]
    )
    return Opened(regions, Looks(bounds, rounding, values, samples), origins, int(visits))


@njit(**OPTIONS)
def _look(
    X, v, columns, lows, highs, told, apart, rounding, boxes, normals, numbers, places
):  # fmt: skip
    """Fill in what is left of each patch, from the first line on: its ``boxes``, ``normals``,
    ``numbers`` (bound, rounding, value) and ``places`` (origin, cut, sample). How many lines, and
    how many rows were visited."""
    n, d = len(v), columns.shape[1]
    store, ids = np.empty((d + 1, LISTS * n)), np.empty(LISTS * n, dtype=np.int64)
    room, others, steps = np.empty((7, n)), np.empty((2, n), dtype=np.int64), np.empty((d + 1, n))
    lists, above = np.zeros((DEEPEST + 1, 4), dtype=np.int64), np.zeros((DEEPEST + 1, d + 1))
    stack, levels = np.empty((DEEPEST + 1, 3, d + 1)), np.zeros(DEEPEST + 1, dtype=np.int64)
    box, everything, longest = np.zeros((LINES, d + 1)), np.zeros(d + 1), np.zeros(d)
    rows, open_ = (store, ids, lists, above, room, others, steps), (stack, levels)
    lists[0, 1] = lists[0, 2] = n
    copy(v, store[d])
    for i in range(n):
        ids[i] = i
    many, visits = 0, 0
    for origin in range(len(columns)):
        if origin == 0 or _differ(columns[origin], columns[origin - 1]):
            _enter_set(X, columns[origin], store[:, :n], ids[:n], everything, longest)
        slack = rounding * _scale(longest, lows[origin], highs[origin])
        ends = lows[origin], highs[origin]
        left = boxes[many:], normals[many:], numbers[many:], places[many:]
        lines, spent = _take_apart(
            origin, ends, rows, open_, box, everything, told, apart, slack, left
        )
        many += lines
        visits += spent
    return many, visits


@njit(**PART_OF_ONE)
def _take_apart(origin, ends, rows, open_, box, everything, told, apart, slack, left):
    """Halve one patch again and again, and write what is left; how many lines, and how many rows
    were visited."""
    (store, ids, lists, above, room, others, steps), (stack, levels) = rows, open_
    norm, bias, within, limit, floor = told
    n, at = room.shape[1], np.empty(len(store))
    _begin(ends, stack[0], at)
    levels[0], size, spent, lines, seen = 1, 1, 0, 0, 0
    closed, wide, best, sample, cut = 0.0, 0.0, 0.0, -1, 0
    while size > 0:
        size, seen = size - 1, seen + 1
        level = levels[size]
        _pick(stack[size], box)
        free, length, least = enter(box, norm)
        spent += max(lists[level - 1, 2], ROWS_OF_PART)
        _list(store, ids, box, lists, above, level, room, others)
        asked = bias, within, limit, max(floor, best), length, least
        bound, value, here, face, sign, score = _bounded(
            store, ids, box, free, lists[level], everything, room, steps, asked
        )
        last = max(level, lines) >= DEEPEST or lists[level, 0] + 2 * lists[level, 2] > LISTS * n
        if bound > limit or seen == 1:
            cut = divide(box, free, everything, face, sign, score / length)
        if bound > limit and (last or apart == 0 or spent >= (1 + apart) * n):
            found = bound + slack / least, slack / least, value
            _write(left, lines, box[LOW], box[HIGH], box[AT], found, (origin, cut, here))
            lines += 1
            continue
        if value > best:
            best, sample = value, here
            copy(box[AT], at)
        if bound > limit:
            size = _halve(box, cut, level + 1, stack, levels, size)
        else:
            closed, wide = max(closed, bound + slack / least), max(wide, slack / least)
    if lines == 0 or seen > 1:
        _write(left, lines, ends[0], ends[1], at, (closed, wide, best), (origin, cut, sample))
        lines += 1
    return lines, spent


@njit(**INNER)
def _begin(ends, bottom, at):
    """Put the whole patch on the stack; its centre."""
    copy(ends[0], bottom[LOW])
    copy(ends[1], bottom[HIGH])
    for c in range(len(at)):
        bottom[2, c], at[c] = 0.0, 0.5 * (ends[0][c] + ends[1][c])


@njit(**INNER)
def _pick(top, box):
    """Take the box on top of the stack."""
    copy(top[LOW], box[LOW])
    copy(top[HIGH], box[HIGH])
    copy(top[2], box[TOWARDS])


@njit(**PART_OF_ONE)
def _enter_set(X, columns, rows, which, everything, longest):
    """The rows of a set of columns, Σ v (x, 1) over all of them, and the largest |x|."""
    everything[len(columns)] = 0.0
    for c in range(len(columns)):
        copy(X[columns[c]], rows[c])
        everything[c] = longest[c] = 0.0
        for i in range(len(which)):
            longest[c] = max(longest[c], abs(rows[c, i]))
    count_in(rows, which, everything)


@njit(**INNER)
def _differ(columns, others):
    for c in range(len(columns)):
        if columns[c] != others[c]:
            return True
    return False


@njit(**INNER)
def _write(left, line, low, high, at, numbers, places):
    """Write one line of what is left."""
    copy(low, left[0][line, 0])
    copy(high, left[0][line, 1])
    for c in range(left[1].shape[1]):
        left[1][line, c] = at[c]
    for k in range(3):
        left[2][line, k], left[3][line, k] = numbers[k], places[k]


@njit(**INNER)
def _scale(longest, low, high):
    """No w·x − b is a sum of products that are larger."""
    d = len(longest)
    total = max(abs(low[d]), abs(high[d]))
    for c in range(d):
        total += longest[c] * max(abs(low[c]), abs(high[c]))
    return total


@njit(**PART_OF_ONE)
def _list(store, ids, box, lists, above, level, room, others):
    """List the rows that the box passes, of those that the one it is a part of does; ``room[2]``
    and ``room[3]`` are their heights and reaches."""
    source, many, over = lists[level - 1, 0], lists[level - 1, 2], lists[level - 1, 3]
    begin, d = source + many, len(store) - 1
    rows = store[:, source:begin]
    some, outside = others[0, :many], others[1, :many]
    measure(rows, box, room[0, :many], room[1, :many])
    up, total, higher = sift(room[0, :many], room[1, :many], rows[d], some, outside)
    copy(above[level - 1], above[level])
    count_in(rows, outside[:higher], above[level])
    lists[level, 0], lists[level, 1] = begin, up
    lists[level, 2], lists[level, 3] = total, over + higher
    for c in range(d + 1):
        x, mine = rows[c], store[c, begin : begin + total]
        for j in range(total):
            mine[j] = x[some[j]]
    for j in range(total):
        ids[begin + j] = ids[source + some[j]]
        room[2, j], room[3, j] = room[0, some[j]], room[1, some[j]]
    copy(above[level], box[ABOVE])


@njit(**PART_OF_ONE)
def _bounded(store, ids, box, free, listed, everything, room, steps, asked):
    """The bound of a box, the best value where it is looked at and a row near that, −1 where it is
    no larger than the last value; and the face and sign that have the bound, with their score."""
    bias, within, limit, floor, length, least = asked
    n, begin, up, total, over = room.shape[1], listed[0], listed[1], listed[2], listed[3]
    rows = store[:, begin : begin + total]
    height, reach, side = room[2, :total], room[3, :total], room[4, :total]
    sizes, way = room[5, :total], room[6, :total]
    higher = over + tell_sides(rows, box, height, side, sizes)
    scores = (score_at(box[AT], box, everything, 0), score_at(box[AT], box, everything, 1))
    value, sample = max(abs(scores[0]), abs(scores[1])) / length, -1
    outside = higher == 0 or higher == n
    if within and outside:
        value = 0.0
    if bias and value > floor:
        some = store[:, :n] if total == 0 else rows
        sample = _nearest(some, ids[:n] if total == 0 else ids[begin : begin + total], box)
    if bias and outside and total == 0:
        # No row lies on any of its hyperplanes.
        return 0.0, value, sample, 0, 1.0, scores[0]
    bound, face, sign = _at_most(box, everything, up, height, reach, side, sizes, least)
    if bound > limit:
        top, face, sign = at_corners(
            rows, up, box, free, everything, height, side, sizes, way, steps[:, :total]
        )
        bound = min(bound, top)
    return bound, value, sample, face, sign, scores[face]


@njit(**INNER)
def _at_most(box, everything, up, height, reach, side, sizes, least):
    """A quick bound, and the face and sign that have it."""
    bound, best_face, best_sign = 0.0, 0, 1.0
    rise = most_excess(height[:up], reach[:up], side[:up], sizes[:up])
    fall = most_excess(height[up:], reach[up:], side[up:], sizes[up:])
    for face in range(2):
        middle = score_at(box[CENTRE], box, everything, face)
        swing = swing_of(box, everything, face)
        for sign, excess in ((1.0, rise), (-1.0, fall)):
            top = (sign * middle + swing + excess) / least
            if top > bound:
                bound, best_face, best_sign = top, face, sign
    return bound, best_face, best_sign


@njit(**INNER)
def _nearest(rows, ids, box):
    """The row nearest to the hyperplane where a box is looked at."""
    d, best, at = len(rows) - 1, np.inf, -1
    for i in range(rows.shape[1]):
        z = -box[AT, d]
        for c in range(d):
            z += box[AT, c] * rows[c, i]
        if abs(z) < best:
            best, at = abs(z), ids[i]
    return at


@njit(**INNER)
def _halve(box, cut, level, stack, levels, size):
    """Put both halves of the box on the stack; its new size."""
    middle = 0.5 * (box[LOW, cut] + box[HIGH, cut])
    for upper in range(2):
        copy(box[LOW], stack[size, LOW])
        copy(box[HIGH], stack[size, HIGH])
        copy(box[TOWARDS], stack[size, 2])
        stack[size, LOW if upper else HIGH, cut] = middle
        levels[size] = level
        size += 1
    return size
