"""Settings as the parameters of estimators: their signature, docstring, checks and values, and how
messages name them."""

import re
import textwrap
from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from wedgefit.data.settings import DIRECTIONS
from wedgefit.learning.settings import Options
from wedgefit.ranges import Flag, Range
from wedgefit.setting import NETWORK, Setting, settings_of

# An option in a message, and the value that may follow it.
_OPTION = re.compile(
    r"--(?P<name>[a-z][a-z-]*[a-z])(?: (?P<value>[^\s;:()]+?)(?=[.,]?(?:[\s;:)]|$)))?"
)
# An option that is told again and again is one parameter of several values.
_AGAIN = re.compile(r"\b(\w+)=([^\s=]+)((?: \1=[^\s=]+?)+)(?=[.,]?(?:[\s;:)]|$))")


def parameters_of(task: str | None) -> dict[str, Setting]:
    """The settings that are parameters of the estimators for a task, by the parameter's name."""
    declared = settings_of(Options).values()
    return {one.parameter: one for one in declared if one.parameter and one.task in (None, task)}


def with_parameters(
    task: str | None = None, attributes: str = "", own: Sequence[Setting] = (), **defaults
):
    """A class decorator: keyword parameters for all settings, described where the docstring says
    ``{parameters}``; so are ``attributes``. ``own``: parameters that are no settings, ``defaults``:
    of those that differ from the setting's.
    """
    settings = parameters_of(task) | {one.name: one for one in own}
    # The seed is 0 unless given, as equal data must give equal results.
    defaults = (
        {name: one.default for name, one in settings.items()} | {"random_state": None} | defaults
    )

    def decorate(kind: type) -> type:
        def __init__(self, **given):
            if unknown := given.keys() - defaults.keys():
                words = f"got an unexpected keyword argument {min(unknown)!r}"
                raise TypeError(f"{kind.__name__}.__init__() {words}")
            for name, default in defaults.items():
                setattr(self, name, given.get(name, default))

        keywords = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default)
            for name, default in defaults.items()
        ]
        self_ = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
        __init__.__signature__ = Signature([self_, *keywords])
        __init__.__qualname__ = f"{kind.__name__}.__init__"
        kind.__init__ = __init__
        described = "\n".join(
            _described(name, one, defaults[name]) for name, one in settings.items()
        )
        pieces = {"{parameters}": described, "{attributes}": attributes}
        for mark, piece in pieces.items():
            kind.__doc__ = kind.__doc__.replace(mark, piece.strip())
        return kind

    return decorate


def _described(name: str, one: Setting, default) -> str:
    """The setting in the docstring of an estimator."""
    optional = default is None and not one.optional
    kind = f"{one.words}{' or None' if optional else ''}, default={default!r}"
    by_default = f" By default: {one.by_default}." if one.by_default else ""
    says = textwrap.wrap(as_parameters(one.says + by_default), 92)
    return "\n".join([f"    {name} : {kind}", *(f"        {line}" for line in says)])


# Values -------------------------------------------------------------------------------------------


class Directions(Range):
    """−1, 0 or 1 for each feature, by scikit-learn's ``monotonic_cst``."""

    words = "an array with 1 (increasing), -1 (decreasing) or 0 for every feature"

    def take(self, value) -> list[int]:
        numbers = np.asarray(value)
        if numbers.ndim != 1 or not np.isin(numbers, (-1, 0, 1)).all():
            raise ValueError
        return [int(number) for number in numbers]


MONOTONIC = Setting(
    "monotonic_cst",
    Directions(),
    None,
    NETWORK,
    "In which features the network must not fall or must not rise: it is the best of all that do"
    " not, proven. With it the order is 1 unless given. For two classes it speaks of the"
    " probability of the second.",
    in_python="a dict from names of features to such a number",
)


def settings_told(estimator: Any) -> dict[str, Any]:
    """The settings that the parameters of an estimator stand for, as plain values. Raises
    ValueError for a parameter of no meaning."""
    parameters = parameters_of(estimator._task).items()
    return {one.name: _plain(estimator, name, one) for name, one in parameters}


def _plain(estimator: Any, name: str, one: Setting) -> Any:
    value = getattr(estimator, name)
    try:
        if name == "random_state":
            value = _seed(value)
        if name == "n_jobs" and value == -1:
            value = None
        if name == "class_weight" and isinstance(value, dict):
            # It is in the weights of the rows.
            value = None
        return one.take(value)
    except (ValueError, TypeError, OverflowError):
        raise _refused(estimator, name, value, one) from None


def _seed(random_state) -> int:
    if random_state is None:
        return 0
    if isinstance(random_state, np.random.RandomState):
        return random_state.randint(2**31 - 1)
    return random_state


def _refused(estimator: Any, name: str, value: Any, one: Setting) -> ValueError:
    kind = type(estimator).__name__
    return ValueError(f"the parameter {name!r} of {kind} is {value!r}; expected {one.words}.")


def shapes_told(estimator: Any, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Which of these columns the network is to be increasing or decreasing in, by the estimator's
    ``monotonic_cst``. Raises ValueError."""
    told = getattr(estimator, MONOTONIC.name, None)
    if told is None:
        return {}
    if isinstance(told, dict):
        if not hasattr(estimator, "feature_names_in_"):
            raise ValueError("monotonic_cst is a dict, and X has no names of features.")
        if unknown := [name for name in told if name not in names]:
            raise ValueError(f"monotonic_cst names {unknown[0]!r}, which X does not have.")
        told = [told.get(name, 0) for name in names]
    try:
        directions = MONOTONIC.take(told)
    except (ValueError, TypeError):
        raise _refused(estimator, MONOTONIC.name, told, MONOTONIC) from None
    if len(directions) != len(names):
        raise ValueError(
            f"monotonic_cst has {len(directions)} numbers, and X has {len(names)} features."
        )
    return {
        shape: tuple(name for name, way in zip(names, directions) if way == number)
        for shape, number in DIRECTIONS.items()
    }


# Messages -----------------------------------------------------------------------------------------


def as_parameters(message: str) -> str:
    """A message with parameters where it names options: ``--refine`` is ``refine=True``, ``--norm
    2`` is ``norm=2``. What the estimators do not have keeps its bare name."""
    options = {one.option: one for one in settings_of(Options).values()}
    options |= {f"--no-{one.option[2:]}": one for one in options.values() if _switches_off(one)}

    def spelled(match: re.Match) -> str:
        option, value = f"--{match['name']}", match["value"]
        one = options.get(option)
        if one is None or one.parameter is None:
            return match[0].removeprefix("--")
        after = "" if value is None else f" {value}"
        if isinstance(one.range, Flag):
            return f"{one.parameter}={not one.default}{after}"
        try:
            return f"{one.parameter}={one.range.read(value or '')!r}"
        except ValueError:
            return one.parameter + after

    return _AGAIN.sub(_together, _OPTION.sub(spelled, message))


def _together(match: re.Match) -> str:
    name, first, others = match.groups()
    return f"{name}=({first}{others.replace(f' {name}=', ', ')})"


def _switches_off(one: Setting) -> bool:
    return isinstance(one.range, Flag) and one.default is True
