"""What kernels share gives what NumPy does."""

import numpy as np
import pytest


def test_sorted_as_numpy_sorts_with_equal_keys_as_they_stood(rng):
    numba = pytest.importorskip("numba")
    from wedgefit.engine.compiling import RUN, sort_by

    @numba.njit
    def sort(keys, order, room):
        sort_by(keys, order, room)

    for n in (0, 1, 2, RUN - 1, RUN, RUN + 1, 2 * RUN, 5 * RUN + 3, 1000):
        for keys in (rng.normal(size=n + 7), rng.integers(0, 4, n + 7) / 2, np.arange(n + 7.0)):
            order = rng.permutation(n + 7)[:n]
            expected = order[np.argsort(keys[order], kind="stable")]
            sort(keys, order, np.empty_like(order))
            np.testing.assert_array_equal(order, expected)
