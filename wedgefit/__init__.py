"""ReLU networks trained to certified global optimality: a Lasso over wedge products of training
samples.

The estimators and ``load`` are imported when they are first asked for: scikit-learn costs a second.
"""

from importlib import import_module

__version__ = "0.1.0"

_ROOMS = {
    "WedgeRegressor": "estimators",
    "WedgeClassifier": "estimators",
    "WedgeFeatures": "estimators",
    "load": "model.file",
}
__all__ = list(_ROOMS)


def __getattr__(name: str):
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]
