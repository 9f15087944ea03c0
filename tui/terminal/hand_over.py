"""The terminal handed over to another program, such as a pager: the console steps aside and comes back."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from textual.app import App, SuspendNotSupported

from engine.base.errors import BadInput, QuarterdeckError


class HandOverFailed(QuarterdeckError):
    """The other program could not be run, or ended with an error."""

    code = "hand_over_failed"


def program(environ: Mapping[str, str], variable: str, otherwise: str) -> list[str]:
    """The program that a variable such as PAGER names, with its options; no shell reads it. Raises BadInput."""
    named = environ.get(variable, "").strip()
    try:
        words = shlex.split(named) or [otherwise]
    except ValueError as error:
        remedy = f"Set it to a program, as `{otherwise}`."
        raise BadInput(f"{variable} cannot be read: {error}.", remedy=remedy) from error
    if shutil.which(words[0], path=environ.get("PATH")) is None:
        source = f"${variable}" if named else "the default"
        raise BadInput(
            f"There is no program {words[0]!r} ({source}).", remedy=f"Install it, or set {variable} to another one."
        )
    return words


@dataclass(frozen=True, slots=True)
class Program:
    """What runs in the terminal: without a shell, in the console's folder and environment unless it has its own.

    With `dies_with_us` it is sent SIGTERM when the console ends before it.
    """

    argv: Sequence[str]
    cwd: str | None = None
    environment: Mapping[str, str] | None = None
    dies_with_us: bool = False


def hand_over(app: App[Any], argv: Sequence[str]) -> None:
    """Run a program in the console's terminal and wait for its end. Raises HandOverFailed."""
    if code := lend_terminal(app, Program(argv)):
        raise HandOverFailed(f"`{shlex.join(argv[:1])}` {ending(code)}.", remedy="Try it in a shell.")


def check_display(app: App[Any], remedy: str) -> None:
    """Raises HandOverFailed for a display that is no terminal of ours, such as a page of a browser."""
    driver = app._driver  # noqa: SLF001 - Textual has no public way to ask before it suspends
    if driver is None or not driver.can_suspend:
        raise HandOverFailed("This display cannot be handed to another program.", remedy=remedy)


def lend_terminal(app: App[Any], program: Program) -> int:
    """Run a program in the console's terminal; its exit code, negative for a signal. Raises HandOverFailed."""
    try:
        with app.suspend():
            code = run(program)
    except SuspendNotSupported as error:
        remedy = "Export it instead, or use the console in a terminal."
        raise HandOverFailed("This display cannot be handed to another program.", remedy=remedy) from error
    app.refresh(layout=True)
    return code


def ending(code: int) -> str:
    """How a program ended, in words."""
    return f"ended with exit code {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"


def run(program: Program) -> int:
    """Run a program in this very terminal and wait for its end. Raises HandOverFailed."""
    argv = tuple(program.argv)
    if program.dies_with_us:
        from engine.launchers.kernel import with_parent_death_signal

        argv = with_parent_death_signal(argv)
    try:
        with _keys_for_the_program(), _passing_on() as started:
            process = subprocess.Popen(argv, cwd=program.cwd, env=program.environment)
            started(process)
            return _wait(process)
    except OSError as error:
        name = program.argv[0]
        raise HandOverFailed(f"`{name}` cannot be run: {error.strerror}.", remedy="Try it in a shell.") from error


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for its end; one that stops itself alone is continued: no shell is there that could."""
    while _changed(process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT) == os.CLD_STOPPED:
        _changed(process.pid, os.WSTOPPED | os.WNOHANG)
        process.send_signal(signal.SIGCONT)
    return process.wait()


def _changed(pid: int, options: int) -> int:
    """What became of a child, as `waitid` names it; 0 for nothing."""
    found = os.waitid(os.P_PID, pid, options)
    return found.si_code if found is not None else 0


@contextmanager
def _passing_on() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """What ends the console while it waits ends the program first; the console hears of it afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    programs: list[subprocess.Popen[bytes]] = []
    heard: list[int] = []

    def passed_on(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        for process in programs:
            process.send_signal(number)
        if callable(handler := before[signal.Signals(number)]):
            handler(number, frame)

    def started(process: subprocess.Popen[bytes]) -> None:
        programs.append(process)
        for number in heard:  # it came while the program started
            process.send_signal(number)

    for number in before:
        signal.signal(number, passed_on)
    try:
        yield started
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for name in heard:
            if not callable(before[signal.Signals(name)]):
                os.kill(os.getpid(), name)  # it has no handler of its own: the usual end, as if it came now


@contextmanager
def _keys_for_the_program() -> Iterator[None]:
    """While the program has the terminal, ctrl+c and ctrl+\\ are meant for it alone.

    A handler that does nothing, and not SIG_IGN: the program would inherit that and could not be interrupted.
    """
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
