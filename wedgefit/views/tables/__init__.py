"""Records become tables for people: what each command prints, by the name of its record."""

from wedgefit.views.tables.explain import explain
from wedgefit.views.tables.figures import compare, evaluate, path
from wedgefit.views.tables.proof import certify, polish, yardstick
from wedgefit.views.tables.row import local
from wedgefit.views.tables.train import train

__all__ = [
    "certify",
    "compare",
    "evaluate",
    "explain",
    "local",
    "path",
    "polish",
    "train",
    "yardstick",
]
