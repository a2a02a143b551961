"""The problem in numbers: what the engine is given of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Design:
    """The problem in numbers: X (n×d float64, C order), y (n) or (n×K), and per row its id, weight
    and group.

    ``encoder``: of rows to learn from and rows held out (positions), their design matrices by what
    the first ones alone teach. y holds numbers; for two classes ±1, +1 being the second; for K > 2
    classes K columns of ±1. ``weights`` (n,), all positive, is None where all rows count alike,
    ``groups`` (n,) None where rows may be split in any way.
    """

    X: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    row_ids: list
    encoder: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    notes: tuple[str, ...] = ()
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
