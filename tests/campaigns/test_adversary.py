"""Tables that are made to break a proof: no bound is above what can be reached."""

import pytest
from campaigns.adversary import AGREE, campaign
from campaigns.conic import bounding


def test_four_tables_break_no_proof():
    counts, largest, wrong = campaign(4, seed=6)
    assert wrong == [] and largest <= AGREE and counts["exact"] > 2


@pytest.mark.slow
@pytest.mark.parametrize("forced", [False, True], ids=["as it is", "bounds forced"])
def test_a_hundred_tables_break_no_proof(forced):
    if forced:
        with bounding():
            counts, largest, wrong = campaign(100, seed=2000)
    else:
        counts, largest, wrong = campaign(100, seed=1000)
    print(f"largest excess {largest:.1e}", counts)
    assert wrong == [] and largest <= AGREE and counts["exact"] > 60
