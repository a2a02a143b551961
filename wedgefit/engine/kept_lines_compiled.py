"""The lines through two points of a plane by slope, and their scores, compiled by numba: what
``sweep.sort_pencils`` and ``sweep.sweep`` do pencil by pencil, for all pencils of a pair at once.

Points ascend by x, then by y: so a line through two of them leads from the lower number to the
higher, and all pencils turn from slope −∞ to ∞ together.
"""

import numpy as np
from numba import njit

from wedgefit.engine.compiling import BORROWING, OPTIONS, sort_by
from wedgefit.engine.sweep import TIE
from wedgefit.engine.wedge import COINCIDENT

# So many lines at a time stay in the processor's nearest cache.
CHUNK = 512
# No score is NaN, and the sign of a zero does not matter: what the compiler must know to take a
# maximum in vectors.
IN_VECTORS = BORROWING | {"fastmath": {"contract", "nsz", "nnan"}}


@njit(**OPTIONS)
def sort_lines(values, starts, numbers, scales, lines, line_starts):
    """Into ``lines`` those of each of these pairs by slope, those of the pair at place p of
    ``numbers`` from ``line_starts``[p] on: the number of one point times 256, and that of the
    other. The points are ``values`` (2, m), those of pair k from ``starts``[k] on; ``scales``
    (P, 2)."""
    most = 0
    for p in range(len(numbers)):
        most = max(most, line_starts[p + 1] - line_starts[p])
    rises, which = np.empty(most), np.empty(most, dtype=np.uint16)
    order, room = np.empty((2, most), dtype=np.int32)
    counts = np.empty(most + 1, dtype=np.int32)
    for p in range(len(numbers)):
        k = numbers[p]
        x = values[0, starts[k] : starts[k + 1]] / scales[k, 0]
        y = values[1, starts[k] : starts[k + 1]] / scales[k, 1]
        count = line_starts[p + 1] - line_starts[p]
        _rises(x, y, rises, which)
        _deal(rises[:count], order, counts[: count + 1])
        sort_by(rises, order[:count], room)
        for place in range(count):
            lines[line_starts[p] + place] = which[order[place]]


@njit(**BORROWING)
def _rises(x, y, rises, which):
    """How steep each line is, from −1 to 1: what it leads up for all that it leads across and up,
    or down."""
    count = 0
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            up = y[j] - y[i]
            away = x[j] - x[i] + abs(up)
            # Numbers so small that scaled they are the same make no line.
            rises[count + j - i - 1] = up / away if away > 0.0 else 0.0
            which[count + j - i - 1] = (i << 8) | j
        count += len(x) - i - 1


@njit(**BORROWING)
def _deal(rises, order, counts):
    """Into ``order`` the lines dealt into as many bins of steepness, which leaves little to sort
    where slopes are spread."""
    last = len(rises) - 1
    counts[:] = 0
    for line in range(len(rises)):
        counts[1 + int(0.5 * (rises[line] + 1.0) * last)] += 1
    for place in range(last):
        counts[place + 1] += counts[place]
    for line in range(len(rises)):
        place = int(0.5 * (rises[line] + 1.0) * last)
        order[counts[place]] = line
        counts[place] += 1


@njit(**OPTIONS)
def turned(values, starts, numbers, scales, lines, line_starts, sums, floor, scores, others):
    """Of each point of these pairs the best line through it, among those above ``floor`` and the
    best of each pair: its score into ``scores`` (m,), −1 where there is none, and its other point
    into ``others`` (m,). ``lines`` as ``sort_lines`` has left them; ``sums`` (m, K) are v at the
    points."""
    targets = sums.shape[1]
    room = np.empty((10, CHUNK))
    for p in range(len(numbers)):
        k = numbers[p]
        mine = slice(starts[k], starts[k + 1])
        x, y, v = values[0, mine] / scales[k, 0], values[1, mine] / scales[k, 1], sums[mine]
        left, whole = np.empty((targets, 2, len(x))), np.empty((targets, 2, len(x)))
        for t in range(targets):
            _upright(x, y, v[:, t], left[t], whole[t])
        scores[mine], others[mine], above = -1.0, len(x), -1.0
        for begin in range(line_starts[p], line_starts[p + 1], CHUNK):
            some = lines[begin : min(begin + CHUNK, line_starts[p + 1])]
            if targets == 1:
                _turn(x, y, v[:, 0], some, left[0], whole[0], room)
                largest = _scores(room[:, : len(some)], scales[k])
            else:
                room[7:9] = 0.0
                for t in range(targets):
                    _turn(x, y, v[:, t], some, left[t], whole[t], room)
                    _add_squares(room[:, : len(some)])
                largest = _root_scores(room[:, : len(some)], scales[k])
            if largest > min(floor, above):
                _note(some, room[6], min(floor, largest * (1 - TIE)), scores[mine], others[mine])
                above = max(above, largest * (1 - TIE))


