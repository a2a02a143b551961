"""Who does the blocks of a round: threads here, or the workers of a dask scheduler."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from weakref import finalize

from wedgefit.errors import FitError

# How long to wait for a scheduler to answer.
CONNECT_SECONDS = 10


# A block for another machine is this many times larger, so that it takes longer than its journey.
MACHINES_BLOCK = 32


class Threads:
    """So many threads of this process: sorts, sweeps and bounds let go of the interpreter."""

    larger = 1

    def __init__(self, jobs: int):
        self.jobs = jobs

    def run(self, work: Callable, shared, parts: Sequence, *more) -> list:
        """``work(shared, part, *more)`` of every part, in their order."""
        one = lambda part: work(shared, part, *more)
        if self.jobs == 1 or len(parts) == 1:
            return list(map(one, parts))
        # Not joblib's threads: it looks for results every 10 ms, as long as a whole partial round
        # takes.
        with ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(one, parts))


class Machines:
    """The workers of a dask scheduler as a joblib backend. What is ``shared`` of all that they will
    do is sent once, then only v travels; without workers ``otherwise`` does it.

    Raises FitError when the extra is not installed or nobody answers at the address.
    """

    larger = MACHINES_BLOCK

    def __init__(self, address: str, shared: list, otherwise: Threads):
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
        self.otherwise = otherwise
        # The backend that holds the scattered rows is made once; every round then runs under this
        # very instance.
        config = parallel_config(backend="dask", client=self.client, scatter=shared)
        self.backend, _ = get_active_backend()
        config.unregister()

    def run(self, work: Callable, shared, parts: Sequence, *more) -> list:
        """As threads do it, on the workers. dask gives a lost worker's parts to the others; without
        any, they are done here."""
        from joblib import Parallel, delayed, parallel_config

        try:
            with parallel_config(backend=self.backend):
                return Parallel()(delayed(work)(shared, part, *more) for part in parts)
        except Exception:
            # Whatever a cluster can die of: the work itself is sound, or it fails again here, where
            # it can be told.
            return self.otherwise.run(work, shared, parts, *more)


Workers = Threads | Machines
