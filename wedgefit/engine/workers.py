"""Who does the blocks of a round: threads here, or the workers of a dask scheduler."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from weakref import finalize

import numpy as np

from wedgefit.engine.pencil import Pencils, Sweeper, sweep_block
from wedgefit.errors import FitError

# How long to wait for a scheduler to answer.
CONNECT_SECONDS = 10


def sweep_here(
    sweeper: Sweeper, blocks: list[Pencils], v: np.ndarray, arcs: bool, jobs: int
) -> list:
    """Sweep all blocks in threads: sorts and sweeps let go of the interpreter."""
    work = partial(sweep_block, sweeper, v=v, arcs=arcs)
    if jobs == 1 or len(blocks) == 1:
        return list(map(work, blocks))
    # Not joblib's threads: it looks for results every 10 ms, as long as a whole partial round
    # takes.
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, blocks))


class Machines:
    """The workers of a dask scheduler as a joblib backend; the rows are sent once, then only v
    travels.

    Raises FitError when the extra is not installed or nobody answers at the address.
    """

    def __init__(self, address: str, sweeper: Sweeper):
        if not find_spec("distributed"):
            raise FitError(
                "--cluster needs dask.", remedy="Install it: pip install 'wedgefit[cluster]'."
            )
        from distributed import Client
        from joblib import parallel_config
        from joblib.parallel import get_active_backend

        try:
            self.client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise FitError(
                f"no dask scheduler answers ({error}).", where=address, remedy="Is it running?"
            ) from None
        finalize(self, self.client.close)
        # The backend that holds the scattered rows is made once; every round then runs under this
        # very instance.
        config = parallel_config(backend="dask", client=self.client, scatter=[sweeper])
        self.backend, _ = get_active_backend()
        config.unregister()

    def sweep(
        self, sweeper: Sweeper, blocks: list[Pencils], v: np.ndarray, arcs: bool, jobs: int
    ) -> list:
        """Sweep all blocks on the workers. dask gives a lost worker's blocks to the others; without
        any, they run here."""
        from joblib import Parallel, delayed, parallel_config

        try:
            with parallel_config(backend=self.backend):
                return Parallel()(delayed(sweep_block)(sweeper, block, v, arcs) for block in blocks)
        except Exception:
            # Whatever a cluster can die of: the work itself is sound, or it fails again here, where
            # it can be told.
            return sweep_here(sweeper, blocks, v, arcs, jobs)