@njit(**BORROWING)
def _upright(x, y, v, left, whole):
    """A of the upright line through each point, (2, s), the sums of v (p − point) over the points p
    on its right, and that over all; each from its neighbour's, so that no digits are lost where all
    points are far from the origin."""
    last = len(x) - 1
    left[0, last] = left[1, last] = whole[0, 0] = whole[1, 0] = beyond = 0.0
    for i in range(last, 0, -1):
        beyond += v[i]
        left[0, i - 1] = left[0, i] + beyond * (x[i] - x[i - 1])
        left[1, i - 1] = left[1, i] + beyond * (y[i] - y[i - 1])
    beyond += v[0]
    for i in range(last + 1):
        whole[0, 0] += v[i] * (x[i] - x[0])
        whole[1, 0] += v[i] * (y[i] - y[0])
    for i in range(1, last + 1):
        whole[0, i] = whole[0, i - 1] - beyond * (x[i] - x[i - 1])
        whole[1, i] = whole[1, i - 1] - beyond * (y[i] - y[i - 1])


@njit(**BORROWING)
def _turn(x, y, v, lines, left, whole, room):
    """Turn two pencils past each line that they share: into the rows of ``room`` how far it leads
    across and up, and A at it and over all points, of its first point."""
    for k in range(len(lines)):
        i, j = lines[k] >> 8, lines[k] & 255
        across, up = x[j] - x[i], y[j] - y[i]
        left_x, left_y = left[0, i] - v[j] * across, left[1, i] - v[j] * up
        left[0, i], left[1, i] = left_x, left_y
        left[0, j] -= v[i] * across
        left[1, j] -= v[i] * up
        room[0, k], room[1, k], room[2, k], room[3, k] = across, up, left_x, left_y
        room[4, k], room[5, k] = whole[0, i], whole[1, i]


@njit(**IN_VECTORS)
def _scores(room, scales):
    """The score of each line into row 6, −1 where points that differ by rounding only make none,
    and the largest."""
    across, up, left_x, left_y, whole_x, whole_y, scores = _rows(room)
    across_length, up_length, highest = 1 / scales[1], 1 / scales[0], -1.0
    for k in range(len(scores)):
        one_face = across[k] * left_y[k] - up[k] * left_x[k]
        other_face = one_face - (across[k] * whole_y[k] - up[k] * whole_x[k])
        length = across[k] * across_length + abs(up[k]) * up_length
        score = max(abs(one_face), abs(other_face)) / length
        scores[k] = score if max(across[k], abs(up[k])) > COINCIDENT else -1.0
        highest = max(highest, scores[k])
    return highest


@njit(**IN_VECTORS)
def _add_squares(room):
    """Add the squares of the scores of both faces under one target to rows 7 and 8."""
    across, up, left_x, left_y, whole_x, whole_y, _ = _rows(room)
    one, other = room[7], room[8]
    for k in range(len(one)):
        one_face = across[k] * left_y[k] - up[k] * left_x[k]
        other_face = one_face - (across[k] * whole_y[k] - up[k] * whole_x[k])
        one[k] += one_face * one_face
        other[k] += other_face * other_face


@njit(**IN_VECTORS)
def _root_scores(room, scales):
    """As ``_scores``, of several targets: the root of the sum of their squares."""
    across, up, _, _, _, _, scores = _rows(room)
    one, other = room[7], room[8]
    across_length, up_length, highest = 1 / scales[1], 1 / scales[0], -1.0
    for k in range(len(scores)):
        length = across[k] * across_length + abs(up[k]) * up_length
        score = np.sqrt(max(one[k], other[k])) / length
        scores[k] = score if max(across[k], abs(up[k])) > COINCIDENT else -1.0
        highest = max(highest, scores[k])
    return highest


@njit(**BORROWING)
def _rows(room):
    """The first seven rows; contiguous one by one, as vector instructions need it."""
    return room[0], room[1], room[2], room[3], room[4], room[5], room[6]


@njit(**BORROWING)
def _note(lines, found, floor, scores, others):
    """Keep for both points of each line above the floor whether it is their best so far; of those
    that tie, with the lowest point."""
    for k in range(len(lines)):
        if found[k] > floor:
            i, j = lines[k] >> 8, lines[k] & 255
            _note_at(found[k], i, j, scores, others)
            _note_at(found[k], j, i, scores, others)


@njit(**BORROWING)
def _note_at(score, i, j, scores, others):
    if score >= scores[i] * (1 - TIE):
        others[i] = j if score > scores[i] * (1 + TIE) else min(others[i], j)
        scores[i] = max(scores[i], score)
