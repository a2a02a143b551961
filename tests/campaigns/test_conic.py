"""Certificates that rest on bounds, forced on small problems, against a conic solver."""

import numpy as np
import pytest
from campaigns.conic import SHARP, campaign


def unsound(found):
    """Bounds above an optimum, and objectives off it, by more than the conic solver is off; of
    patches, by more than the gap that they have proven."""
    return [one for one in found if one.excess > 1e-8 or one.above > max(1e-6, one.gap)]


def sharp(found):
    """The gaps that have nothing in the way, in two columns."""
    return np.array([one.gap for one in found if one.sharp and "2 columns" in one.kind])


@pytest.mark.parametrize("keeps_lines", [False, True])
def test_ten_bounded_certificates_against_the_conic_solver(keeps_lines):
    found = campaign(10, columns=2, keeps_lines=keeps_lines)
    assert unsound(found) == [] and sharp(found).max() <= SHARP


@pytest.mark.slow
@pytest.mark.parametrize("keeps_lines", [False, True])
@pytest.mark.parametrize("piece", range(3), ids="{}-".format)
def test_three_hundred_bounded_certificates_against_the_conic_solver(piece, keeps_lines):
    found = campaign(100, seed=1000 * (piece + 1), keeps_lines=keeps_lines)
    excess, gaps = max(one.excess for one in found), sharp(found)
    print(f"largest excess {excess:.1e}, largest gap {gaps.max():.1e}")
    assert unsound(found) == [] and np.mean(gaps <= SHARP) > 0.98
