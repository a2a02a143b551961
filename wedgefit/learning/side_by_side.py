"""Folds side by side: each gets a process of its own as soon as they take long."""

import multiprocessing
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from wedgefit.errors import FitError

# Walkers stay here for so many seconds before processes pay. What is loaded and known by then, all
# of them share.
SECONDS_HERE = 1.0

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def goes_side_by_side(jobs: int) -> bool:
    """Whether walkers can get processes of their own: copies of this one, which only Linux makes
    safely, and neither beside threads that others have begun nor in a process that must have no
    children."""
    here = threading.current_thread() is threading.main_thread()
    return (
        jobs > 1
        and sys.platform == "linux"
        and here
        and not multiprocessing.current_process().daemon
    )


class SideBySide(AbstractContextManager, Generic[Question, Answer]):
    """Walkers that hear the same questions and remember what they were asked before; ``jobs`` of
    them answer at a time.

    Where an answer takes long they go on in processes of their own, with the same answers. Leaving
    the context ends these at once. ``before`` that, what each would have to load is loaded once.
    """

    def __init__(
        self,
        walkers: Sequence[Callable[[Question], Answer]],
        jobs: int,
        before: Callable[[], None] = lambda: None,
    ):
        self._walkers, self._jobs, self._before = walkers, jobs, before
        self._may_part = len(walkers) > 1 and goes_side_by_side(jobs)
        self._seconds = 0.0
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._lines: list[Connection] = []

    def answers(self, question: Question) -> Iterator[Answer]:
        """What every walker answers, in their order.

        Raises what a walker raises, and FitError when one has been ended from outside.
        """
        self._ask(self._lines, question)
        for place, walker in enumerate(self._walkers):
            if self._lines:
                yield self._received(self._lines[place])
                continue
            clock = time.monotonic()
            answer = walker(question)
            self._seconds += time.monotonic() - clock
            if self._may_part and self._seconds > SECONDS_HERE:
                self._part()
                self._ask(self._lines[place + 1 :], question)
            yield answer

    def __exit__(self, *_) -> None:
        for process in self._processes:
            process.kill()
        for process, line in zip(self._processes, self._lines):
            process.join()
            line.close()
        self._processes, self._lines = [], []

    @staticmethod
    def _ask(lines: Sequence[Connection], question: Question) -> None:
        try:
            for line in lines:
                line.send(question)
        except OSError:
            raise _ended() from None

    def _received(self, line: Connection) -> Answer:
        """What comes along a line. One that is ended takes its turn with it, so that all are
        watched: those that wait for a turn would wait for ever."""
        if line not in wait([line, *(process.sentinel for process in self._processes)]):
            raise _ended()
        try:
            answer, error = line.recv()
        except (EOFError, OSError):
            raise _ended() from None
        if error is not None:
            raise error
        return answer

    def _part(self) -> None:
        """Give every walker, as it is now, a process; where there is no room for these, or there
        are no semaphores, as in some containers, all stay here."""
        self._before()
        try:
            self._begin()
        except OSError:
            self.__exit__()
            self._may_part = False

    def _begin(self) -> None:
        copies = multiprocessing.get_context("fork")
        turns = copies.Semaphore(self._jobs)
        for walker in self._walkers:
            here, there = copies.Pipe()
            lines = (*self._lines, here)
            process = copies.Process(target=_serve, args=(walker, there, lines, turns), daemon=True)
            with warnings.catch_warnings():
                # A bar's thread may be running, which a copy never asks for anything.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            there.close()
            self._processes.append(process)
            self._lines.append(here)


def _serve(
    walker: Callable, line: Connection, others: Sequence[Connection], turns: AbstractContextManager
) -> None:
    """Answer until nobody asks. ``others``: lines of the process that asks, whose end is not seen
    while copies hold them open."""
    # Ctrl-C reaches all processes; what becomes of it the one that asks decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in others:
        other.close()
    while True:
        try:
            question = line.recv()
        except EOFError:
            return
        try:
            with turns:
                answer, error = walker(question), None
        except Exception as raised:
            answer, error = None, raised
        line.send((answer, error))


def _ended() -> FitError:
    return FitError(
        "a process that learnt a fold was ended from outside.",
        remedy="Is memory short? Try --jobs 1.",
    )
