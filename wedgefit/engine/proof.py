"""What was proven of a network, for the same network once more."""

from dataclasses import dataclass, replace

import numpy as np

from wedgefit.engine.priced import Priced
from wedgefit.engine.problem import row_norms
from wedgefit.engine.remembered import LAST_DIGITS


@dataclass(frozen=True, eq=False)
class Proof:
    """What was ``priced`` under the dual point ``v`` (n, K) on the rows X (n, m), of neurons whose
    weights are one in this ``norm``."""

    X: np.ndarray
    norm: int
    v: np.ndarray
    priced: Priced

    def of(self, X: np.ndarray, v: np.ndarray) -> Priced | None:
        """What it proves under this v (n, K) on these X (n, m), whose columns may stand in another
        order; None where more than rounding lies between, or not every wedge was priced.

        The hinges of a unit neuron among the rows are no larger than twice the longest row, and
        differ by no more than rows do; so a score moves by no more than these times v. This speaks
        of the best of all neurons. In norm 1 wedges are that; in norm 2 those through rows close
        together turn with every digit, and nothing is told of them once any has moved.
        """
        if X.shape != self.X.shape or v.shape != self.v.shape or not self.priced.exact:
            return None
        apart, reach = self._longest(_in_order(X) - _in_order(self.X)), self._longest(self.X)
        if self.norm == 2 and apart > 0:
            return None
        moved = 2 * reach * float(row_norms(v - self.v).sum())
        moved += 2 * apart * float(row_norms(v).sum())
        bound, supremum = self.priced.bound, self.priced.supremum
        if moved > LAST_DIGITS * bound:
            return None
        raised = None if supremum is None else supremum + moved
        return replace(self.priced, bound=bound + moved, supremum=raised)

    def _longest(self, rows: np.ndarray) -> float:
        """The largest product of any of the rows (n, m) with weights that are one in the norm."""
        lengths = np.abs(rows).max(axis=1) if self.norm == 1 else row_norms(rows)
        return float(lengths.max(initial=0.0))


def _in_order(X: np.ndarray) -> np.ndarray:
    """The columns of X (n, m) in an order that does not depend on how they stand."""
    return X[:, np.argsort(np.sqrt(np.arange(1.0, len(X) + 1)) @ X, kind="stable")]
