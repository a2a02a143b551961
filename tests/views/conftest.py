"""Pages whose words are looked at, not their pictures."""

import pytest

from wedgefit.views import page


@pytest.fixture
def without_pictures(monkeypatch):
    """Pages have a mark in the place of each picture: drawing is nearly all that they cost."""
    monkeypatch.setattr(
        page.plot, "inline", lambda model, table, kind: f"<svg><!-- {kind} --></svg>"
    )
