"""What rows that folds held out teach beside alpha: a calibration, and where yes begins."""

from dataclasses import dataclass, replace

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.learning.calibrating import Isotonic, Line, calibration_by
from wedgefit.learning.curve import Curve, HeldOut
from wedgefit.learning.kept import FoldNetwork
from wedgefit.learning.problems import ProblemsOf
from wedgefit.learning.scores import score_values
from wedgefit.learning.threshold import Threshold, threshold_on

# Of each fold the rows that it learnt from, by position, and its networks at one alpha.
FoldNetworks = tuple[tuple[np.ndarray, FoldNetwork], ...]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The folds of a curve at one of its alphas, and what the model's outputs are calibrated by,
    which the rows that they hold out teach."""

    curve: Curve
    position: int
    calibration: Line | Isotonic | None = None

    def outputs(self, rows: int) -> np.ndarray:
        """The outputs for so many rows, (n, K), calibrated where the model is; NaN where no fold
        holds a row out."""
        return self.curve.outputs(self.position, rows)

    @property
    def folds(self) -> FoldNetworks:
        """The networks of the folds, as steep as the calibrated model."""
        calibration = self.calibration
        slope = calibration.slope if isinstance(calibration, Line) else 1.0
        found = self.curve.networks(self.position)
        return tuple((learnt, network.times(slope)) for learnt, network in found)


def out_of_fold(
    curve: Curve, position: int, sample: Sample, problems: ProblemsOf, way: bool | str
) -> OutOfFold:
    """What the folds of a curve, calibrated in this ``way`` (or not), tell at one of its alphas."""
    if not way:
        return OutOfFold(curve, position)
    output = curve.uncalibrated(position, len(sample.y))
    known = known_rows(output)
    (problem,) = problems(sample.take(known))
    return OutOfFold(curve, position, calibration_by(way, problem, output[known]))


def threshold_of(
    rule: float | str | None, sample: Sample, output: np.ndarray | None
) -> Threshold | None:
    """Where yes begins: as told, or, by a ``rule`` in words, by the outputs (n, 1) for rows held
    out."""
    if rule is None:
        return None
    if not isinstance(rule, str):
        return Threshold(rule, rule)
    known = known_rows(output)
    rows = sample.take(known)
    return threshold_on(rule, output[known, 0], rows.labels == 1, rows.weights)


def known_rows(output: np.ndarray) -> np.ndarray:
    """The rows that some fold held out, by position: those whose outputs (n, K) are no NaN."""
    return np.flatnonzero(np.isfinite(output).all(axis=1))


def calibrated(curve: Curve, sample: Sample, problems: ProblemsOf, way: bool | str) -> Curve:
    """The curve with the losses and scores that calibrated networks have on rows held out, which
    alpha is to be chosen by."""
    points = [_calibrated_folds(curve, folds, sample, problems, way) for folds in curve.folds]
    return replace(curve, folds=points)


def _calibrated_folds(
    curve: Curve, folds: list[HeldOut], sample: Sample, problems: ProblemsOf, way: bool | str
) -> list[HeldOut]:
    """What all folds hold at one alpha, the outputs of each calibrated by the rows that it learnt
    from, as far as other folds hold them out. Where rows have times these are earlier ones, as far
    as they are known then, and what none is before stays as it is."""
    moved = []
    for held_out, rows, known in zip(folds, curve.held_out, curve.learnt):
        others = [
            (other.outputs[apart], place[apart])
            for other, place in zip(folds, curve.held_out)
            if (apart := np.isin(place, known)).any()
        ]
        if not others:
            moved.append(held_out)
            continue
        outputs, places = map(np.concatenate, zip(*others))
        (problem,) = problems(sample.take(places))
        calibration = calibration_by(way, problem, outputs)
        moved.append(_moved(held_out, calibration, sample.take(rows), problems))
    return moved


def _moved(
    held_out: HeldOut, calibration: Line | Isotonic, rows: Sample, problems: ProblemsOf
) -> HeldOut:
    """What a fold holds of these rows once its outputs are calibrated so."""
    outputs = calibration.of(held_out.outputs)
    (problem,) = problems(rows)
    return replace(
        held_out,
        loss=problem.loss.value(problem.rates, outputs, problem.weights),
        outputs=outputs,
        uncalibrated=held_out.outputs,
        scores=score_values(rows, outputs, problem.loss),
    )
