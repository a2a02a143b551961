"""Every setting of a fit. No numpy here: the command line reads them before it loads anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from wedgefit.engine.dictionary import Order

    Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Settings:
    """How to learn; the meanings are those of the command line."""

    loss: str | None = None
    class_weight: str | None = None
    alpha: float | None = None
    alpha_ratio: float | None = None
    cv: int | Splits = 5
    rule: str = "best"
    scoring: str | None = None
    max_neurons: int | None = None
    refit: bool = False
    order: Order | None = None
    norm: int = 1
    layers: int | str = 2
    bias: bool = True
    intercept: bool = True
    solver: str = "auto"
    certificate: str = "auto"
    tol: float = 1e-6
    refine: bool = False
    max_seconds: float | None = None
    max_memory: float | None = None
    cluster: str | None = None
    jobs: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Options(Settings):
    """What ``train`` and ``path`` may be told; the meanings are those of the command line."""

    target: tuple[str, ...] = ()
    task: str = "auto"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    weight: str | None = None
    group: str | None = None
    drop_missing_target: bool = False
    standardize: bool = True
