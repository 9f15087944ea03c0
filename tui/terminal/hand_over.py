"""The terminal handed over to another program, such as a pager: the console steps aside and comes back."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

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
        raise HandOverFailed(f"`{shlex.join(argv[:1])}` ended with exit code {code}.", remedy="Try it in a shell.")


def _run(argv: Sequence[str]) -> int:
    try:
        return subprocess.run(argv, check=False).returncode
    except OSError as error:
        raise HandOverFailed(f"`{argv[0]}` cannot be run: {error.strerror}.", remedy="Try it in a shell.") from error
