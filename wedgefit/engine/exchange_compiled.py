"""The two inner steps of ``exchange``, compiled by numba: with few columns in use NumPy takes
longer to be asked than to compute.

The inverse is changed at once here, instead of many changes together. All is written as loops over
numbers in arrays that are there, which take a fraction of the time to compile that slices take.
"""

import numpy as np
from numba import njit

from wedgefit.engine.support import CLOSE, DEPENDENT

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
# The vectors (k,) that live through a step, as rows of the support's space for them.
GRADIENT, PULL, STEP, ALONG, TARGET, MORE, ZERO_AT = range(7)
VECTORS = 7


@njit(**OPTIONS)
def exchange_among(some, pulls, matrix, correlation, rule, z, sign, parts, size):
    """See ``Exchange._exchange_among``: ``pulls`` (j,) are the gradient of ``some`` columns (j,),
    and are changed; ``rule`` holds alpha, the violation that is none, and whether coefficients are
    nonnegative; ``parts`` are the arrays of the support. How many columns it then has."""
    alpha, most, nonnegative = rule
    members, vectors = parts[0], parts[4]
    for _ in range(2 * len(some)):
        worst, largest = 0, 0.0
        for j in range(len(some)):
            ahead = pulls[j] if nonnegative else abs(pulls[j])
            if sign[some[j]] == 0 and ahead > largest:
                worst, largest = j, ahead
        if largest <= most:
            break
        pull = pulls[worst]
        to = 1.0 if pull > 0 else -1.0
        size, independent = _enter(some[worst], to, matrix, z, sign, parts, size)
        for i in range(size):
            vectors[GRADIENT, i] = alpha * sign[members[i]]
        vectors[GRADIENT, size - 1] = pull
        size = settle(rule, z, sign, parts, size)
        if not independent:
            break
        for j in range(len(some)):
            left = correlation[some[j]]
            for i in range(size):
                left -= matrix[some[j], members[i]] * z[members[i]]
            pulls[j] = left
    return size


@njit(**OPTIONS)
def settle(rule, z, sign, parts, size):
    """See ``Exchange._settle``; the gradient of the support stands in its space, and is changed.
    How many columns stay."""
    alpha, _, nonnegative = rule
    members, _, _, base, vectors = parts
    for _ in range(10 * len(z) + 100):
        if size == 0:
            break
        for i in range(size):
            vectors[PULL, i] = vectors[GRADIENT, i] - alpha * sign[members[i]]
        _inverse_times(base, vectors, PULL, STEP, size)
        fraction, leaving = _line_search(z, members, vectors, alpha, nonnegative, size)
        for i in range(size):
            z[members[i]] += fraction * vectors[STEP, i]
            vectors[GRADIENT, i] -= fraction * vectors[PULL, i]
        if leaving >= 0:
            size = _leave(leaving, z, sign, parts, size)
            vectors[GRADIENT, leaving] = vectors[GRADIENT, size]
        for i in range(size):
            if z[members[i]] != 0:
                sign[members[i]] = 1.0 if z[members[i]] > 0 else -1.0
        if leaving < 0 and fraction == 1.0:
            break
    return size


@njit(**OPTIONS)
def _line_search(z, members, vectors, alpha, nonnegative, size):
    """See ``Exchange._line_search``; a position of −1 is none."""
    curvature, jumps, passed = 0.0, 0.0, False
    for i in range(size):
        step, now = vectors[STEP, i], z[members[i]]
        curvature += step * vectors[PULL, i]
        crosses = now + step <= 0 if now > 0 else now < 0 and now + step >= 0
        if nonnegative:
            crosses = now + step < 0
        vectors[ZERO_AT, i] = now / -step if crosses else np.inf
    while True:
        first, fraction = -1, np.inf
        for i in range(size):
            if vectors[ZERO_AT, i] < fraction:
                first, fraction = i, vectors[ZERO_AT, i]
        if first < 0:
            return (min(1.0, 1.0 - jumps / curvature) if passed else 1.0), -1
        if nonnegative:
            return fraction, first
        before = (fraction - 1.0) * curvature + jumps
        if before >= 0:
            return min(1.0, max(0.0, fraction - before / curvature)), -1
        jumps += 2 * alpha * abs(vectors[STEP, first])
        if (fraction - 1.0) * curvature + jumps >= 0:
            return fraction, first
        vectors[ZERO_AT, first], passed = np.inf, True


