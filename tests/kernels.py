"""Compiled kernels in the tests: each is compiled by one process, and none is an old one."""

import re
from contextlib import ExitStack
from pathlib import Path
from threading import Lock

from once import alone


def compile_one_at_a_time(place: Path) -> None:
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
                    self.turn.enter_context(alone(place))

        def on_end(self, event):
            with self.mutex:
                self.depth -= 1
                if self.depth == 0:
                    self.turn.close()

    event.register("numba:compiler_lock", Turns())


def forget_old_ones(folder: Path) -> None:
    """Delete kernels that were compiled before a file that they import from was last changed: numba
    looks at their own file only, and tests would run what stood there before."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    reads = {
        name: set(re.findall(r"^from wedgefit\.engine\.(\w+) import", text, re.MULTILINE))
        for name, text in texts.items()
        if re.search("^from numba import", text, re.MULTILINE)
    }
    for name in reads:
        sources = {name}
        while more := set().union(*(reads.get(each, set()) for each in sources)) - sources:
            sources |= more
        changed = max(
            folder.joinpath(f"{each}.py").stat().st_mtime for each in sources & texts.keys()
        )
        for kept in folder.glob(f"__pycache__/{name}.*.nbc"):
            if kept.stat().st_mtime < changed:
                kept.unlink()
