"""What a model remembers of how its rows lie along a column."""

import numpy as np
import pytest
from encoded import encode

from wedgefit.data.distribution import MOST_VALUES, Distribution, distributions
from wedgefit.data.table import read_table


@pytest.mark.parametrize("decimals", (2, 3, 16))
@pytest.mark.parametrize("shift", (0.0, 1e9))
@pytest.mark.parametrize("seed", range(3))
def test_groups_of_many_values_lie_within_their_range(tmp_path, decimals, shift, seed):
    """A group of one value was off by its last digit: a model refused to be read again."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(0, 40, 300), decimals) + shift
    file = tmp_path / "d.csv"
    file.write_text("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in zip(x.tolist(), x.tolist())))
    table = read_table(str(file))
    encoding, _ = encode(table, target="y")
    (found,) = distributions(encoding, table, None)
    assert not list(found.complaints())
    assert len(found.values) <= MOST_VALUES < len(np.unique(x))
    assert encoding.inputs[0].seen == (x.min(), x.max())
    assert x.min() <= found.values[0] and found.values[-1] <= x.max()
    mean = sum(part * value for part, value in zip(found.parts, found.values))
    assert mean == pytest.approx(x.mean(), rel=1e-12)


@pytest.mark.parametrize("values, levels", (((1.0, 3.0, 2.0), ()), ((1.0, 2.0), ("u",))))
def test_values_out_of_order_or_of_text_are_refused(values, levels):
    wrong = Distribution("x", values, levels, (0.2, 0.3, 0.5), 0.0)
    assert [complaint.path for complaint in wrong.complaints()] == ["values"]
