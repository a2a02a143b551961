"""Wedges: hyperplanes through training samples, and the hinges that they carry.

A wedge of order s reads s columns and passes through s samples (s − 1 samples and the origin
without hidden biases). Its normal is the generalised cross product of the samples' differences,
unique up to sign (theory, section 2).
"""

from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np

# Samples closer than this (columns scaled to a range of about one) count as coincident.
COINCIDENT = 1e-12
# Differences whose smallest and largest singular values have a ratio below this count as dependent.
DEPENDENT = 1e-9
# Rows of hinge values are made in chunks of about this many numbers (8 MB), so that no n × m matrix
# is ever needed.
CHUNK = 1_000_000


@dataclass(frozen=True)
class Wedges:
    """m oriented hyperplanes w·x + b, each normalised to ‖w‖_p = 1.

    ``columns`` and ``samples`` are (m, s) integers, columns ascending, then −1 up to the largest
    order present; ``normals`` is (m, d) and ``offsets`` (m,), in the units of the matrix the
    samples were taken from. A refined neuron (norm 2) is kept in the same form: it reads its
    columns but passes through one sample only. ``nonnegative``: whether no coefficient of units of
    this kind may be negative.
    """

    nonnegative: ClassVar[bool] = False

    columns: np.ndarray
    samples: np.ndarray
    normals: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets)

    @classmethod
    def none(cls, width: int, order: int) -> "Wedges":
        """No wedge yet, over ``width`` columns, with room for ``order`` samples each."""
        blank = np.empty((0, order), dtype=np.int64)
        return cls(blank, blank, np.empty((0, width)), np.empty(0))

    @property
    def orders(self) -> np.ndarray:
        """How many columns each wedge may read, (m,)."""
        return (self.columns >= 0).sum(axis=1)

    @property
    def reads(self) -> np.ndarray:
        """Which columns each wedge may read, (m, d)."""
        return (self.columns[:, :, None] == np.arange(self.normals.shape[1])).any(axis=1)

    def take(self, which) -> Self:
        """The wedges at the given positions or under a mask."""
        return type(self)(*(getattr(self, field.name)[which] for field in fields(self)))

    def flipped(self, signs: np.ndarray) -> Self:
        """The same hyperplanes, those with sign −1 facing the other way."""
        return replace(self, normals=self.normals * signs[:, None], offsets=self.offsets * signs)

    def joined_with(self, other: "Wedges") -> Self:
        """These wedges, then the others (of the same width and room)."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))

    def keys(self) -> list[tuple]:
        """One hashable identity per wedge: the samples it passes through and its normal to ten
        digits."""
        rounded = np.round(self.normals, 10) + 0.0
        return [
            (samples.tobytes(), normal.tobytes()) for samples, normal in zip(self.samples, rounded)
        ]

    def as_hinges(self, coefficients: np.ndarray) -> tuple["Wedges", np.ndarray]:
        """The network of these units by coefficients (m, K) as one of plain hinges, which costs no
        more."""
        return self, coefficients

    def hinges(self, X: np.ndarray) -> np.ndarray:
        """max(X w + b, 0), (rows, m)."""
        heights = X @ self.normals.T
        heights += self.offsets
        return np.maximum(heights, 0.0, out=heights)

    def combine(self, X: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """The sums (n, K) of all hinges on the rows of X (n, d) by coefficients (m, K), without the
        n × m matrix in memory."""
        total = np.empty((len(X), coefficients.shape[1]))
        for rows in row_chunks(len(X), len(self)):
            total[rows] = self.hinges(X[rows]) @ coefficients
        return total


@dataclass(frozen=True, eq=False)
class Hyperplanes:
    """m hyperplanes by the ``columns`` that they may read and the ``samples`` that they pass
    through, (m, s), −1 where there are fewer; ``faces`` (m,): 1 where the first non-zero weight is
    positive, else −1. Whatever scales the columns, they are the same."""

    columns: np.ndarray
    samples: np.ndarray
    faces: np.ndarray

    @classmethod
    def of(cls, wedges: Wedges, rows: np.ndarray) -> "Hyperplanes":
        """Those of wedges in a part of the samples, which these ``rows`` are of all."""
        samples = np.where(wedges.samples >= 0, rows[wedges.samples], -1)
        faces = _leading_sign(wedges.normals) if len(wedges) else np.empty(0)
        return cls(wedges.columns, samples, faces)


def row_chunks(rows: int, width: int) -> list[slice]:
    """Slices of the rows such that rows × width stays near ``CHUNK`` numbers."""
    step = max(64, CHUNK // max(width, 1))
    return [slice(start, start + step) for start in range(0, rows, step)]


def column_scales(X: np.ndarray, bias: bool) -> np.ndarray:
    """A power of two near each column's range, (d,): dividing by it is exact and makes degeneracy a
    relative matter.

    Without hidden biases the origin is one of the samples, so it belongs to the range.
    """
    points = X if bias else np.vstack([X, np.zeros(X.shape[1])])
    magnitude = np.maximum(np.ptp(points, axis=0), np.abs(points).max(axis=0) * COINCIDENT)
    return np.exp2(np.round(np.log2(np.where(magnitude > 0, magnitude, 1.0))))


def wedges_through(X, columns, samples, *, norm, bias, scales) -> tuple[Wedges, np.ndarray]:
    """The wedges of one order through the given samples, and which of the choices were not
    degenerate.

    ``columns`` is (m, s) and ``samples`` (m, s), or (m, s − 1) without hidden biases; ``scales``
    (d,) as from ``column_scales``. Degenerate choices (coincident or affinely dependent samples)
    are left out; the mask (m,) says which remain. Each normal faces the way in which its first
    non-zero component is positive.
    """
    count, order = columns.shape
    points = X[samples[:, :, None], columns[:, None, :]]
    base = points[:, :1] if bias else np.zeros((count, 1, order))
    edges = (points[:, 1:] if bias else points) - base
    unit = scales[columns]
    normal, sound = _null_directions(edges / unit[:, None, :])
    normal /= unit
    normal /= np.linalg.norm(normal, ord=norm, axis=1, keepdims=True)
    normal *= _leading_sign(normal)[:, None]
    offsets = -np.einsum("ms,ms->m", normal, base[:, 0])
    normals = np.zeros((count, X.shape[1]))
    np.put_along_axis(normals, columns, normal, axis=1)
    return Wedges(columns, samples, normals, offsets).take(sound), sound


def _null_directions(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The direction orthogonal to the s − 1 edges of each choice, (m, s), and whether it is well
    defined, (m,)."""
    count, edge_count, order = edges.shape
    if edge_count == 0:
        return np.ones((count, order)), np.ones(count, dtype=bool)
    # Not a determinant: the singular values judge the dependence of the edges relatively, in the
    # same step.
    _, sizes, directions = np.linalg.svd(edges, full_matrices=True)
    sound = (sizes[:, 0] > COINCIDENT) & (sizes[:, -1] > DEPENDENT * sizes[:, 0])
    return directions[:, -1, :].copy(), sound


def _leading_sign(normals: np.ndarray) -> np.ndarray:
    """The sign of each row's first component that is not zero up to rounding, (m,)."""
    present = np.abs(normals) > 1e-12 * np.abs(normals).max(axis=1, keepdims=True)
    return np.sign(normals[np.arange(len(normals)), present.argmax(axis=1)])
