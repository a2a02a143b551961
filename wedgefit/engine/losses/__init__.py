"""The losses of a network's output, by name. A further convex loss is one more class with the
methods of ``Loss``.

Every method sees the targets ``y`` and the network's ``output``, both (n, K), and the rows'
``weights`` (n,), positive. A loss is Σ_i weights_i ℓ(y_i, output_i) with ℓ convex in the output: a
sum over the K outputs, or, of the softmax, one that couples them.
"""

import numpy as np

from wedgefit.engine.losses.base import LARGEST_EXPONENT, Loss, predicted
from wedgefit.engine.losses.counts import Gamma, Poisson
from wedgefit.engine.losses.logistic import Logistic, log_sigmoid, one_against_rest, sigmoid
from wedgefit.engine.losses.robust import Huber, Quantile, Quantiles
from wedgefit.engine.losses.softmax import Softmax, softmax
from wedgefit.engine.losses.squared import Squared

__all__ = [
    "LARGEST_EXPONENT",
    "LOSSES",
    "Gamma",
    "Huber",
    "Logistic",
    "Loss",
    "Poisson",
    "Quantile",
    "Quantiles",
    "Softmax",
    "Squared",
    "class_probabilities",
    "fitted_apart",
    "log_sigmoid",
    "loss_of",
    "numbers_of",
    "predicted",
    "sigmoid",
    "softmax",
]

LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (Squared(), Huber(), Quantile(), Logistic(), Softmax(), Poisson(), Gamma())
}


# What outputs say of classes, by the link: those that have probabilities.
PROBABILITIES = {"logistic": one_against_rest, "softmax": softmax}


def class_probabilities(link: str, output: np.ndarray) -> np.ndarray | None:
    """The probability of every class, (n, classes), given outputs (n, K); None where the link gives
    none."""
    return PROBABILITIES[link](output) if link in PROBABILITIES else None


def fitted_apart(loss: Loss | Quantiles) -> tuple[Loss, ...]:
    """The losses that a network each is fitted with: of several quantiles one of each, else the
    loss itself."""
    return loss.parts if isinstance(loss, Quantiles) else (loss,)


def numbers_of(loss: Loss | Quantiles) -> dict[str, float | tuple[float, ...] | None]:
    """What ``loss_of`` is given beside the name."""
    levels = loss.levels if isinstance(loss, Quantiles) else None
    return {
        "quantile": loss.level if isinstance(loss, Quantile) else levels,
        "huber_delta": loss.delta if isinstance(loss, Huber) else None,
    }


def loss_of(
    name: str,
    *,
    quantile: float | tuple[float, ...] | None = None,
    huber_delta: float | None = None,
) -> Loss | Quantiles:
    """The loss of that name, with its own number where it has one and it is given; of several
    quantiles, ascending, that of all."""
    if name == "quantile" and quantile is not None:
        return Quantiles(quantile) if isinstance(quantile, tuple) else Quantile(quantile)
    if name == "huber" and huber_delta is not None:
        return Huber(huber_delta)
    return LOSSES[name]
