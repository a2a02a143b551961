"""Which cases of a test run always: those that differ in kind. The rest are marked slow."""

from collections.abc import Iterable
from typing import Any

import pytest


def only(quick: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """The cases as parameters; those that are not among the quick ones are slow."""
    quick, cases = list(quick), list(cases)
    assert all(case in cases for case in quick), "or a case was renamed"
    return [case if case in quick else _slow(case) for case in cases]


def every(step: int, cases: Iterable[Any]) -> list[Any]:
    """The cases as parameters, of which one in so many always runs."""
    return [_slow(case) if k % step else case for k, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.slow)
