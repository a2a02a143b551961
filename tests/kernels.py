"""Compiled kernels in the tests: each is compiled by one process, and none is an old one."""

import re
from pathlib import Path

from once import alone


def compile_once(folder: Path) -> None:
    """Have every kernel compiled by one process: who comes to it meanwhile waits for this kernel
    alone, and finds it in numba's cache."""
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    folder.mkdir(exist_ok=True)
    compiled = Dispatcher.compile

    def compile(kernel, signature):
        function = kernel.py_func
        # Kernels call none that calls them, so that no two processes wait for each other.
        if not function.__module__.startswith("wedgefit."):
            return compiled(kernel, signature)
        # The lock of the process first: locks of files are no hindrance to its own threads.
        with (
            global_compiler_lock,
            alone(folder / f"{function.__module__}.{function.__name__}"),
        ):
            return compiled(kernel, signature)

    Dispatcher.compile = compile


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
