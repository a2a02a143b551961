"""What a fit prices and what it proves: the wedges of every hidden layer, and whether all of them
are looked at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import comb

import numpy as np

from wedgefit.data.sample import Sample
from wedgefit.engine.dictionary import Dictionary, Order, order_of
from wedgefit.engine.layers import orders_in_stage
from wedgefit.engine.pencil import ROUNDS_OF_A_FIT
from wedgefit.engine.pricing import Pricer
from wedgefit.engine.shapes import ShapedPricer
from wedgefit.errors import FitError
from wedgefit.learning.settings import Settings

# "auto" proves optimality over every wedge up to this many: a matter of seconds where wedges read
# two columns. Beyond, it says that it sampled.
EXACT_UP_TO = 200_000_000
# A proof looks at a row about this often at most under "auto": a minute or two.
PROOF_EFFORT = 3e9
# An exact certificate over more wedges than this would take weeks; it is refused with an order that
# would work.
EXACT_POSSIBLE = 10_000_000_000_000
# A deeper layer reads dozens of activations: choosing more than two at a time soon gives more sets
# than can be listed.
MOST_COLUMN_SETS = 2_000_000
# Sorts kept between rounds take at most this many bytes; a round itself takes about this many per
# cell of the design.
SORTS_KEPT = 1e9
BYTES_PER_CELL = 120
# A 0/1 column with fewer rows on one side than this, or than a twentieth, leaves some folds without
# any.
FEW_ROWS = 10


@dataclass(frozen=True)
class Means:
    """What pricers may take: a ``share``-th of the memory that sorts may take; so many threads as
    ``jobs``, None one on each core; the dask scheduler at ``cluster``; and how many ``rounds`` are
    expected of them."""

    share: int = 1
    jobs: int | None = None
    cluster: str | None = None
    rounds: int = ROUNDS_OF_A_FIT


@dataclass(frozen=True, eq=False)
class Policy:
    """The wedges of every hidden layer under these settings, by the ``order`` of each, and what is
    to be proven of them.

    ``note`` hears sentences that the user should read before a long wait.
    """

    settings: Settings
    order: Order
    note: Callable[[str], None]

    def pricers(self, sample: Sample, problems: int, means: Means = Means()) -> list[Pricer]:
        """What prices the first hidden layer, a pricer for each of so many problems on these rows;
        they share their sorts."""
        told = {"shapes": sample.shapes, "together": sample.together}
        first = self.pricer(sample.X, means=means, **told)
        return [first, *(first.sibling() for _ in range(problems - 1))]

    def pricer(
        self,
        X: np.ndarray,
        stage: int = 1,
        means: Means = Means(),
        shapes: np.ndarray | None = None,
        together: np.ndarray | None = None,
    ) -> Pricer:
        """What prices the wedges of one hidden layer, which reads X (n, m); ``shapes`` (m, 2): of
        networks with a shape; ``together`` (m, m): which columns may be read together.

        Raises FitError when the wedges are too many even to list their columns.
        """
        settings = self.settings
        make = Pricer if shapes is None else partial(ShapedPricer, shapes)
        return make(
            self._dictionary(X, stage, together),
            jobs=settings.cores if means.jobs is None else means.jobs,
            memory=sorts_budget(X.size, settings.max_memory) / means.share,
            seed=settings.seed,
            refine=settings.refine,
            cluster=means.cluster,
            effort=PROOF_EFFORT if settings.certificate == "auto" else np.inf,
            rounds=means.rounds,
        )

    def _dictionary(self, X: np.ndarray, stage: int, together: np.ndarray | None) -> Dictionary:
        settings, width = self.settings, X.shape[1]
        order = order_of(self.order, stage)
        narrow = order if order == "full" else min(order, width)
        orders = orders_in_stage(narrow, settings.norm, width, stage)
        if stage > 1 and any(comb(width, order) > MOST_COLUMN_SETS for order in orders):
            raise FitError(
                f"hidden layer {stage} reads {width} activations, "
                f"too many to choose {max(orders)} of them at a time.",
                remedy="Try a smaller order for it, as in --order full,2.",
            )
        dictionary = Dictionary(X, orders, settings.norm, settings.bias, together)
        if together is None:
            return dictionary
        return replace(dictionary, orders=tuple(s for s in orders if dictionary.sets_of(s)))

    def exact(self, pricer: Pricer) -> bool:
        """Whether the certificate over this pricer's dictionary is to be exact; a long wait is
        announced."""
        size = pricer.work
        if pricer.bounds:
            return self.settings.certificate != "sampled"
        if self.settings.certificate == "exact" and pricer.full_round_work > EXACT_POSSIBLE:
            orders = pricer.dictionary.orders
            possible = [
                s
                for s in orders
                if replace(pricer.dictionary, orders=tuple(range(1, s + 1))).size <= EXACT_POSSIBLE
            ]
            order = (
                f"--order {max(possible)} (all its wedges can be priced), or " if possible else ""
            )
            raise FitError(
                f"an exact certificate would have to price {size:,} wedges, "
                "which would take weeks.",
                remedy=f"Try {order}--certificate sampled.",
            )
        quick = size <= EXACT_UP_TO and pricer.full_round_work <= PROOF_EFFORT
        exact = {"auto": quick, "exact": True, "sampled": False}[self.settings.certificate]
        if exact and not quick:
            seconds = pricer.full_round_seconds
            self.note(
                f"a round over all {size:,} wedges takes about {seconds:,.0f} seconds, "
                "and a fit a few of them"
            )
        return exact


def default_order(sample: Sample, settings: Settings) -> tuple[Order, list[str]]:
    """At most two columns; with norm 2 all of them, if that many rows anywhere among the others
    make a wedge; one column with a shape, where there is no word of pairs. Also what is to be told
    of it."""
    X, notes = sample.X, []
    width = X.shape[1]
    if sample.pairs is not None or settings.max_pairs is not None:
        return min(2, width), notes
    if sample.shapes is not None:
        return 1, notes
    full = settings.norm == 2
    if full and not fill_space(X, settings.bias):
        notes.append(
            "(nearly) all rows lie in a hyperplane, where no wedge reads all columns: "
            f"neurons read at most {min(2, width)}"
        )
        full = False
    first = "full" if full else min(2, width)
    return (first, 2) if settings.norm == 2 and settings.layers != 2 else first, notes


def fill_space(X: np.ndarray, bias: bool) -> bool:
    """Whether the rows span all columns, and still do without the few that stand out in a column of
    two values. There rows that repeat another count once, so that no weight decides.

    If not, the wedges of full order are none but one hyperplane, or all pass through the same few
    rows, which the training rows of a fold may lack.
    """
    two_values = [j for j, column in enumerate(X.T) if _has_two_values(column)]
    if two_values:
        X = np.unique(X, axis=0)
    for column in X.T[two_values]:
        others = int((column != column[0]).sum())
        if min(others, len(X) - others) < max(FEW_ROWS, len(X) // 20):
            return False
    centred = X - X.mean(axis=0) if bias else X
    return bool(np.linalg.matrix_rank(centred / np.abs(centred).max(axis=0)) == X.shape[1])


def _has_two_values(column: np.ndarray) -> bool:
    others = column[column != column[0]]
    return len(others) > 0 and np.ptp(others) == 0


def sorts_budget(cells: int, max_memory: float | None) -> float:
    """How many bytes sorts may take between rounds, given the cells of the design and
    ``--max-memory`` (bytes).

    Raises FitError before anything large is allocated when the rounds themselves do not fit.
    """
    if max_memory is None:
        return SORTS_KEPT
    left = max_memory - BYTES_PER_CELL * cells
    if left < 0:
        raise FitError(
            f"{BYTES_PER_CELL * cells / 1e9:.2g} GB are needed for {cells:,} cells, "
            "more than --max-memory allows.",
            remedy="Allow more, use fewer rows, or --keep fewer columns.",
        )
    return min(SORTS_KEPT, left)
