"""Alerts by a program of the operator's: JSON on its standard input, a bounded time, its whole tree ended after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.alerts.channels.base import Notification, NotificationFailed, encode_telling
from engine.base.errors import BadInput
from engine.base.text import one_line
from engine.launchers.base import LaunchSpec
from engine.launchers.local import LocalChild, LocalLauncher

if TYPE_CHECKING:
    from engine.settings.schema import AlertCommand

_GRACE_S = 0.5


class CommandChannel:
    """Runs the program in the settings in force, one at a time, with the variables that they name and no others."""

    def __init__(
        self, settings: Callable[[], AlertCommand], launcher: LocalLauncher, environ: Mapping[str, str], cwd: Path
    ) -> None:
        self._settings = settings
        self._launcher = launcher
        self._environ = environ
        self._cwd = cwd

    async def send(self, telling: Notification, attempts: int) -> None:  # noqa: ARG002 - it may have acted: run once
        """Run it. Raises NotificationFailed, BadInput without a program."""
        settings = self._settings()
        if not settings.argv:
            remedy = "Set `alerts.command.argv`."
            raise BadInput("There is no command to run.", field="alerts.command.argv", remedy=remedy)
        environment = {name: self._environ[name] for name in settings.environment if name in self._environ}
        spec = LaunchSpec(f"alert-{telling.id}", settings.argv, self._cwd, environment, agent=False)
        child = await self._launcher.launch(spec, lambda _output: None)
        ended = False
        try:
            child.write(encode_telling(telling) + b"\n")
            child.close_input()
            ended = await child.wait_exit(settings.timeout)
        finally:
            await (self._launcher.collect(child, _GRACE_S) if ended else self._launcher.kill(child))
        if not ended:
            remedy = "Make it quicker, or raise `alerts.command.timeout`."
            raise NotificationFailed(f"{settings.argv[0]} was killed after {settings.timeout:g} s.", remedy=remedy)
        _check(child, settings.argv[0])


def _check(child: LocalChild, program: str) -> None:
    if child.returncode:
        said = one_line(child.stderr_tail.strip().rpartition("\n")[2])
        notified = f": {said}" if said else ""
        raise NotificationFailed(
            f"{program} ended with {child.returncode}{notified}.", remedy="Run it by hand with JSON on its input."
        )