@njit(**OPTIONS)
def _enter(column, to, matrix, z, sign, parts, size):
    """See ``Exchange._enter``: how many columns there are then, and whether it was independent."""
    members, rows, inner, base, vectors = parts
    own = matrix[column, column]
    rest = _projection(column, own, parts, size)
    independent = rest > DEPENDENT * own
    if not independent:
        size = _make_room(column, to, z, sign, parts, size)
        rest = _projection(column, own, parts, size)
    members[size] = column
    for j in range(len(matrix)):
        rows[size, j] = matrix[column, j]
    for i in range(size):
        inner[size, i] = inner[i, size] = rows[i, column]
        base[size, i] = base[i, size] = 0.0
    inner[size, size], base[size, size], vectors[ALONG, size] = own, 0.0, -1.0
    size += 1
    _change(base, vectors, ALONG, 1 / max(rest, DEPENDENT * own), size)
    sign[column] = to
    return size, independent


@njit(**OPTIONS)
def _make_room(column, to, z, sign, parts, size):
    """See ``Exchange._exchange``."""
    members, vectors = parts[0], parts[4]
    first, amount = -1, np.inf
    for i in range(size):
        direction = -to * vectors[ALONG, i]
        if z[members[i]] * direction < 0 and -z[members[i]] / direction < amount:
            first, amount = i, -z[members[i]] / direction
    if first < 0:
        return size
    for i in range(size):
        z[members[i]] -= amount * to * vectors[ALONG, i]
    z[column] = to * amount
    return _leave(first, z, sign, parts, size)


@njit(**OPTIONS)
def _leave(position, z, sign, parts, size):
    """See ``Support.leave``."""
    members, rows, inner, base, vectors = parts
    z[members[position]] = sign[members[position]] = 0.0
    for i in range(size):
        vectors[TARGET, i] = base[position, i]
    _change(base, vectors, TARGET, -1 / vectors[TARGET, position], size)
    last = size - 1
    members[position] = members[last]
    for j in range(rows.shape[1]):
        rows[position, j] = rows[last, j]
    for i in range(last):
        inner[position, i], base[position, i] = inner[last, i], base[last, i]
    for i in range(last):
        inner[i, position], base[i, position] = inner[i, last], base[i, last]
    inner[position, position], base[position, position] = inner[last, last], base[last, last]
    return last


@njit(**OPTIONS)
def _projection(column, own, parts, size):
    """See ``Support.projection``: the square of what lies outside, and where the coefficients
    stand, those ``ALONG`` the support."""
    _, rows, inner, base, vectors = parts
    for i in range(size):
        vectors[TARGET, i] = rows[i, column]
    _inverse_times(base, vectors, TARGET, ALONG, size)
    rest = own
    for i in range(size):
        rest -= vectors[ALONG, i] * vectors[TARGET, i]
    if rest > CLOSE * own:
        return rest
    rest = own
    for i in range(size):
        left = vectors[TARGET, i]
        for j in range(size):
            left -= inner[i, j] * vectors[ALONG, j]
        vectors[PULL, i] = left
        rest -= vectors[ALONG, i] * (vectors[TARGET, i] + left)
    _inverse_times(base, vectors, PULL, MORE, size)
    for i in range(size):
        vectors[ALONG, i] += vectors[MORE, i]
    return rest


@njit(**OPTIONS)
def _inverse_times(base, vectors, given, found, size):
    """The inverse (symmetric) times one of the vectors, into another."""
    for j in range(size):
        vectors[found, j] = 0.0
    for i in range(size):
        part = vectors[given, i]
        if part != 0:
            for j in range(size):
                vectors[found, j] += part * base[i, j]


@njit(**OPTIONS)
def _change(base, vectors, given, factor, size):
    """See ``Support._change``."""
    for i in range(size):
        part = factor * vectors[given, i]
        if part != 0:
            for j in range(size):
                base[i, j] += part * vectors[given, j]
