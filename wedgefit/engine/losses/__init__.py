"""The losses of a network's output, by name. A further convex loss is one more class with the
methods of ``Loss``.

Every method sees the targets ``y`` and the network's ``output``, both (n, K), and the rows'
``weights`` (n,), positive. A loss is Σ_ik weights_i ℓ(y_ik, output_ik) with ℓ convex in the output.
"""

from wedgefit.engine.losses.base import Loss
from wedgefit.engine.losses.counts import Gamma, Poisson
from wedgefit.engine.losses.logistic import Logistic, class_probabilities, log_sigmoid, sigmoid
from wedgefit.engine.losses.robust import Huber, Quantile
from wedgefit.engine.losses.squared import Squared

__all__ = [
    "LOSSES",
    "Gamma",
    "Huber",
    "Logistic",
    "Loss",
    "Poisson",
    "Quantile",
    "Squared",
    "class_probabilities",
    "log_sigmoid",
    "sigmoid",
]

LOSSES: dict[str, Loss] = {
    loss.name: loss for loss in (Squared(), Huber(), Quantile(), Logistic(), Poisson(), Gamma())
}
