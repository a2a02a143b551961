"""Neurons off the wedges (norm 2): where the ball of weights is round, a neuron between two wedges
may score more than both."""

import numpy as np

from wedgefit.engine.ascent import ascend, random_neurons
from wedgefit.engine.bound_look import Places
from wedgefit.engine.choice import facing, places_of_largest, unlike
from wedgefit.engine.dictionary import Dictionary
from wedgefit.engine.pencil import Pencils, Swept
from wedgefit.engine.wedge import Wedges

# An ascent starts from this many of the best wedges, and of random directions.
STARTS = 40
# Of so many of the best places that a proof by patches saw those are taken that differ.
SIFTED = 1_000


class OffWedges:
    """Finds the neurons of a dictionary that pass through fewer rows than its wedges; ``rng`` draws
    directions to begin at."""

    def __init__(self, dictionary: Dictionary, rng: np.random.Generator):
        self.dictionary, self._rng = dictionary, rng

    @property
    def on_arcs(self) -> bool:
        """Whether the sweep also looks between the samples' lines: planes, where the ball of
        weights is round."""
        return self.dictionary.norm == 2 and self.dictionary.room == 2

    def best(
        self,
        v: np.ndarray,
        alpha: float,
        used: Wedges,
        swept: list[Swept],
        built: Wedges,
        proven: Places | None,
    ) -> Wedges:
        """The best of them for ``v`` (n, K), or what is near to them: on the arcs of planes that
        were swept, at the places that a proof saw, or where ascent from those in use, from what was
        built and from random directions ends."""
        if proven is not None and not self.on_arcs and self.dictionary.bias:
            # Joint descent moves them to where they are best. (Ascent on 10,000 rows took ten times
            # as long as the proofs.) Through the origin no place has a row.
            return self._spread(proven)
        seen = self.dictionary.none() if proven is None else self._at(proven)
        if not self.on_arcs:
            return self._ascended(v, used, seen.joined_with(built))
        if not swept:
            return seen
        arcs = swept[-1]
        best = places_of_largest(arcs.suprema, STARTS, above=alpha)
        return self._through_one(arcs.pencils.take(best), arcs.weights[best]).joined_with(seen)

    def largest(self, v: np.ndarray, used: Wedges) -> float:
        """The largest score of those in use, which no sweep meets.

        A bound that leaves out a neuron of the network itself may lie above its objective.
        """
        anchors = (used.samples >= 0).sum(axis=1)
        off = used.take(anchors < [self.dictionary.anchors(order) for order in used.orders])
        return float(facing(self.dictionary.X, off, v, -np.inf)[1].max(initial=0.0))

    def _spread(self, places: Places) -> Wedges:
        """Those at places apart from each other: parts of one patch show near-copies."""
        neurons = self._at(places, SIFTED)
        apart = unlike(self.dictionary.X, neurons, places.values[: len(neurons)])
        return neurons.take(apart[:STARTS])

    def _at(self, places: Places, most: int = STARTS) -> Wedges:
        """The neurons at the best places, through the row found there."""
        best = places.take(slice(0, most))
        unit = best.normals / np.linalg.norm(best.normals, axis=1, keepdims=True)
        return self._through_one(Pencils(best.columns, best.samples[:, None]), unit)

    def _ascended(self, v: np.ndarray, used: Wedges, best: Wedges) -> Wedges:
        """The neurons that local ascent reaches from those in use, from the best wedges, and from
        random directions; of one target."""
        starts = used.joined_with(best.take(slice(0, STARTS))).joined_with(
            random_neurons(self.dictionary, self._rng, STARTS)
        )
        normals, samples = ascend(
            self.dictionary.X, v[:, 0], starts.normals, starts.reads, self.dictionary.bias
        )
        return self.dictionary.through_one(starts.columns, normals, samples)

    def _through_one(self, pencils: Pencils, weights: np.ndarray) -> Wedges:
        """The neurons with these plane weights (m, 2) through the sample (or the origin) that their
        pencil turns around."""
        normals = np.zeros((len(pencils), self.dictionary.X.shape[1]))
        np.put_along_axis(normals, pencils.columns, weights, axis=1)
        samples = pencils.fixed[:, 0] if self.dictionary.bias else np.full(len(pencils), -1)
        return self.dictionary.through_one(pencils.columns, normals, samples)
