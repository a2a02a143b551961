"""Settings that contradict each other, or the task: refused before the work."""

from collections.abc import Iterator

from wedgefit.data.sample import Sample
from wedgefit.errors import UsageError
from wedgefit.learning.scores import CLASSES, NUMBERS, SCORES, is_for, scores_of
from wedgefit.learning.settings import (
    OF_ANY_NETWORK,
    Options,
    Settings,
    given_alpha,
    learn_from_folds,
    loss_name,
    own_splits,
)


def check_settings(settings: Settings, sample: Sample) -> None:
    """Raises UsageError for the first contradiction."""
    loss = loss_name(settings, sample.task, sample.y.shape[1])
    choices = (
        _of_layers,
        _of_tasks,
        _of_calibration,
        _of_folds,
        _of_scores,
        _of_choices,
        _of_solvers,
    )
    for parts in (_of_shapes, _of_losses, _of_one_loss, _of_intervals, *choices):
        for holds, message, remedy in parts(settings, sample, loss):
            if holds:
                raise UsageError(message, remedy=remedy)


def check_options(settings: Options) -> None:
    """Raises UsageError for the first contradiction among options that no row needs to be read for:
    pairs told to networks that cannot have them, an exposure to a loss that has no use for it."""
    exposure = _owned("--exposure", settings.exposure, "poisson", settings.loss)
    for holds, message, remedy in (*_of_pairs(settings), exposure):
        if holds:
            raise UsageError(message, remedy=remedy)


def check_choice(settings: Settings, held_out: bool) -> None:
    """Raises UsageError where the choice of alpha is told how, and alpha is given. ``held_out``:
    folds are asked for to predict the rows that they hold out."""
    given, unused = given_alpha(settings), unused_beside_alpha(settings, held_out)
    for name in ("rule", "scoring"):
        if name in unused:
            raise UsageError(
                f"--{name} {getattr(settings, name)} chooses alpha, and so does {given}.",
                remedy="Give one of them.",
            )
    if "cv" in unused:
        raise UsageError(
            f"--cv is for the choice of alpha, and {given} leaves nothing to choose.",
            remedy="Give one of them, or ask for what else folds tell, like --intervals for "
            "numbers or --calibrate for classes.",
        )


def unused_beside_alpha(settings: Settings, held_out: bool = False) -> list[str]:
    """The settings that say how alpha is chosen, but have no say since it is given. Splits that are
    handed over are not among them: scikit-learn's tools set these without looking further."""
    if given_alpha(settings) is None:
        return []
    deeper = settings.layers == "auto"
    folds = held_out or learn_from_folds(settings) or deeper
    unused = {
        "rule": settings.rule != Settings.rule,
        "scoring": settings.scoring is not None and not deeper,
        "cv": not own_splits(settings) and settings.cv != Settings.cv and not folds,
    }
    return [name for name, is_unused in unused.items() if is_unused]


# What contradicts, in words, and what to do about it.
Contradictions = Iterator[tuple[bool, str, str | None]]


