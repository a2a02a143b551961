"""The slow twins: every definition of the theory, written so that one look shows that it is right.

Nothing here is imported from wedgefit. A wedge is a tuple ``(columns, samples, w, b)``: ``columns``
and ``samples`` are increasing tuples of indices, ``w`` (d,) the normal with ‖w‖_p = 1 and zero
outside ``columns``, ``b`` the bias.
"""

import csv
import json
from itertools import combinations
from math import cos, inf, pi, sin
from pathlib import Path

import clarabel
import numpy as np
from scipy import sparse

CASES = Path(__file__).parent / "cases"


def reference_cases():
    """The records of ``cases/expected.json``: small problems with their optima from an independent
    conic solver."""
    return json.loads((CASES / "expected.json").read_text())


def further_cases(*losses):
    """The records of ``cases/losses/expected.json`` for these losses, without shapes."""
    records = json.loads((CASES / "losses" / "expected.json").read_text())
    return [one for one in records if one["loss"] in losses and "increasing" not in one]


def shaped_cases():
    """The records of ``cases/losses/expected.json`` of networks that increase in a column."""
    records = json.loads((CASES / "losses" / "expected.json").read_text())
    return [one for one in records if "increasing" in one]


def load_further_case(record):
    """X (n, d), the target (n,), of classes their numbers from 0, and the exposure (n,), or None,
    of such a record."""
    with open(CASES / "losses" / record["file"], newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.unique([row[record["target"]] for row in rows], return_inverse=True)[1]
    column = lambda name: np.array([float(row[name]) for row in rows])
    X = np.column_stack([column(name) for name in rows[0] if name.startswith("x")])
    exposure = column(record["exposure"]) if "exposure" in record else None
    target = labels if record["loss"] == "softmax" else column(record["target"])
    return X, target, exposure


def told_of(record):
    """What the command line is told of such a record, beside its file."""
    with open(CASES / "losses" / record["file"], newline="") as file:
        names = [name for name in next(csv.reader(file)) if name.startswith("x")]
    told = [part for name in names for part in ("--keep", name)]
    told += ["--target", record["target"], "--loss", record["loss"], "--no-standardize"]
    told += ["--order", min(record["order"], len(names)), "--alpha", record["alpha"]]
    for name in ("huber_delta", "quantile", "exposure", "increasing"):
        if name in record:
            told += [f"--{name.replace('_', '-')}", record[name]]
    return list(map(str, told))


def load_case(record):
    """X (n, d) and the target (n,) of a record, as they stand in the file."""
    with open(CASES / record["file"], newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name not in ("y", "label")]
    X = np.array([[float(row[name]) for name in features] for row in rows])
    return X, np.array([float(row[record["target"]]) for row in rows])


# The dictionary (theory, section 2)


def orders_of(order, norm, d):
    """The orders that ``order`` ("full" or an integer) stands for: 1..order, but only d for norm 2
    with "full"."""
    if order == "full" and norm == 2:
        return [d]
    return list(range(1, (d if order == "full" else min(order, d)) + 1))


def enumerate_wedges(X, orders, norm, bias):
    """All wedges in canonical order: by order, columns, samples, then the sign + before −.

    X (n, d). Order s takes s samples, or s − 1 and the origin without biases. Degenerate sets are
    left out: with columns divided by their range (which includes the origin if that is a point),
    the largest singular value of the differences is at most 1e-12, or the smallest at most 1e-9 of
    the largest. The sign + has the first non-zero component of w positive, where up to 1e-12 of the
    largest counts as zero.
    """
    n, d = X.shape
    points = X if bias else np.vstack([X, np.zeros(d)])
    extent = np.ptp(points, axis=0)
    extent = np.where(extent > 0, extent, 1.0)
    for s in orders:
        for columns in combinations(range(d), s):
            for samples in combinations(range(n), s if bias else s - 1):
                S = list(columns)
                corner = X[samples[0]] if bias else np.zeros(d)
                others = list(samples[1:] if bias else samples)
                differences = (X[others] - corner)[:, S]
                if degenerate(differences / extent[S]):
                    continue
                normal = cross_product(differences)
                leading = next(c for c in normal if abs(c) > 1e-12 * max(abs(normal)))
                normal = normal * np.sign(leading) / np.linalg.norm(normal, norm)
                w = np.zeros(d)
                w[S] = normal
                b = -float(w @ corner)
                yield columns, samples, w, b
                yield columns, samples, -w, -b


def degenerate(differences):
    """Whether s − 1 scaled differences (s − 1, s) are all as good as zero, or dependent."""
    if len(differences) == 0:
        return False
    values = np.linalg.svd(differences, compute_uv=False)
    return values[0] <= 1e-12 or values[-1] <= 1e-9 * values[0]


def cross_product(differences):
    """The vector (s,) orthogonal to s − 1 vectors (s − 1, s) whose length is the volume they span,
    by minors."""
    s = differences.shape[1]
    return np.array(
        [(-1) ** k * np.linalg.det(np.delete(differences, k, axis=1)) for k in range(s)]
    )


def dictionary_size(n, d, orders, bias):
    """The number of wedges before degenerate ones are left out, by counting."""
    count = 0
    for s in orders:
        for _ in combinations(range(d), s):
            for _ in combinations(range(n), s if bias else s - 1):
                count += 2
    return count


def hinge_matrix(X, wedges):
    """K (n, m): the hinge (x·w + b)_+ of every row and wedge."""
    K = np.zeros((len(X), len(wedges)))
    for j, (_, _, w, b) in enumerate(wedges):
        K[:, j] = np.maximum(X @ w + b, 0)
    return K


def scores(v, K):
    """vᵀK (m,), signed."""
    return v @ K


def best_wedge(X, v, orders, norm, bias):
    """``(index, score, columns, samples, w, b)`` of the first wedge with the largest |score|, up to
    1e-10 of it."""
    wedges = list(enumerate_wedges(X, orders, norm, bias))
    values = scores(v, hinge_matrix(X, wedges))
    sizes = np.abs(values)
    index = int(np.flatnonzero(sizes >= (1 - 1e-10) * sizes.max())[0])
    return index, float(values[index]), *wedges[index]


# The optimum on a given dictionary, by a generic conic solver


def lasso_optimum(K, y, alpha, intercept, weights=None, shape=None):
    """``(objective, z (m,), t)`` that minimise ½ Σ weights (Kz + 1t − y)² + α‖z‖₁; t = 0 without
    intercept. ``shape`` (k, m): every row times z is to be zero or more.

    K (n, m), y (n,), weights (n,), by default 1/n each. The unknowns are z⁺, z⁻ ≥ 0, t and the
    residual r = Kz + 1t − y.
    """
    n, m = K.shape
    weights = np.full(n, 1 / n) if weights is None else weights
    ones = np.full((n, 1), float(intercept))
    quadratic = sparse.block_diag(
        [sparse.csc_matrix((2 * m + 1, 2 * m + 1)), sparse.diags(weights)], format="csc"
    )
    linear = np.concatenate([np.full(2 * m, alpha), np.zeros(1 + n)])
    residual_is = np.hstack([K, -K, ones, -np.eye(n)])
    x = conic_optimum(quadratic, linear, [
        (residual_is, y, clarabel.ZeroConeT(n)),
        (-np.eye(2 * m, 2 * m + 1 + n), np.zeros(2 * m), clarabel.NonnegativeConeT(2 * m)),
        *in_shape(shape, 2 * m + 1 + n),
    ])  # fmt: skip
    z, t = x[:m] - x[m : 2 * m], float(x[2 * m]) if intercept else 0.0
    return float(np.sum(weights * (K @ z + t - y) ** 2) / 2 + alpha * np.sum(np.abs(z))), z, t


def logistic_lasso_optimum(K, y, alpha, intercept, weights=None, shape=None):
    """``(objective, z (m,), t)`` that minimise Σ weights_i ln(1 + exp(−y_i (Kz + 1t)_i)) + α‖z‖₁; t
    = 0 without intercept.

    K (n, m), labels y (n,) ±1, weights (n,), by default 1/n each. The unknowns are z⁺, z⁻ ≥ 0, t,
    the losses u and p, q with p ≥ exp(−u), q ≥ exp(−y·f − u), p + q ≤ 1.
    """
    n, m = K.shape
    weights = np.full(n, 1 / n) if weights is None else weights
    eye, none = np.eye(n), np.zeros((n, n))
    margin = y[:, None] * np.hstack([K, -K, np.full((n, 1), float(intercept))])
    size = 2 * m + 1 + 3 * n
    nothing = np.zeros_like(margin)
    linear = np.concatenate([np.full(2 * m, alpha), np.zeros(1), weights, np.zeros(2 * n)])

    def exponentials(exponent, bound):
        """Rows for n cones (−exponent, 1, bound), interleaved."""
        rows = np.stack([exponent, np.zeros((n, size)), -bound], axis=1).reshape(3 * n, size)
        return rows, np.tile([0.0, 1.0, 0.0], n), *[clarabel.ExponentialConeT()] * n

    x = conic_optimum(sparse.csc_matrix((size, size)), linear, [
        (-np.eye(2 * m, size), np.zeros(2 * m), clarabel.NonnegativeConeT(2 * m)),
        *in_shape(shape, size),
        (np.hstack([nothing, none, eye, eye]), np.ones(n), clarabel.NonnegativeConeT(n)),
        exponentials(np.hstack([nothing, eye, none, none]), np.hstack([nothing, none, eye, none])),
        exponentials(np.hstack([margin, eye, none, none]), np.hstack([nothing, none, none, eye])),
    ])  # fmt: skip
    z, t = x[:m] - x[m : 2 * m], float(x[2 * m]) if intercept else 0.0
    return float(weights @ np.logaddexp(0, -y * (K @ z + t)) + alpha * np.sum(np.abs(z))), z, t


def further_lasso_optimum(K, y, alpha, intercept, weights, name, parameter=None, shape=None):
    """``(objective, z (m,), t)`` that minimise Σ weights φ(y, Kz + 1t) + α‖z‖₁ for the losses
    "huber" and "quantile", with their parameter, "poisson" and "gamma"; t = 0 without intercept.

    K (n, m), y (n,), weights (n,). The unknowns are z⁺, z⁻ ≥ 0, t and per row p, q: residual = p −
    q with p, q ≥ 0 for a quantile; residual = p + q with p squared for Huber, and a third one for
    |q|; an exponential p for the others.
    """
    n, m = K.shape
    eye, none, size = np.eye(n), np.zeros((n, n)), 2 * m + 1 + 3 * n
    output = np.hstack([K, -K, np.full((n, 1), float(intercept)), none, none, none])
    blank = np.zeros((n, 2 * m + 1))
    p, q, r = (
        np.hstack([blank, *[eye if k == which else none for k in range(3)]]) for which in range(3)
    )
    linear, square = np.zeros(size), np.zeros(size)
    linear[: 2 * m] = alpha
    positive = lambda *parts: (
        -np.vstack(parts),
        np.zeros(sum(map(len, parts))),
        clarabel.NonnegativeConeT(sum(map(len, parts))),
    )
    blocks = [positive(np.eye(2 * m, size)), *in_shape(shape, size)]
    if name == "huber":
        square[2 * m + 1 : 2 * m + 1 + n] = weights
        linear += parameter * weights @ r
        blocks += [(output + p + q, y, clarabel.ZeroConeT(n)), positive(r - q, r + q)]
    elif name == "quantile":
        linear += parameter * weights @ p + (1 - parameter) * weights @ q
        blocks += [(output + p - q, y, clarabel.ZeroConeT(n)), positive(p, q)]
    else:
        side = 1 if name == "poisson" else -1
        linear += (
            (weights @ p - (weights * y) @ output)
            if side > 0
            else ((weights * y) @ p + weights @ output)
        )
        rows = np.stack([-side * output, np.zeros((n, size)), -p], axis=1).reshape(3 * n, size)
        right = np.tile([0.0, 1.0, 0.0], n)
        blocks.append((rows, right, *[clarabel.ExponentialConeT()] * n))
    # Unknowns that a loss does not use are kept from running away.
    unused = {"huber": [], "quantile": [r], "poisson": [q, r], "gamma": [q, r]}[name]
    blocks += [(part, np.zeros(n), clarabel.ZeroConeT(n)) for part in unused]
    x = conic_optimum(sparse.diags(square, format="csc"), linear, blocks)
    z, t = x[:m] - x[m : 2 * m], float(x[2 * m]) if intercept else 0.0
    loss = float(weights @ row_losses(name, y, K @ z + t, parameter))
    return loss + alpha * float(np.abs(z).sum()), z, t


def softmax_lasso_optimum(K, labels, alpha, intercept, weights):
    """``(objective, z (m, C), t (C,))`` that minimise Σ weights (ln Σ_c exp f_c − f_label) + α
    Σ_j ‖z_j‖₂ with f = Kz + 1t; t = 0 without intercept.

    K (n, m), labels (n,) from 0 to C − 1, weights (n,). The unknowns are z (C blocks), t, the norms
    q, the losses u, and p with p_ic ≥ exp(f_ic − f_label − u_i), Σ_c p_ic ≤ 1.
    """
    (n, m), count = K.shape, int(labels.max()) + 1
    width = (m + 1) * count
    size = width + m + n + n * count
    outputs = np.zeros((count, n, size))
    for c in range(count):
        outputs[c, :, c * m : (c + 1) * m] = K
        outputs[c, :, count * m + c] = float(intercept)
    losses, p = np.zeros((n, size)), np.zeros((count, n, size))
    losses[:, width + m : width + m + n] = np.eye(n)
    for c in range(count):
        start = width + m + n + c * n
        p[c, :, start : start + n] = np.eye(n)
    linear = np.zeros(size)
    linear[width : width + m] = alpha
    linear[width + m : width + m + n] = weights
    true = outputs[labels, np.arange(n)]
    blocks = [(p.sum(axis=0), np.ones(n), clarabel.NonnegativeConeT(n))]
    for c in range(count):
        exponent = outputs[c] - true - losses
        rows = np.stack([-exponent, np.zeros((n, size)), -p[c]], axis=1).reshape(3 * n, size)
        right = np.tile([0.0, 1.0, 0.0], n)
        blocks.append((rows, right, *[clarabel.ExponentialConeT()] * n))
    for j in range(m):
        rows = np.zeros((1 + count, size))
        rows[0, width + j] = -1.0
        rows[np.arange(1, 1 + count), np.arange(count) * m + j] = -1.0
        blocks.append((rows, np.zeros(1 + count), clarabel.SecondOrderConeT(1 + count)))
    # The same added to every output changes nothing: biases are kept from running away, one by one
    # where there are none.
    pinned = np.ones((1, count)) if intercept else np.eye(count)
    rows = np.zeros((len(pinned), size))
    rows[:, count * m : width] = pinned
    blocks.append((rows, np.zeros(len(pinned)), clarabel.ZeroConeT(len(pinned))))
    # Three kinds of cones at once: there is no progress to more digits now and then.
    x = conic_optimum(sparse.csc_matrix((size, size)), linear, blocks, tolerance=1e-9)
    z, t = x[: count * m].reshape(count, m).T, x[count * m : width] * float(intercept)
    f = K @ z + t
    beside = np.logaddexp.reduce(f - f[np.arange(n), labels][:, None], axis=1)
    return float(weights @ beside + alpha * np.linalg.norm(z, axis=1).sum()), z, t


def group_lasso_optimum(K, Y, alpha, intercept, weights):
    """The optimum of ½ Σ weights ‖Kz + t − Y‖² + α Σ_j ‖z_j‖₂; t = 0 without intercept.

    K (n, m), Y (n, T), weights (n,). The unknowns are z (m, T) row by row, t (T,), the residuals r
    (n, T) row by row and the norms u (m,).
    """
    (n, m), T = K.shape, Y.shape[1]
    size = m * T + T + n * T + m
    quadratic = sparse.diags(
        np.concatenate([np.zeros(m * T + T), np.repeat(weights, T), np.zeros(m)])
    ).tocsc()
    linear = np.concatenate([np.zeros(m * T + T + n * T), np.full(m, alpha)])
    residual_is = np.hstack(
        [
            np.kron(K, np.eye(T)),
            float(intercept) * np.kron(np.ones((n, 1)), np.eye(T)),
            -np.eye(n * T),
            np.zeros((n * T, m)),
        ]
    )
    cones = np.zeros((m * (T + 1), size))
    for j in range(m):
        cones[j * (T + 1), size - m + j] = -1
        cones[np.arange(T) + j * (T + 1) + 1, np.arange(T) + j * T] = -1
    x = conic_optimum(quadratic, linear, [
        (residual_is, Y.ravel(), clarabel.ZeroConeT(n * T)),
        (cones, np.zeros(len(cones)), *[clarabel.SecondOrderConeT(T + 1)] * m),
    ])  # fmt: skip
    z, t = x[: m * T].reshape(m, T), x[m * T : m * T + T] * intercept
    loss = 0.5 * float(weights @ np.sum((K @ z + t - Y) ** 2, axis=1))
    return loss + alpha * float(np.linalg.norm(z, axis=1).sum())


def row_losses(name, y, f, parameter=None):
    """φ of each row, (n,), by its definition."""
    away = np.abs(y - f)
    if name == "huber":
        inside = away <= parameter
        return np.where(inside, away**2 / 2, parameter * away - parameter**2 / 2)
    if name == "quantile":
        return np.maximum(parameter * (y - f), (parameter - 1) * (y - f))
    return np.exp(f) - y * f if name == "poisson" else y * np.exp(-f) + f


def in_shape(shape, size):
    """The block of shape (z⁺ − z⁻) ≥ 0, (k, m), where z⁺ and z⁻ are the first of so many unknowns;
    none without a shape."""
    if shape is None or not len(shape):
        return []
    rest = np.zeros((len(shape), size - 2 * shape.shape[1]))
    blocks = np.hstack([-shape, shape, rest]), np.zeros(len(shape))
    return [(*blocks, clarabel.NonnegativeConeT(len(shape)))]


def slopes_and_bends(wedges, X, shapes):
    """What must not be negative in a network of these wedges (m of ``enumerate_wedges``) for its
    ``shapes`` (d, 2) to hold on the rows of X: rows (k, m) to be multiplied by its coefficients.

    Along each direction up to its sign, in which hinges are functions of one number: of the slopes
    between neighbouring rows those that are to rise or to fall, and of the bends at inner rows
    those up or down.
    """
    rows, along = [], {}
    for i, (_, _, w, b) in enumerate(wedges):
        lead = w[np.flatnonzero(np.abs(w) > 1e-12)[0]]
        key = tuple(np.round(w * np.sign(lead), 9) + 0.0)
        along.setdefault(key, []).append((i, np.sign(lead), b))
    for key, hinges in along.items():
        direction = np.array(key)
        heights = X @ direction
        places = np.unique(np.round(heights, 9))
        slopes = np.zeros((len(places) - 1, len(wedges)))
        for i, facing, b in hinges:
            for p, middle in enumerate((places[1:] + places[:-1]) / 2):
                slopes[p, i] = facing * (facing * middle + b > 0)
        for j in np.flatnonzero(np.abs(direction) > 1e-12):
            way, bend = shapes[j]
            rows += [way * np.sign(direction[j]) * slopes] if way else []
            rows += [bend * np.diff(slopes, axis=0)] if bend else []
    return np.concatenate(rows) if rows else np.zeros((0, len(wedges)))


def conic_optimum(quadratic, linear, blocks, tolerance=1e-11):
    """The x that minimises xᵀPx/2 + qᵀx with every ``right − left x`` in its cones; blocks are
    (left, right, *cones)."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
        setattr(settings, name, tolerance)
        setattr(settings, "reduced_" + name, 100 * tolerance)
    left = sparse.csc_matrix(np.vstack([block[0] for block in blocks]))
    right = np.concatenate([block[1] for block in blocks])
    cones = [cone for block in blocks for cone in block[2:]]
    solution = clarabel.DefaultSolver(quadratic, linear, left, right, cones, settings).solve()
    if str(solution.status) not in ("Solved", "AlmostSolved"):
        raise ArithmeticError(f"Clarabel: {solution.status}")
    return np.array(solution.x)


# Networks (theory, section 1)


def network_forward(layers, x):
    """The output (outputs,) for one row x (inputs,).

    ``layers`` is a list of ``(W (inputs, outputs), b (outputs,))``, with a ReLU after every layer
    but the last.
    """
    values = [float(value) for value in x]
    for depth, (W, b) in enumerate(layers):
        after = []
        for j in range(len(b)):
            total = float(b[j])
            for i in range(len(values)):
                total += values[i] * float(W[i][j])
            after.append(total if depth == len(layers) - 1 else max(total, 0.0))
        values = after
    return np.array(values)


def path_norm(network, norm):
    """Σ_j ‖a_j‖₂ (Σ over the paths from an input to unit j of Π |weight|^p)^(1/p) over the last
    hidden layer's units j.

    a_j are unit j's outgoing weights, p is ``norm``; for one output and p = 1 it is the sum over
    all paths from input to output of the product of their absolute weights. Biases are free. It
    does not change when a unit's incoming weights and bias are multiplied and its outgoing weights
    divided by the same positive number; with unit neurons it is ‖z‖₁.
    """
    *hidden, (outer, _) = network.layers
    reach = np.ones(len(network.layers[0][0]))
    for weights, _ in hidden:
        reach = reach @ np.abs(weights) ** norm
    return float(reach ** (1 / norm) @ np.linalg.norm(outer, axis=1))


def network_objective(layers, X, y, alpha, norm):
    """‖f(X) − y‖²/(2n) + (α/2) Σ_j (‖w_j‖_p² + a_j²) of a two-layer network with one output."""
    (W, _), (a, _) = layers
    loss = 0.0
    for row, target in zip(X, y, strict=True):
        loss += (network_forward(layers, row)[0] - target) ** 2 / (2 * len(y))
    penalty = 0.0
    for j in range(W.shape[1]):
        length = sum(abs(weight) ** norm for weight in W[:, j]) ** (1 / norm)
        penalty += alpha / 2 * (length**2 + a[j, 0] ** 2)
    return float(loss + penalty)


def continuous_supremum_2d(X, v, bias, norm, directions=4000):
    """The supremum of |vᵀ(Xw + 1b)_+| over all ‖w‖_p = 1 and all b (b = 0 without biases), X (n,
    2).

    Evenly spaced directions and those of all chamber boundaries; for each one the offsets through
    every sample, between which the value is linear in b. Beyond them its slope is 1ᵀv: unless that
    is zero, the supremum is infinite. The result is a lower bound, exact for norm 1 and to about
    3e-7 of its value for norm 2.
    """
    if bias and abs(np.sum(v)) > 1e-9 * np.sum(np.abs(v)):
        return inf
    around = [(cos(angle), sin(angle)) for angle in np.arange(directions) * 2 * pi / directions]
    corners = [(1.0, 0.0), (0.0, 1.0)]
    for p, q in combinations(X, 2) if bias else [(x, np.zeros(2)) for x in X]:
        corners.append((p[1] - q[1], q[0] - p[0]))
    largest = 0.0
    for w in around + corners + [(-first, -second) for first, second in corners]:
        length = np.linalg.norm(w, norm)
        if length > 0:
            heights = X @ w / length
            offsets = -heights if bias else np.zeros(1)
            values = v @ np.maximum(heights[:, None] + offsets, 0)
            largest = max(largest, float(np.max(np.abs(values))))
    return largest
