"""What the parts of the problem in a model file promise each other, and the table's columns."""

from collections.abc import Callable, Iterator

from wedgefit.data.encoding import Encoding
from wedgefit.data.settings import DIRECTIONS
from wedgefit.data.shape import contradiction
from wedgefit.engine.dictionary import order_of
from wedgefit.learning.calibrating import Line
from wedgefit.learning.scores import NUMBERS, is_for
from wedgefit.learning.settings import OF_ANY_NETWORK
from wedgefit.learning.threshold import Threshold
from wedgefit.model.parts import ProblemRecord
from wedgefit.model.record import loss_in, outputs_of
from wedgefit.records import Complaint


def problem_complaints(
    problem: ProblemRecord, encoding: Encoding, threshold: Threshold | None
) -> Iterator[Complaint]:
    """Values of which only some have a meaning together."""
    width = len(encoding.names)
    classes = encoding.target.classes is not None
    task = encoding.target.task
    if isinstance(problem.order, tuple) and len(problem.order) != problem.layers - 1:
        yield Complaint("problem.order", "one, or one for each hidden layer")
    first = order_of(problem.order, 1)
    if first != "full" and first > width:
        yield Complaint("problem.order", f'"full" or 1 to {width}', str(first))
    for_classes = not is_for(NUMBERS, problem.loss)
    if for_classes and not classes:
        yield Complaint("problem.loss", f'"squared" in a {task}', f'"{problem.loss}"')
    if problem.loss == "softmax" and _one_score(encoding):
        yield Complaint("problem.loss", '"squared" or "logistic" of two classes', '"softmax"')
    if problem.loss not in OF_ANY_NETWORK and (classes and not for_classes or problem.layers > 2):
        words = f'"squared" or "logistic" in a {task} of {problem.layers} layers'
        yield Complaint("problem.loss", words, f'"{problem.loss}"')
    for name, value in (("quantile", problem.quantile), ("huber_delta", problem.huber_delta)):
        if (problem.loss == name.split("_")[0]) != (value is not None):
            yield Complaint(f"problem.{name}", f"null but for the {name.split('_')[0]} loss")
    if isinstance(problem.quantile, tuple) and list(problem.quantile) != sorted(problem.quantile):
        yield Complaint("problem.quantile", "in ascending order")
    if problem.class_weight and not classes:
        yield Complaint("problem.class_weight", f"null in a {task}", '"balanced"')
    if threshold and not (classes and problem.loss == "logistic" and _one_score(encoding)):
        yield Complaint("threshold", "null unless two classes have probabilities")
    if problem.refitted and problem.loss != "squared":
        yield Complaint("problem.refitted", "false: only networks of the squared loss are refitted")
    if problem.robust != encoding.robust:
        yield Complaint("problem.robust", "as encoding.robust is")
    yield from _calibration(problem, encoding)
    yield from _shapes(problem, encoding)
    yield from _pairs(problem, encoding)


def _calibration(problem: ProblemRecord, encoding: Encoding) -> Iterator[Complaint]:
    """A shift or steps for each output, of one network whose outputs are of classes."""
    found = problem.calibration
    if found is None:
        return
    shared = _one_score(encoding) or problem.loss == "softmax"
    has_odds = not is_for(NUMBERS, problem.loss)
    if not (has_odds and shared and problem.intercept):
        words = "null but for classes of one network with an output bias"
        yield Complaint("problem.calibration", words)
        return
    name = "shifts" if isinstance(found, Line) else "outputs"
    if len(getattr(found, name)) != len(outputs_of(encoding.target, loss_in(problem))):
        yield Complaint(f"problem.calibration.{name}", "one for each output")


def _shapes(problem: ProblemRecord, encoding: Encoding) -> Iterator[Complaint]:
    """Shapes that go together, of columns of numbers, in a network that can have one."""
    if not problem.shapes:
        return
    numbers = {column.name for column in encoding.inputs if column.kind == "numeric"}
    numbers |= {name for name, _ in encoding.left_out}
    for name, shapes in problem.shapes.items():
        if name not in numbers:
            yield Complaint("problem.shapes", "of columns of numbers", name)
        if found := contradiction(shapes):
            words = f"{found[0]} or {found[1]}, not both"
            yield Complaint(f"problem.shapes.{name}", words)
    plain_kind = problem.hidden_bias and problem.intercept and not problem.refined
    narrow = problem.order == 1 or (problem.order == 2 and problem.norm == 1)
    if not narrow or problem.layers > 2 or not plain_kind or problem.refitted:
        words = "empty but for networks of order 1 or 2 with biases, of one hidden layer"
        yield Complaint("problem.shapes", words)
    if not _one_score(encoding):
        yield Complaint("problem.shapes", "empty but for one target or two classes")
    if isinstance(problem.quantile, tuple) and not set(sum(problem.shapes.values(), ())) <= {
        *DIRECTIONS
    }:
        yield Complaint("problem.shapes", f"of several quantiles {' or '.join(DIRECTIONS)}")


def _pairs(problem: ProblemRecord, encoding: Encoding) -> Iterator[Complaint]:
    """Pairs of columns that the model knows, in a network whose neurons read one of them or two."""
    if problem.pairs is None:
        return
    known = {column.name for column in encoding.inputs} | {name for name, _ in encoding.left_out}
    for i, pair in enumerate(problem.pairs):
        if pair[0] == pair[1] or not {*pair} <= known:
            yield Complaint(f"problem.pairs[{i}]", "two different columns that the model has")
    if len({frozenset(pair) for pair in problem.pairs}) < len(problem.pairs):
        yield Complaint("problem.pairs", "of distinct pairs")
    if problem.order not in (1, 2) or problem.layers > 2 or problem.norm != 1:
        words = "null but for networks of norm 1 and order 2, of one hidden layer"
        yield Complaint("problem.pairs", words)


def read_together(problem: ProblemRecord, encoding: Encoding) -> Callable[[list[str]], bool] | None:
    """What says whether a neuron may read these features together; None where any may."""
    if problem.pairs is None:
        return None
    pairs = {frozenset(pair) for pair in problem.pairs}
    source = {feature.name: feature.source for feature in encoding.features}

    def may(columns: list[str]) -> bool:
        read = frozenset(source.get(name, name) for name in columns)
        return len(read) == 1 or read in pairs

    return may


def _one_score(encoding: Encoding) -> bool:
    return len(encoding.target.outputs) == 1
