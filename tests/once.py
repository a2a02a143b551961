"""Work that all processes of one run of the tests need is done by the first that comes to it."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Elsewhere each process does its own work.
    fcntl = None

# Where the processes of a run meet; None where there is only one.
_folder: Path | None = None


def share(folder: Path) -> None:
    """Meet the other processes of the run in this folder, from now on."""
    global _folder
    _folder = folder


def made(name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes, or what another process has made under this name."""
    if _folder is None or fcntl is None:
        return make()
    stored = _folder / f"{name}.pickle"
    with alone(_folder / name):
        if stored.exists():
            return pickle.loads(stored.read_bytes())
        thing = make()
        stored.write_bytes(pickle.dumps(thing))
    return thing


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """No other process is here before this one has left or ended; threads of one do not wait."""
    with open(place, "w") as file:
        if fcntl is not None:
            fcntl.lockf(file, fcntl.LOCK_EX)
        yield
