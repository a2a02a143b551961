"""The two inner steps of ``exchange``, compiled by numba: with few columns in use NumPy takes
longer to be asked than to compute.

The inverse is changed at once here, instead of many changes together.
"""

import numpy as np
from numba import njit

from wedgefit.engine.support import CLOSE, DEPENDENT

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**OPTIONS)
def exchange_among(some, pulls, matrix, correlation, rule, z, sign, parts, size):
    """See ``Exchange._exchange_among``: ``pulls`` (j,) are the gradient of ``some`` columns (j,),
    and are changed; ``rule`` holds alpha, the violation that is none, and whether coefficients are
    nonnegative; ``parts`` are the arrays of the support. How many columns it then has."""
    alpha, most, nonnegative = rule
    members = parts[0]
    for _ in range(2 * len(some)):
        worst, largest = 0, 0.0
        for j in range(len(some)):
            ahead = pulls[j] if nonnegative else abs(pulls[j])
            if sign[some[j]] == 0 and ahead > largest:
                worst, largest = j, ahead
        if largest <= most:
            break
        column, pull = some[worst], pulls[worst]
        size, independent = _enter(column, np.sign(pull), matrix, z, sign, parts, size)
        gradient = np.empty(size)
        for i in range(size):
            gradient[i] = alpha * sign[members[i]]
        gradient[size - 1] = pull
        size = settle(gradient, rule, z, sign, parts, size)
        if not independent:
            break
        for j in range(len(some)):
            pulls[j] = correlation[some[j]]
            for i in range(size):
                pulls[j] -= matrix[some[j], members[i]] * z[members[i]]
    return size


@njit(**OPTIONS)
def settle(gradient, rule, z, sign, parts, size):
    """See ``Exchange._settle``; ``gradient`` (k,) is changed. How many columns stay."""
    alpha, _, nonnegative = rule
    members, _, _, base = parts
    for _ in range(10 * len(z) + 100):
        if size == 0:
            break
        pull, step = np.empty(size), np.empty(size)
        for i in range(size):
            pull[i] = gradient[i] - alpha * sign[members[i]]
        _inverse_times(base, pull, step)
        fraction, leaving = _line_search(z, step, pull, alpha, nonnegative, members)
        for i in range(size):
            column = members[i]
            z[column] += fraction * step[i]
            gradient[i] -= fraction * pull[i]
        if leaving >= 0:
            size = _leave(leaving, z, sign, parts, size)
            gradient[leaving] = gradient[size]
        for i in range(size):
            if z[members[i]] != 0:
                sign[members[i]] = np.sign(z[members[i]])
        if leaving < 0 and fraction == 1.0:
            break
    return size


@njit(**OPTIONS)
def _line_search(z, step, pull, alpha, nonnegative, members):
    """See ``Exchange._line_search``; a position of −1 is none."""
    curvature, jumps, passed = 0.0, 0.0, -1.0
    at_zero = np.full(len(step), np.inf)
    for i in range(len(step)):
        curvature += step[i] * pull[i]
        now, then = z[members[i]], z[members[i]] + step[i]
        if nonnegative and then < 0:
            at_zero[i] = now / -step[i]
        elif not nonnegative and now != 0 and np.sign(then) != np.sign(now):
            at_zero[i] = now / (now - then)
    while True:
        first = at_zero.argmin() if len(step) else 0
        fraction = at_zero[first]
        if not fraction < np.inf:
            return (1.0 if passed < 0 else min(1.0, 1.0 - jumps / curvature)), -1
        if nonnegative:
            return fraction, first
        before = (fraction - 1.0) * curvature + jumps
        if before >= 0:
            return min(1.0, max(0.0, fraction - before / curvature)), -1
        jumps += 2 * alpha * abs(step[first])
        if (fraction - 1.0) * curvature + jumps >= 0:
            return fraction, first
        at_zero[first], passed = np.inf, fraction


@njit(**OPTIONS)
def _enter(column, to, matrix, z, sign, parts, size):
    """See ``Exchange._enter``: how many columns there are then, and whether it was independent."""
    members, rows, inner, base = parts
    own, along = matrix[column, column], np.empty(len(members))
    rest = _projection(column, own, along, parts, size)
    independent = rest > DEPENDENT * own
    if not independent:
        size = _make_room(column, to, along, z, sign, parts, size)
        rest = _projection(column, own, along, parts, size)
    members[size] = column
    rows[size] = matrix[column]
    for i in range(size):
        inner[size, i] = inner[i, size] = rows[i, column]
        base[size, i] = base[i, size] = 0.0
    inner[size, size], base[size, size], along[size] = own, 0.0, -1.0
    size += 1
    _change(base, along[:size], 1 / max(rest, DEPENDENT * own))
    sign[column] = to
    return size, independent


@njit(**OPTIONS)
def _make_room(column, to, along, z, sign, parts, size):
    """See ``Exchange._exchange``."""
    members = parts[0]
    first, amount = -1, np.inf
    for i in range(size):
        direction = -to * along[i]
        if z[members[i]] * direction < 0 and -z[members[i]] / direction < amount:
            first, amount = i, -z[members[i]] / direction
    if first < 0:
        return size
    for i in range(size):
        z[members[i]] -= amount * to * along[i]
    z[column] = to * amount
    return _leave(first, z, sign, parts, size)


@njit(**OPTIONS)
def _leave(position, z, sign, parts, size):
    """See ``Support.leave``."""
    members, rows, inner, base = parts
    z[members[position]] = sign[members[position]] = 0.0
    pivot = base[:size, position].copy()
    _change(base, pivot, -1 / pivot[position])
    last = size - 1
    members[position] = members[last]
    rows[position] = rows[last]
    for i in range(last):
        inner[position, i], base[position, i] = inner[last, i], base[last, i]
    for i in range(last):
        inner[i, position], base[i, position] = inner[i, last], base[i, last]
    inner[position, position], base[position, position] = inner[last, last], base[last, last]
    return last


@njit(**OPTIONS)
def _projection(column, own, along, parts, size):
    """See ``Support.projection``: fills the coefficients ``along`` (k,); the square of what lies
    outside."""
    _, rows, inner, base = parts
    target = rows[:size, column].copy()
    found = along[:size]
    _inverse_times(base, target, found)
    rest = own
    for i in range(size):
        rest -= found[i] * target[i]
    if rest > CLOSE * own:
        return rest
    left, more = target.copy(), np.empty(size)
    for i in range(size):
        for j in range(size):
            left[i] -= inner[i, j] * found[j]
    _inverse_times(base, left, more)
    rest = own
    for i in range(size):
        rest -= found[i] * (target[i] + left[i])
        found[i] += more[i]
    return rest


@njit(**OPTIONS)
def _inverse_times(base, pull, found):
    found[:] = 0.0
    for i in range(len(pull)):
        if pull[i] != 0:
            row = base[i]
            for j in range(len(pull)):
                found[j] += pull[i] * row[j]


@njit(**OPTIONS)
def _change(base, vector, factor):
    for i in range(len(vector)):
        part, row = factor * vector[i], base[i]
        if part != 0:
            for j in range(len(vector)):
                row[j] += part * vector[j]
