"""The terminal handed over to another program, such as a pager: the console steps aside and comes back."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

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


def hand_over(app: App[object], argv: Sequence[str]) -> None:
    """Run a program in the console's terminal and wait for its end. Raises HandOverFailed."""
    try:
        with app.suspend():
            code = _run(argv)
    except SuspendNotSupported as error:
        remedy = "Export it instead, or use the console in a terminal."
        raise HandOverFailed("This display cannot be handed to another program.", remedy=remedy) from error
    app.refresh(layout=True)
    if code:
        raise HandOverFailed(f"`{shlex.join(argv[:1])}` {_ending(code)}.", remedy="Try it in a shell.")


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"


def _run(argv: Sequence[str]) -> int:
    try:
        with _keys_for_the_program():
            return subprocess.run(argv, check=False).returncode
    except OSError as error:
        raise HandOverFailed(f"`{argv[0]}` cannot be run: {error.strerror}.", remedy="Try it in a shell.") from error


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