def _of_losses(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    classes = sample.task == "classification"
    yield (
        classes and not is_for(CLASSES, loss),
        f"the {loss} loss is for numbers, and the target has classes.",
        "Try --task regression, or leave --loss out.",
    )
    yield (
        loss == "softmax" and classes and sample.y.shape[1] == 1,
        "the softmax loss is for more than two classes, and the target has two.",
        "Try --loss logistic, which is the same for two.",
    )
    others = loss not in OF_ANY_NETWORK
    yield (
        others and not classes and sample.y.shape[1] > 1,
        f"the {loss} loss is for one target.",
        "Give one --target, or leave --loss out.",
    )
    yield (
        others and settings.layers != 2,
        f"the {loss} loss is for one hidden layer.",
        "Leave --layers out.",
    )
    yield (
        others and settings.refine,
        f"--refine is not for the {loss} loss.",
        "Leave it out.",
    )


def _of_one_loss(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    """What is told to one loss alone."""
    for option, told, owner in (
        ("--quantile", settings.quantile, "quantile"),
        ("--huber-delta", settings.huber_delta, "huber"),
    ):
        yield _owned(option, told, owner, loss)


def _owned(option: str, told: object, owner: str, loss: str | None) -> tuple[bool, str, str]:
    return (
        told is not None and loss != owner,
        f"{option} is for --loss {owner}.",
        f"Add --loss {owner}, or leave it out.",
    )


def _of_intervals(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    classes = sample.task == "classification"
    yield (
        settings.intervals and (classes or loss == "quantile"),
        "--intervals is for numbers whose mean is predicted.",
        "Leave it out; predict --proba says how sure a class is."
        if classes
        else "Leave it out, and train two quantiles: --quantile 0.05 --quantile 0.95.",
    )
    yield (
        settings.intervals and sample.exposure is not None,
        "--intervals is not for counts of unequal exposure.",
        "Leave it or --exposure out.",
    )


def _of_shapes(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    if sample.shapes is None:
        return
    yield (
        sample.y.shape[1] > 1,
        "a network with a shape is for one target, or for two classes.",
        "Leave the shape out, or give one --target.",
    )
    yield (
        isinstance(settings.quantile, tuple) and bool(sample.shapes[:, 1].any()),
        "--convex and --concave are for one quantile: where several would cross, their predictions "
        "change places, and bend there as they like.",
        "Leave the shape out, or train a model for each --quantile.",
    )
    for option, asked in (
        ("--loss softmax", loss == "softmax"),
        ("--layers", settings.layers != 2),
        ("--refine", settings.refine),
        ("--refit", settings.refit),
        ("--solver full", settings.solver == "full"),
        ("--cluster", settings.cluster is not None),
        ("--no-bias", not settings.bias),
        ("--no-intercept", not settings.intercept),
    ):
        yield asked, f"{option} is not for networks with a shape.", "Leave one of them out."
    yield (
        settings.order not in (None, 1, 2),
        "the neurons of a network with a shape read one column or two.",
        "Try --order 2.",
    )
    yield (
        settings.norm == 2 and settings.order == 2,
        "networks with a shape whose neurons read two columns are for --norm 1.",
        "Try --norm 1, or --order 1.",
    )


def _of_pairs(settings: Options) -> Contradictions:
    if not settings.pairs and settings.max_pairs is None:
        return
    option = "--pairs" if settings.pairs else "--max-pairs"
    yield (
        settings.norm == 2,
        f"{option} is for --norm 1: neurons of norm 2 read all columns together.",
        "Leave one of them out.",
    )
    yield (
        settings.layers != 2,
        f"{option} is for one hidden layer: deeper neurons join what others read.",
        f"Leave --layers or {option} out.",
    )
    yield (
        settings.order == 1,
        f"{option} is for neurons of two columns, and --order 1 has none.",
        "Leave one of them out.",
    )
    yield (
        settings.order not in (None, 1, 2),
        f"{option} is for neurons that read one column or two.",
        "Try --order 2.",
    )


def _of_layers(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    layers, order = settings.layers, settings.order
    if isinstance(order, list | tuple) and layers != "auto":
        yield (
            len(order) >= layers,
            f"--order names {len(order)} hidden layers, and --layers {layers} has {layers - 1}.",
            None,
        )
    yield (
        settings.solver == "full" and layers != 2,
        "--solver full is for one hidden layer.",
        "Leave it out, or try --layers 2.",
    )
    yield (
        settings.alternate > 0 and layers == 2,
        "--alternate is for more than one hidden layer.",
        "Give --layers 3, or more.",
    )
    yield (
        settings.refine and settings.norm != 2,
        "--refine is for --norm 2: with norm 1 the wedges are already the best of all neurons.",
        None,
    )


def _of_tasks(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    classes = sample.task == "classification"
    yield (
        not classes and not is_for(NUMBERS, loss),
        f"the {loss} loss is for classes, and the target is a number.",
        "Try --task classification.",
    )
    yield (
        settings.class_weight is not None and not classes,
        "--class-weight is for classification.",
        "Leave it out, or try --weight.",
    )
    yield (
        settings.threshold is not None
        and not (classes and sample.y.shape[1] == 1 and loss == "logistic"),
        "--threshold is for two classes with probabilities.",
        "Leave it out; of two classes, take the logistic loss.",
    )


def _of_calibration(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    if not settings.calibrate:
        return
    one = sample.y.shape[1] == 1 or loss == "softmax"
    yield (
        sample.task == "classification" and loss == "squared",
        "--calibrate is for probabilities, which the squared loss has none of.",
        "Leave one of them out.",
    )
    yield (
        sample.task != "classification" or not one,
        "--calibrate is for two classes, or for several that share their neurons.",
        "Leave it out; for several classes also --loss logistic.",
    )
    yield (
        settings.layers != 2 or not settings.intercept,
        "--calibrate is for one hidden layer with an output bias.",
        "Leave --layers or --no-intercept out.",
    )
    single = own_splits(settings) and len(settings.cv) == 1
    yield single, "--calibrate needs two splits or more.", "Give more splits."


def _of_folds(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    timed = sample.times is not None
    yield (
        timed and sample.groups is not None,
        "--time and --group both say which rows stay together.",
        "Leave one of them out.",
    )
    yield (
        timed and own_splits(settings),
        "--time and splits of your own both say which rows are held out.",
        "Leave one of them out.",
    )


def _of_scores(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    if settings.scoring is None:
        return
    names = [score.name for score in scores_of(sample.task, loss)]
    yield (
        settings.scoring not in names,
        f"--scoring {settings.scoring} is not for {_what(sample, loss)}.",
        f"Try one of {', '.join(names)}.",
    )
    classes = max(2, sample.y.shape[1])
    needed = loss == "squared" and SCORES[settings.scoring].needs_probabilities(classes)
    which = " of more than two classes" if classes > 2 else ""
    yield (
        needed and sample.task == "classification",
        f"--scoring {settings.scoring}{which} needs probabilities.",
        "Leave out --loss squared.",
    )


def _of_choices(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    yield (
        settings.max_neurons is not None and given_alpha(settings) is not None,
        "--max-neurons chooses alpha, and so do --alpha and --alpha-ratio.",
        "Give one of them.",
    )
    single = own_splits(settings) and len(settings.cv) == 1
    for option, asked in (
        ("--rule 1se", settings.rule == "1se"),
        ("--layers auto", settings.layers == "auto"),
    ):
        yield (
            asked and single,
            f"{option} needs a standard error, and a single split has none.",
            "Give two splits or more.",
        )


def _of_solvers(settings: Settings, sample: Sample, loss: str) -> Contradictions:
    several = sample.y.shape[1] > 1 and sample.task != "classification"
    full = ("--solver full", settings.solver == "full")
    for option, asked in (full, ("--refine", settings.refine)):
        yield (
            asked and several,
            f"{option} is for one target.",
            "Leave it out, or give one --target.",
        )
    for option, asked in (full, ("--refit", settings.refit)):
        yield (
            asked and loss != "squared",
            f"{option} is for the squared loss.",
            "Add --loss squared, or leave it out.",
        )


def _what(sample: Sample, loss: str) -> str:
    """What scores are for, in words."""
    return sample.task if loss in ("squared", "logistic", "softmax") else f"the {loss} loss"
