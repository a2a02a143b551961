"""What the networks of the folds predict of rows that they have not seen."""

from dataclasses import dataclass

import numpy as np

from wedgefit.data.sample import Design, class_codes
from wedgefit.model.record import Model


@dataclass(frozen=True, eq=False)
class HeldOutRows:
    """The training rows with their targets, and the ``scores`` (n, K) that networks gave them which
    they were held out from."""

    design: Design
    scores: np.ndarray

    def columns(self, model: Model) -> dict[str, list]:
        """As a table: the row's id, per target what was observed and predicted (of several
        quantiles each), and probabilities where the model gives some. Rows that no fold held out
        are left out."""
        known = np.isfinite(self.scores).all(axis=1)
        scores, y = self.scores[known], self.design.y[known]
        target = model.encoding.target
        exposure = self.design.exposure
        exposure = None if exposure is None else exposure[known]
        predicted, observed = model.decided(scores, exposure=exposure), _observed(model, y)
        if len(model.predicted_names) == 1:
            predicted = [[value] for value in predicted]
        if len(target.names) == 1:
            observed = [[value] for value in observed]
        ids = [row for row, kept in zip(self.design.row_ids, known) if kept]
        columns = {_free(model.data.id or "row", target.names): ids}
        # Beside each target its prediction; behind one target all of its quantiles.
        for k, name in enumerate(model.predicted_names):
            if k < len(target.names):
                columns[target.names[k]] = [row[k] for row in observed]
            columns[_free(f"prediction_{name}", columns)] = [row[k] for row in predicted]
        probabilities = model.probabilities(scores)
        if probabilities is not None:
            for label, values in zip(target.classes, probabilities.T):
                columns[_free(f"probability_{label}", columns)] = values.tolist()
        return columns


def _observed(model: Model, y: np.ndarray) -> list:
    """The targets as in the file: numbers, rows of numbers, or labels."""
    classes = model.encoding.target.classes
    if classes is not None:
        return [classes[code] for code in class_codes(y)]
    return y.tolist() if y.shape[1] > 1 else y[:, 0].tolist()


def _free(name: str, taken) -> str:
    """The name, longer where another column has it."""
    while name in taken:
        name += "_"
    return name
