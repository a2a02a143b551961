"""The sweep of a block of pencils in NumPy: the reference, and the fallback where no compiler is
installed.

P pencils see the n samples as plane points q (``qx``, ``qy``, each (P, n)) with the pencil's axis
at the origin; a sample with q = 0 makes no wedge in that pencil. A line through the axis has a
slope; the sweep turns it from slope −∞ to +∞ and keeps A = Σ v_i q_i over the samples on its left,
from which the score of the line is normal·A / ‖w‖ (theory, section 3).
"""

import numpy as np

# Scores this close (relatively) are ties; the lowest sample index wins.
TIE = 1e-10


def sort_pencils(qx: np.ndarray, qy: np.ndarray) -> np.ndarray:
    """The samples of each pencil by the slope of their line, (P, n) of the smallest unsigned type
    that holds n.

    Not argsort: sorting plain integers is five times faster, so each slope gives its lowest bits to
    the sample's index. Lines whose slopes agree to 11 digits may swap; the score changes by as
    little.
    """
    n = qx.shape[1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slopes = np.where(qx == 0, np.inf, qy / qx)
    bits = slopes.view(np.int64)
    keys = bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))
    mask = np.int64((1 << n.bit_length()) - 1)
    keys &= ~mask
    keys |= np.arange(n)
    keys.sort(axis=1)
    keys &= mask
    return keys.astype(index_type(n))


def index_type(n: int) -> type:
    """The unsigned integer type in which sorted sample indices are kept."""
    return np.uint16 if n <= 1 << 16 else np.uint32


def sweep(qx, qy, order, v, to_weights, norm, want_supremum):
    """The best line of each pencil: scores (P,), the sample on it (P,), the supremum between lines
    (P,) and where (P, 2).

    ``order`` (P, n) from ``sort_pencils``; ``v`` (n, K), whose K scores are combined as the root of
    the sum of their squares; ``to_weights`` (P, s, 2) maps a plane normal
    to hidden weights, of which ``norm`` (1 or 2) is taken. Scores are the larger of both faces, in
    absolute value, −inf where a pencil holds no wedge. The supremum (norm 2, s = 2 and one target
    only, else 0) is over every continuous position of the line; it comes with the unit weights that
    reach it, up to sign.
    """
    n = len(v)
    facing = np.where((qx > 0) | ((qx == 0) & (qy > 0)), 1.0, -1.0)
    index = order.astype(np.intp)
    flat = index + np.arange(0, qx.size, n)[:, None]
    ux, uy = np.take(qx * facing, flat, mode="clip"), np.take(qy * facing, flat, mode="clip")
    if v.shape[1] == 1:
        turns = _Turns(qx, qy, ux, uy, v[:, 0], index)
        one_face, other_face = turns.faces(ux, uy)
        scores = np.maximum(
            np.abs(one_face, out=one_face), np.abs(other_face, out=other_face), out=other_face
        )
    else:
        scores = _combined(_Turns(qx, qy, ux, uy, target, index).faces(ux, uy) for target in v.T)
    length = _weight_norms(ux, uy, to_weights, norm)
    empty = length == 0
    length[empty] = 1.0
    scores /= length
    scores[empty] = -np.inf
    best = scores.max(axis=1)
    samples = np.where(scores >= (best - TIE * np.abs(best))[:, None], index, n).min(axis=1)
    if not want_supremum:
        return best, samples, np.zeros(len(best)), np.zeros((len(best), 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(ux == 0, np.inf, uy / ux)
    return best, samples, *_arc_suprema(turns.on_arcs(), slopes, to_weights)


def _combined(targets) -> np.ndarray:
    """The scores (P, n) of several targets, from both faces of each."""
    squares: list = [0.0, 0.0]
    for faces in targets:
        squares = [square + np.square(face, out=face) for square, face in zip(squares, faces)]
    return np.sqrt(np.maximum(*squares))


class _Turns:
    """A of one target while the lines turn: (x, y) of Σ v q over all samples, at the start, and of
    what was turned past.

    ``total`` and ``start`` are (2, P, 1), ``turned`` (2, P, n) in the order of the turn.
    """

    def __init__(self, qx, qy, ux, uy, v, index):
        weight = np.take(v, index, mode="clip")
        self.total = np.stack([qx @ v, qy @ v])[:, :, None]
        self.turned = np.stack([np.cumsum(weight * ux, axis=1), np.cumsum(weight * uy, axis=1)])
        # Before the line turns, the samples that face right are on its left: half of all plus half
        # of the turned ones.
        self.start = (self.total + self.turned[:, :, -1:]) / 2

    def faces(self, ux, uy) -> tuple[np.ndarray, np.ndarray]:
        """normal·A of both faces of every line, (P, n) each."""
        left_x, left_y = self.start - self.turned
        one_face = ux * left_y - uy * left_x
        return one_face, one_face - (ux * self.total[1] - uy * self.total[0])

    def on_arcs(self) -> np.ndarray:
        """A of both faces between the lines, (2, P, 2 (n + 1))."""
        arcs = np.concatenate([self.start, self.start - self.turned], axis=2)
        return np.concatenate([arcs, arcs - self.total], axis=2)


def _weight_norms(ux, uy, to_weights, norm) -> np.ndarray:
    """‖w‖_norm of the weights that belong to the plane normal (−uy, ux), (P, n)."""
    length = np.zeros_like(ux)
    for row in range(to_weights.shape[1]):
        weight = to_weights[:, row, 1, None] * ux
        weight -= to_weights[:, row, 0, None] * uy
        length += np.abs(weight, out=weight) if norm == 1 else np.square(weight, out=weight)
    return length if norm == 1 else np.sqrt(length, out=length)


def _arc_suprema(arcs, slopes, to_weights) -> tuple[np.ndarray, np.ndarray]:
    """The largest |score| of a line strictly between two neighbouring samples' lines, (P,), and its
    unit weights (P, 2).

    Inside an arc the score is linear in the unit weights with one vector A, so it is largest, ‖A‖,
    where the weights point along A; that counts where this line lies in the arc. The upright line,
    where the turn begins and ends, may hold no sample, so it is looked at for itself. ``arcs``
    holds A for the n + 1 arcs of one face, then of the other, (2, P, 2n + 2); ``slopes`` is (P, n).
    """
    scale_x, scale_y = 1 / to_weights[:, 0, 0, None], 1 / to_weights[:, 1, 1, None]
    ax, ay = scale_x * arcs[0], scale_y * arcs[1]
    edge = np.full((len(slopes), 1), np.inf)
    below, above = np.hstack([-edge, slopes]), np.hstack([slopes, edge])
    with np.errstate(divide="ignore", invalid="ignore"):
        best_slope = -(scale_x * ax) / (scale_y * ay)
    inside = (best_slope >= np.hstack([below, below])) & (best_slope <= np.hstack([above, above]))
    upright = ax[:, [0, slopes.shape[1] + 1]]
    heights = np.hstack([np.where(inside, np.hypot(ax, ay), 0.0), np.abs(upright)])
    ax, ay = np.hstack([ax, upright]), np.hstack([ay, np.zeros_like(upright)])
    top = heights.argmax(axis=1)[:, None]
    suprema = np.take_along_axis(heights, top, axis=1)
    weights = np.hstack([np.take_along_axis(part, top, axis=1) for part in (ax, ay)])
    return suprema[:, 0], weights / np.where(suprema > 0, np.hypot(*weights.T)[:, None], 1.0)
