"""Which rows each fold learns from, and which it holds out."""

import numpy as np

from wedgefit.data.sample import Sample, Splits
from wedgefit.errors import FitError
from wedgefit.learning.settings import Settings, own_splits

# "auto" holds out so many parts in turn; from so many rows on one of them is enough, and two where
# folds are compared with each other.
FOLDS = 5
ROWS_FOR_ONE = 5_000


def folds_walked(settings: Settings, rows: int) -> int:
    """How many folds learn, of a table of so many rows."""
    if own_splits(settings):
        return len(settings.cv)
    if settings.cv != "auto":
        return settings.cv
    several = settings.rule == "1se" or settings.layers == "auto" or settings.calibrate
    return FOLDS if rows < ROWS_FOR_ONE else 2 if several else 1


def checked_splits(sample: Sample, settings: Settings) -> Splits:
    """The rows of each fold, all classes in each to learn from. Raises FitError."""
    splits = settings.cv
    if not own_splits(settings):
        parts, walked = settings.cv, folds_walked(settings, len(sample.y))
        parts = FOLDS if parts == "auto" else parts
        splits = splits_of(sample, parts, settings.seed, _without_folds(settings))
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


def _without_folds(settings: Settings) -> str:
    """How to do without rows held out, beside what they are needed for: the choice of alpha, or
    with a given alpha what else learns from them."""
    if settings.alpha is None and settings.alpha_ratio is None:
        return "give --alpha or --alpha-ratio"
    return "leave out what needs rows held out (like --intervals or --calibrate)"


def _later_ones(times: np.ndarray, folds: int, horizon: int, otherwise: str) -> Splits:
    """Times (n,) in so many blocks and one more before them: each is held out once from what
    earlier ones teach, as far as it is known ``horizon`` times ahead. Rows of one time stay
    together."""
    distinct, place = np.unique(times, return_inverse=True)
    blocks, unknown = np.array_split(np.arange(len(distinct)), folds + 1), horizon - 1
    if not all(map(len, blocks)) or len(blocks[0]) <= unknown:
        ahead = f", seen {horizon} times ahead" if unknown else ""
        raise FitError(
            f"{len(distinct)} times cannot be split into {folds} folds and one block before "
            f"them{ahead}.",
            remedy=f"Try a smaller --cv, or {otherwise}.",
        )
    starts = [block[0] for block in blocks]
    starts.append(len(distinct))
    return [
        (np.flatnonzero(place < start - unknown), np.flatnonzero((place >= start) & (place < end)))
        for start, end in zip(starts[1:], starts[2:])
    ]


def splits_of(sample: Sample, folds: int, seed: int, otherwise: str) -> Splits:
    """Training and test rows of each fold: shuffled, stratified by class, groups kept together; or
    in the order of time.

    Raises FitError, which says what to do ``otherwise``, when there are too few rows, rows of a
    class, or groups.
    """
    from sklearn import model_selection

    if sample.times is not None:
        return _later_ones(sample.times, folds, sample.horizon, otherwise)
    labels, groups = sample.labels, sample.groups
    counts = (
        {"row": len(sample.y)}
        if labels is None
        else {"row of the smallest class": int(np.bincount(labels).min())}
    )
    if groups is not None:
        counts = {"group": len(np.unique(groups))}
    kind, count = next(iter(counts.items()))
    if count < folds:
        some = kind if count == 1 else kind.replace("row", "rows").replace("group", "groups")
        raise FitError(
            f"{count} {some} cannot be split into {folds} folds.",
            remedy=f"Try a smaller --cv, or {otherwise}.",
        )
    grouped = groups is not None
    # A class of fewer rows than folds cannot be spread over all of them; scikit-learn would warn.
    stratified = labels is not None and int(np.bincount(labels).min()) >= folds
    name = f"{'Stratified' * stratified}{'Group' * grouped}KFold"
    splitter = getattr(model_selection, name)(folds, shuffle=True, random_state=seed)
    return list(splitter.split(sample.X, labels, groups))
