"""The scores of folds along the path: what alpha is chosen by."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from wedgefit.engine.wedge import Hyperplanes
from wedgefit.learning.kept import FoldNetwork
from wedgefit.learning.path import FINE, Pace
from wedgefit.learning.scores import SCORES, CurvePoint, MeanAndError

# A path ends when its last alphas have brought less than this part of all that was gained so far.
SMALL_GAIN = 2e-3
# An error that has risen by more than this part of it has turned for good: on 90 curves of nine
# tables the highest rise before a better alpha was 0.0074 of it, of networks of a few neurons;
# those of more than 200 never did better after any rise.
CLEAR_RISE = 0.01


@dataclass(frozen=True)
class HeldOut:
    """What the networks of one fold make of its held-out rows at one alpha: the loss, every score
    by name, how many neurons there are, the ``outputs`` (m, K), the ``networks`` themselves
    where they are a sum of effects, the ``hyperplanes`` of their first layers, by rows of all, and,
    where outputs were calibrated, what they were ``uncalibrated``."""

    loss: float
    neurons: int
    scores: dict[str, float | None]
    # They follow from the networks, as the scores do, and arrays do not compare to one truth.
    outputs: np.ndarray | None = field(default=None, compare=False, repr=False)
    networks: FoldNetwork | None = field(default=None, compare=False, repr=False)
    hyperplanes: tuple[Hyperplanes, ...] = field(default=(), compare=False, repr=False)
    uncalibrated: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Curve:
    """Cross-validated scores along a path: alphas (k,) descending, and per alpha what each fold
    holds.

    ``scoring`` names the score that alphas are chosen by, None the loss; ``pace`` is how the path
    was walked. ``cut_short``: time was up before it had turned. ``held_out`` and ``learnt``: the
    rows of each fold that it holds out and learns from, by position.
    """

    alphas: np.ndarray
    folds: list[list[HeldOut]]
    scoring: str | None = None
    pace: Pace = FINE
    cut_short: bool = False
    held_out: tuple[np.ndarray, ...] = ()
    learnt: tuple[np.ndarray, ...] = ()

    @property
    def errors(self) -> np.ndarray:
        """What is to be small, (k, folds): the score that alphas are chosen by, negative where more
        of it is better."""
        if self.scoring is None:
            return np.array([[fold.loss for fold in folds] for folds in self.folds])
        sign = -1.0 if SCORES[self.scoring].larger_is_better else 1.0
        scores = [[fold.scores[self.scoring] for fold in folds] for folds in self.folds]
        return sign * np.array(scores)

    @property
    def sizes(self) -> np.ndarray:
        """The mean number of neurons over the folds, (k,)."""
        return np.array([np.mean([fold.neurons for fold in folds]) for folds in self.folds])

    def chosen(self, rule: str, max_neurons: int | None = None) -> int:
        """The alpha of the smallest mean error ("best"), or the largest within one standard error
        of it ("1se").

        With ``max_neurons`` only alphas count at which the folds have no more neurons on average
        (the first always counts).
        """
        mean = self.errors.mean(axis=1)
        if max_neurons is not None:
            small = (self.sizes <= max_neurons) | (np.arange(len(mean)) == 0)
            mean = np.where(small, mean, np.inf)
        best = int(mean.argmin())
        error = self.standard_error(self.errors[best])
        # A single fold has no error to be within.
        if rule == "best" or error is None:
            return best
        return int(np.flatnonzero(mean <= mean[best] + error)[0])

    def hyperplanes(self, position: int) -> tuple[Hyperplanes, ...]:
        """Where the networks at one alpha may begin: those of the first fold, one for each."""
        return self.folds[position][0].hyperplanes

    def joined_with(self, alpha: float, row: list[HeldOut]) -> "Curve":
        """The curve with one more alpha, in its place."""
        place = int(np.count_nonzero(self.alphas > alpha))
        return replace(
            self,
            alphas=np.insert(self.alphas, place, alpha),
            folds=[*self.folds[:place], row, *self.folds[place:]],
        )

    def passed_over(
        self, alphas: np.ndarray, max_neurons: int | None, rules: Sequence[str]
    ) -> list[float]:
        """Of the path's alphas (k,) those beside the alphas that these rules would choose, where
        the walk has not been."""
        chosen = {self.chosen(rule, max_neurons) for rule in rules}
        places = {
            int(np.searchsorted(-alphas, -self.alphas[position])) + step
            for position in chosen
            for step in (-1, 1)
        }
        return [
            float(alphas[place])
            for place in sorted(places)
            if 0 <= place < len(alphas) and alphas[place] not in self.alphas
        ]

    def improves_on(self, other: "Curve", position: int, its_position: int) -> bool:
        """Whether the mean error at ``position`` is smaller than the other curve's at
        ``its_position`` by more than that one's standard error."""
        before = other.errors[its_position]
        return bool(self.errors[position].mean() < before.mean() - self.standard_error(before))

    @property
    def has_turned(self) -> bool:
        """Whether the last alphas have gained next to nothing, not counting those at which no fold
        had a neuron yet."""
        constant = int(np.count_nonzero(self.sizes == 0))
        mean = self.errors.mean(axis=1)
        before = mean[: -self.pace.patience].min(initial=np.inf)
        return len(mean) - constant > self.pace.patience and before - mean.min() <= SMALL_GAIN * (
            mean[0] - mean.min()
        )

    @property
    def has_risen(self) -> bool:
        """Whether the error at the last alpha is larger than at the one before."""
        mean = self.errors.mean(axis=1)
        return len(mean) > 1 and bool(mean[-1] > mean[-2])

    @property
    def has_clearly_risen(self) -> bool:
        """Whether the error has risen at the last two alphas, and clearly above the least."""
        mean = self.errors.mean(axis=1)
        gained = mean[0] - mean.min()
        rising = len(mean) > 2 and mean[-3] < mean[-2] < mean[-1]
        return bool(rising and mean[-1] - mean.min() > CLEAR_RISE * gained)

    def summary(self, position: int) -> dict[str, MeanAndError | None]:
        """Mean and standard error over the folds of every score at one alpha."""
        folds = self.folds[position]
        return {
            name: self._mean_and_error([fold.scores[name] for fold in folds])
            for name in folds[0].scores
        }

    def points(self) -> tuple[CurvePoint, ...]:
        """The curve for the record, alpha by alpha."""
        return tuple(
            CurvePoint(float(alpha), float(size), self.summary(position))
            for position, (alpha, size) in enumerate(zip(self.alphas, self.sizes))
        )

    def outputs(self, position: int, rows: int) -> np.ndarray:
        """The outputs at one alpha for all rows, (rows, K), each by the networks that it
        was held out from: the mean of these where several folds hold it out, NaN where none does.
        """
        return self._of_all_rows([fold.outputs for fold in self.folds[position]], rows)

    def uncalibrated(self, position: int, rows: int) -> np.ndarray:
        """The same as they were before they were calibrated, as far as they have been."""
        found = [
            fold.outputs if fold.uncalibrated is None else fold.uncalibrated
            for fold in self.folds[position]
        ]
        return self._of_all_rows(found, rows)

    def networks(self, position: int) -> tuple[tuple[np.ndarray, FoldNetwork], ...]:
        """Of every fold the rows that it learnt from and its networks at one alpha; none where they
        were not kept."""
        found = [fold.networks for fold in self.folds[position]]
        return () if None in found else tuple(zip(self.learnt, found))

    def _of_all_rows(self, outputs: list[np.ndarray], rows: int) -> np.ndarray:
        total = np.zeros((rows, outputs[0].shape[1]))
        times = np.zeros((rows, 1))
        for output, place in zip(outputs, self.held_out):
            total[place] += output
            times[place] += 1
        with np.errstate(invalid="ignore"):
            return total / times

    def _mean_and_error(self, values: list[float | None]) -> MeanAndError | None:
        if None in values:
            return None
        return MeanAndError(float(np.mean(values)), self.standard_error(np.array(values)))

    @staticmethod
    def standard_error(values: np.ndarray) -> float | None:
        """Of the mean over folds; None of a single one, which has no spread."""
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
