"""Work that all processes of one run of the tests need is done by the first that comes to it."""

import fcntl
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

# Where the processes of a run meet; None where there is only one.
_folder: Path | None = None


def share(folder: Path) -> None:
    """Meet the other processes of the run in this folder, from now on."""
    global _folder
    _folder = folder
    if find_spec("numba") is not None:
        _compile_one_at_a_time(folder / "kernels")


def made(name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes, or what another process has made under this name."""
    if _folder is None:
        return make()
    stored = _folder / f"{name}.pickle"
    with _alone(_folder / name):
        if stored.exists():
            return pickle.loads(stored.read_bytes())
        thing = make()
        stored.write_bytes(pickle.dumps(thing))
    return thing


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """No other process is here before this one has left or ended; threads of one do not wait."""
    with open(place, "w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def _compile_one_at_a_time(place: Path) -> None:
    """Have numba compile in one process at a time. It looks for a kernel in its cache once it may
    compile, and so finds what others have compiled meanwhile."""
    from numba.core import event

    class Turns(event.Listener):
        def __init__(self):
            self.mutex, self.depth, self.turn = Lock(), 0, ExitStack()

        def on_start(self, event):
            with self.mutex:
                self.depth += 1
                if self.depth == 1:
                    self.turn.enter_context(_alone(place))

        def on_end(self, event):
            with self.mutex:
                self.depth -= 1
                if self.depth == 0:
                    self.turn.close()

    event.register("numba:compiler_lock", Turns())
