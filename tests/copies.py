"""wedgefit without its start: a process that has loaded everything, and a copy of it for each call.

``serving(folder)`` puts a program ``wedgefit`` into a folder. It hands its words, its folder and
its three streams to a copy, and ends as that does: shells, pipes and exit codes are real.
"""

import hashlib
import importlib
import json
import os
import pkgutil
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What stands in the place of wedgefit; it loads next to nothing.
CALLER = """#!{python} -IS
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
socket.send_fds(line, [json.dumps([os.getcwd(), *sys.argv[1:]]).encode()], [0, 1, 2])
sys.exit(int(line.recv(16) or b"70"))
"""
LONGEST = 1 << 16


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which ``wedgefit`` is the program in this folder."""
    address, program = str(folder / "line"), folder / "wedgefit"
    program.write_text(CALLER.format(python=sys.executable, address=address))
    program.chmod(0o755)
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    # The code under test, whatever else is installed.
    environment = {"PATH": path, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, __file__, address, str(folder)],
        env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as server:  # fmt: skip
        assert server.stdout.readline() == b"ready\n"
        yield environment
        # It ends where its standard input does, and so whenever the tests end.
        server.stdin.close()


def serve(address: str, folder: Path) -> None:
    from wedgefit.cli import main

    load_everything()
    line = socket.socket(socket.AF_UNIX)
    line.bind(address)
    line.listen()
    print("ready", flush=True)
    while (call := next_call(line)) is not None:
        if os.fork():
            call.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            continue
        line.close()
        answer(call, main, folder)


def load_everything() -> None:
    import wedgefit

    for module in pkgutil.walk_packages(wedgefit.__path__, "wedgefit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def next_call(line: socket.socket) -> socket.socket | None:
    """The next to call, or None at the end of standard input."""
    ready, _, _ = select.select([line, 0], [], [])
    return None if 0 in ready else line.accept()[0]


def answer(call: socket.socket, main, folder: Path) -> None:
    """Be the program that was called, and never come back."""
    text, streams, _, _ = socket.recv_fds(call, LONGEST, 3)
    here, *words = json.loads(text)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(here)
    sys.argv = ["wedgefit", *words]
    made = folder / told(words) if words[0] == "train" and "--quiet" in words else None
    output = words[words.index("-o") + 1] if "-o" in words else "wedgefit.json"
    code = 0
    if made is not None and made.exists():
        shutil.copy(made, output)
    else:
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        if made is not None and not code:
            shutil.copy(output, made)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    call.sendall(str(code).encode())
    os._exit(0)


def told(words: list[str]) -> str:
    """A name for the words and what is in the files that they name. A model that is trained
    silently is taken from one that was trained in the same words on the same files."""
    files = [Path(word).read_bytes() for word in words if Path(word).is_file()]
    return hashlib.sha256(repr((words, files)).encode()).hexdigest()


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
