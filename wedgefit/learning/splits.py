"""Which rows each fold learns from, and which it holds out."""

import numpy as np

from wedgefit.data.sample import Sample, Splits
from wedgefit.errors import FitError
from wedgefit.learning.settings import Settings, given_alpha, own_splits

# "auto" holds out so many parts in turn, or fewer where a class has fewer rows; from so many rows
# on one of them is enough, and two where folds are compared with each other. Intervals are as wide
# as residuals of networks that learn from all but one part: with five of them they held 0.927 of
# concrete's rows instead of 0.9.
FOLDS = 5
FOLDS_FOR_INTERVALS = 10
LEAST_FOLDS = 2
ROWS_FOR_ONE = 5_000


def folds_walked(settings: Settings, sample: Sample) -> int:
    """How many folds learn."""
    if own_splits(settings):
        return len(settings.cv)
    if settings.cv != "auto":
        return settings.cv
    if len(sample.y) < ROWS_FOR_ONE:
        return _parts(sample, settings)
    several = settings.rule == "1se" or settings.layers == "auto" or settings.calibrate
    return 2 if several else 1


def checked_splits(sample: Sample, settings: Settings) -> Splits:
    """The rows of each fold, all classes in each to learn from. Raises FitError."""
    splits = settings.cv
    if not own_splits(settings):
        walked, otherwise = folds_walked(settings, sample), _without_folds(settings)
        parts = settings.cv
        if parts == "auto":
            parts = _parts(sample, settings)
            _refuse_too_few(sample, parts, otherwise)
        splits = splits_of(sample, parts, settings.seed, otherwise)
        # Where rows have times the last fold learns from most.
        splits = splits[-walked:] if sample.times is not None else splits[:walked]
    labels = sample.labels
    if labels is not None and any(
        len(np.unique(labels[train])) < len(np.unique(labels)) for train, _ in splits
    ):
        raise FitError(
            "a fold would have to learn without one of the classes.",
            remedy="Try fewer folds, or other groups.",
        )
    return splits


def _parts(sample: Sample, settings: Settings) -> int:
    """In how many parts rows are cut where nobody says: as many as the smallest class can fill, and
    more for intervals where that leaves more rows to learn from, which it does not in the order of
    time."""
    if sample.times is not None:
        return FOLDS
    possible, _ = _fewest(sample)
    if settings.intervals and len(sample.y) < ROWS_FOR_ONE:
        return max(FOLDS, min(FOLDS_FOR_INTERVALS, possible))
    if sample.labels is None or sample.groups is not None:
        return FOLDS
    return max(LEAST_FOLDS, min(FOLDS, possible))


def _refuse_too_few(sample: Sample, parts: int, otherwise: str) -> None:
    """Raises FitError where there is too little to be cut in so many parts that nobody asked for:
    what is needed, what there is, and how many folds would do."""
    count, kinds = _fewest(sample)
    # Before the first block of times that is held out there is one more.
    more = 0 if sample.times is None else 1
    if count >= parts + more:
        return
    unless = " unless --cv says otherwise" if parts > LEAST_FOLDS else ""
    raise FitError(
        f"cross-validation takes {parts + more} {kinds[1]}{unless}, and there "
        f"{'is' if count == 1 else 'are'} {count}.",
        remedy=f"{_fewer_folds(count - more)}, or {otherwise}.",
    )


def _fewest(sample: Sample) -> tuple[int, tuple[str, str]]:
    """How many there are of what is cut in parts, and its name, of one and of several: rows, those
    of the smallest class, groups, or times."""
    if sample.times is not None:
        return len(np.unique(sample.times)), ("different time", "different times")
    if sample.groups is not None:
        return len(np.unique(sample.groups)), ("group", "groups")
    if sample.labels is not None:
        smallest = int(np.bincount(sample.labels).min())
        return smallest, ("row of the smallest class", "rows of the smallest class")
    return len(sample.y), ("row", "rows")


def _fewer_folds(possible: int) -> str:
    """What to try where there may be so many folds at most."""
    return f"Try --cv {possible}" if possible >= LEAST_FOLDS else "Use more rows"


def _without_folds(settings: Settings) -> str:
    """How to do without rows held out, beside what they are needed for: the choice of alpha, or
    with a given alpha what else learns from them."""
    if given_alpha(settings) is None:
        return "give --alpha or --alpha-ratio"
    return "leave out what needs rows held out (like --intervals or --calibrate)"


def _later_ones(sample: Sample, times: np.ndarray, folds: int, otherwise: str) -> Splits:
    """Times (n,) in so many blocks and one more before them: each is held out once from what
    earlier ones teach, as far as it is known the sample's horizon ahead: so many times before, and
    in each of several series so many of its own rows. Rows of one time stay together."""
    distinct, place = np.unique(times, return_inverse=True)
    blocks, unknown = np.array_split(np.arange(len(distinct)), folds + 1), sample.horizon - 1
    splits = []
    for block in blocks[1:] if all(map(len, blocks)) else []:
        test = (place >= block[0]) & (place <= block[-1])
        learn = (place < block[0] - unknown) & _long_before(sample, times, test)
        splits.append((np.flatnonzero(learn), np.flatnonzero(test)))
    if not splits or not all(len(learn) for learn, _ in splits):
        ahead = f", seen {sample.horizon} times ahead" if unknown else ""
        raise FitError(
            f"{len(distinct)} times cannot be split into {folds} folds and one block before "
            f"them{ahead}.",
            remedy=f"Try a smaller --cv, or {otherwise}.",
        )
    return splits


def _long_before(sample: Sample, times: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Which rows (n,) come at least a horizon of rows before the first of those held out (n,) that
    is of their own series. A series whose rows are far apart is known so many rows ahead, however
    many times of others lie in between."""
    if sample.series is None:
        return np.ones(len(times), dtype=bool)
    _, own = np.unique(sample.series, return_inverse=True)
    order = np.lexsort((times, own))
    rank = np.empty(len(own))
    rank[order] = np.arange(len(own))
    first = np.full(own.max() + 1, np.inf)
    np.minimum.at(first, own[test], rank[test])
    # Ranks run on from series to series, but what is compared is of one.
    return rank <= first[own] - sample.horizon


def splits_of(sample: Sample, folds: int, seed: int, otherwise: str) -> Splits:
    """Training and test rows of each fold: shuffled, stratified by class, groups kept together; or
    in the order of time.

    Raises FitError, which says what to do ``otherwise``, when there are too few rows, rows of a
    class, or groups.
    """
    from sklearn import model_selection

    if sample.times is not None:
        return _later_ones(sample, sample.times, folds, otherwise)
    labels, groups = sample.labels, sample.groups
    count, kinds = _fewest(sample)
    if count < folds:
        raise FitError(
            f"{count} {kinds[count != 1]} cannot be split into {folds} folds.",
            remedy=f"{_fewer_folds(count)}, or {otherwise}.",
        )
    grouped = groups is not None
    # A class of fewer rows than folds cannot be spread over all of them; scikit-learn would warn.
    stratified = labels is not None and int(np.bincount(labels).min()) >= folds
    name = f"{'Stratified' * stratified}{'Group' * grouped}KFold"
    splitter = getattr(model_selection, name)(folds, shuffle=True, random_state=seed)
    return list(splitter.split(sample.X, labels, groups))
