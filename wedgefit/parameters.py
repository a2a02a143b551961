"""Settings as the parameters of estimators: their signature, docstring, checks, and how messages
name them."""

import re
import textwrap
from collections.abc import Sequence
from inspect import Parameter, Signature

from wedgefit.learning.settings import Options
from wedgefit.setting import Flag, Setting, settings_of

# An option in a message, and the value that may follow it.
_OPTION = re.compile(
    r"--(?P<name>[a-z][a-z-]*[a-z])(?: (?P<value>[^\s;:()]+?)(?=[.,]?(?:[\s;:)]|$)))?"
)


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

    return _OPTION.sub(spelled, message)


def _switches_off(one: Setting) -> bool:
    return isinstance(one.range, Flag) and one.default is True
