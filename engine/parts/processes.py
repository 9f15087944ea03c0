"""The engine's processes: containment, cgroups, the launcher, and the registry by which a next start finds them."""

from __future__ import annotations

import contextlib
from functools import partial

from engine.base.errors import SettingsError
from engine.base.local_trust import own_folder
from engine.launchers.cgroups import Cgroups, group_limits
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.kernel import become_subreaper
from engine.launchers.local import LocalLauncher
from engine.launchers.paging import Paging
from engine.maintenance import Maintenance
from engine.parts.core import Core
from engine.parts.part import Part
from engine.recovery.cleanup import StrayCleanup


class Processes(Part):
    """Owner of all that runs for the engine; `owns_process` states that this process runs for it alone."""

    def __init__(self, core: Core, *, owns_process: bool) -> None:
        self._core = core
        self._owns_process = owns_process
        self.containment = Containment(core.id, adopts=owns_process)
        self.groups = Cgroups(core.id, lambda: group_limits(core.settings))
        self.paging = Paging(self.groups)
        self.launcher = LocalLauncher(self.containment, self.groups)
        self.registry = EngineRegistry(core.state / "engines")

    async def open(self) -> None:
        """Enter the registry. Raises SettingsError for a state folder that cannot be written."""
        try:
            own_folder(self._core.state, "engine.state_dir")
            self.registry.enter(self._core.id)
        except OSError as error:
            problem = f"engine.state_dir: {self._core.state} cannot be written: {error.strerror}."
            raise SettingsError([problem], remedy="Set `engine.state_dir` to a folder of yours.") from error
        if self._owns_process:
            become_subreaper()
        self.groups.open()

    async def aclose(self) -> None:
        """Remove the cgroups."""
        self.groups.close()

    def add_chores(self, maintenance: Maintenance) -> None:
        """Orphans are reaped and strays ended once a second."""
        core = self._core
        strays = StrayCleanup(self.containment, self.registry, core.bus, lambda: core.settings.engine.stop_term_grace)
        maintenance.add("the reaping of orphans", self._reap_adopted)
        maintenance.add("the record of strays", strays.record, essential=False)

    async def sweep(self) -> int:
        """End whatever still carries this engine's tag, and whatever it adopted; returns how many processes stay."""
        grace = self._core.settings.engine.stop_term_grace
        left = await self.containment.end_everything(partial(self.registry.orphans, self._core.id), grace)
        if left:
            with contextlib.suppress(OSError):  # `survivors` and the exit code state it all the same
                self.registry.record_untagged(self._core.id, {*left, *self.containment.untagged})
        else:
            self.registry.leave(self._core.id)
        return len(left)

    def _reap_adopted(self) -> None:
        self.containment.reap_adopted(self.launcher.child_pids)
