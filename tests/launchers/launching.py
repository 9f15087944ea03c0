"""Small trees of real processes for the launchers' tests, written as shell scripts."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from engine.launchers.base import LaunchSpec
from engine.launchers.containment import Containment
from engine.launchers.local import LocalChild, LocalLauncher
from tests.support.processes import survivors, until

STAYS = "read line"
"""An agent that leaves at the end of its input."""
DEAF = "trap '' TERM; while true; do sleep 600; done"
"""An agent that minds neither the end of its input nor SIGTERM."""


class LauncherFixture:
    """Owner of the trees that a test starts."""

    def __init__(self, folder: Path, *, adopts: bool = False) -> None:
        self.folder = folder
        self.engine = uuid.uuid4().hex[:12]
        self.containment = Containment(self.engine, adopts=adopts)
        self.launcher = LocalLauncher(self.containment)
        self._started: list[LocalChild] = []

    async def start(self, script: str, session: str = "s1", folder: Path | None = None) -> LocalChild:
        """A shell that runs the script; back when the script said `ready`."""
        said: list[bytes] = []
        spec = LaunchSpec(session, ("/bin/bash", "-c", script), folder or self.folder, {"PATH": os.environ["PATH"]})
        child = await self.launcher.launch(spec, said.append)
        self._started.append(child)
        await until(lambda: b"ready" in b"".join(said))
        return child

    def survivors(self) -> list[int]:
        """What still runs of all that was started."""
        return survivors(self.engine)

    async def aclose(self) -> None:
        """Kill what still runs."""
        for child in self._started:
            if child in self.launcher.children:
                await self.launcher.kill(child)
        assert self.survivors() == []
