"""What this machine lacks to run sessions, and how to cure it."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
import psutil

from engine.backends.base import SIMULATOR
from engine.backends.binary import find_claude
from engine.backends.claude import cli_version
from engine.backends.profiles import profile_note
from engine.backends.selection import credential_of, signed_in
from engine.base.operator import home_folder
from engine.base.plugins import foreign_owners, installed
from engine.launchers import left_overs
from engine.launchers.cgroups import Cgroups, GroupLimits
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.kernel import setpriv_program
from engine.launchers.paging import Paging
from engine.pool.wake_checks import agent_name, read_verdicts, verdicts_file
from engine.settings import unused
from engine.settings.file_modes import open_to_others
from engine.settings.schema import Settings
from engine.settings.unused import exposure

MIB = 1024 * 1024
SESSION_MEMORY = 120 * MIB
"""PSS of one more idle CLI beside others, as measured (docs/development/protocol.md, section 8)."""
DISK_FLOOR = 1024 * MIB
_SHOWN = 5
"""Files with wrong modes that are named."""
_NAMED = 20
"""Left-over processes that are listed by name."""


class Finding(msgspec.Struct, frozen=True):
    """One check: `level` is ok, warning or missing; missing ones keep sessions from running."""

    name: str
    level: str
    found: str
    remedy: str = ""


def examine(
    settings: Settings, environ: Mapping[str, str], origins: Mapping[str, str] = MappingProxyType({})
) -> list[Finding]:
    """All checks; each only looks, none changes anything but a file that it writes and removes.

    `origins` tells where each setting came from, by dotted key.
    """
    return [
        *_settings(settings, origins),
        *_packages(),
        *_agent(settings, environ),
        *_memory(settings),
        *_limits(settings),
        *_places(settings),
        *_modes(settings, origins),
        *_exposure(settings),
        *_containment(settings),
        *_terminal(environ),
    ]


def _packages() -> Iterator[Finding]:
    for package, owner in foreign_owners().items():
        text = f"{owner} installs a package {package} too, which may stand in for Quarterdeck's"
        yield Finding("packages", "warning", text, f"Uninstall {owner}, or give Quarterdeck an environment of its own.")
    for plugin in installed():
        if plugin.problem:
            text = f"the {plugin.kind} {plugin.name} of {plugin.package}: {plugin.problem}"
            yield Finding("plugins", "warning", text, f"Update or uninstall {plugin.package}.")


def _settings(settings: Settings, origins: Mapping[str, str]) -> Iterator[Finding]:
    for line in unused.notices(origins):
        yield Finding("settings", "warning", line, "Leave it out until then, or keep it for later.")
    for name, profile in settings.profiles.items():
        if note := profile_note(profile.tenant):
            yield Finding(
                f"profile {name}", "warning", f"tenant {profile.tenant}: {note}", "Use tenant `default` until then."
            )


def _agent(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    if settings.engine.backend == SIMULATOR:
        yield Finding("agent", "ok", "the simulator, which needs no Claude Code CLI and no credentials")
        return
    binary = find_claude(settings.claude.binary or None)
    if binary is None:
        yield Finding(
            "Claude Code CLI", "missing", "not found", "`pip install 'quarterdeck[claude]'`, or `claude.binary`."
        )
    else:
        version = cli_version(binary)
        yield Finding("Claude Code CLI", "ok" if version else "missing", f"{version or 'does not answer'} at {binary}")
        yield from _waking(settings, version)
    home = home_folder(environ)
    config = Path(given) if (given := environ.get("CLAUDE_CONFIG_DIR")) else home / ".claude"
    if settings.engine.offline:
        yield Finding("credentials", "ok", "the offline model needs none")
    elif signed_in(credential_of(settings), config):
        yield Finding("credentials", "ok", "a key, a token or a login is there")
    else:
        yield Finding(
            "credentials", "missing", "none", "`claude login`, or ANTHROPIC_API_KEY; `--offline` needs neither."
        )


def _waking(settings: Settings, version: str) -> Iterator[Finding]:
    """Whether conversations are woken by parked processes, as the last engine of this state folder found."""
    if not settings.session_pool.wake_spares:
        yield Finding("wake", "ok", "conversations are woken by new processes: `session_pool.wake_spares` is 0")
        return
    verdict = read_verdicts(verdicts_file(settings.engine.state_dir)).get(agent_name("claude", version))
    if verdict is None:
        yield Finding("wake", "ok", f"parked processes are tried with {version} when a conversation sleeps")
    elif verdict:
        remedy = "Conversations are woken by new processes, which takes twice as long; update the CLI."
        yield Finding("wake", "warning", f"{version} cannot be parked: {verdict}", remedy)
    else:
        yield Finding("wake", "ok", f"conversations are woken by parked processes, tried with {version}")


def _memory(settings: Settings) -> Iterator[Finding]:
    free = psutil.virtual_memory().available
    fits = free // SESSION_MEMORY
    wanted = settings.session_pool.max_size
    found = f"{free // MIB} MiB free, room for about {fits} sessions; session_pool.max_size is {wanted}"
    remedy = "" if fits >= wanted else f"Set `session_pool.max_size` to {fits} or less."
    yield Finding("memory", "ok" if fits >= wanted else "warning", found, remedy)


def _limits(settings: Settings) -> Iterator[Finding]:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 256 + 4 * settings.session_pool.max_size
    enough = soft == resource.RLIM_INFINITY or soft >= needed
    remedy = "" if enough else f"Raise it: `ulimit -n {needed}`."
    yield Finding("open files", "ok" if enough else "warning", f"limit {soft}, needs {needed}", remedy)
    watches = _number_in(Path("/proc/sys/fs/inotify/max_user_instances"))
    if watches is not None:
        enough = watches > settings.session_pool.max_size
        remedy = "" if enough else "`sysctl fs.inotify.max_user_instances=1024`."
        yield Finding("inotify instances", "ok" if enough else "warning", f"limit {watches}, one a session", remedy)


def _places(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("state folder", settings.engine.state_dir), ("workspaces", settings.workspaces)):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        problem = _unwritable(there)
        if problem:
            yield Finding(
                name, "missing", f"{folder}: {problem}", "Set `engine.state_dir` or `engine.output_directory`."
            )
            continue
        free = shutil.disk_usage(there).free
        remedy = "" if free >= DISK_FLOOR else "Free space: a full disk loses transcripts without a word."
        yield Finding(name, "ok" if free >= DISK_FLOOR else "warning", f"{folder}, {free // MIB} MiB free", remedy)


def _modes(settings: Settings, origins: Mapping[str, str]) -> Iterator[Finding]:
    found = open_to_others(settings, origins)
    if not found:
        yield Finding("file modes", "ok", "what the engine keeps is readable by you alone")
        return
    names = ", ".join(f"{path} ({mode:04o})" for path, mode in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    remedy = f"`chmod go-rwx {found[0][0]}`, and so for each; docs/operations/files.md lists what is kept."
    yield Finding("file modes", "warning", f"others have rights on {names}{more}", remedy)


def _exposure(settings: Settings) -> Iterator[Finding]:
    for sentence, remedy in exposure(settings.api):
        yield Finding("API", "warning", sentence, remedy)


def _containment(settings: Settings) -> Iterator[Finding]:
    if platform.system() != "Linux":
        text = f"{platform.system()}: no parent-death signal, no adopting of orphans"
        yield Finding("containment", "warning", text, "Run the engine on Linux.")
        return
    how = "setpriv" if setpriv_program() else "an interpreter for each start, 20 ms slower; install util-linux"
    yield Finding("parent-death signal", "ok", how)
    groups = Cgroups("doctor", GroupLimits)
    found = "usable: sessions get groups of their own" if groups.open() else "not writable here; descent and tags hold"
    paging = Paging(groups).missing()
    groups.close()
    yield Finding("control groups", "ok", found)
    yield Finding("paging of idle sessions", "ok", f"not here: {paging}" if paging else "usable where memory is short")
    left = left_overs.of_dead_engines(EngineRegistry(settings.engine.state_dir / "engines"))
    remedy = "`quarterdeck doctor --reap` ends them; so does the next engine on this state folder." if left else ""
    named = ", ".join(map(str, left[:_NAMED])) + (f" and {len(left) - _NAMED} more" if len(left) > _NAMED else "")
    yield Finding("left-over processes", "warning" if left else "ok", named or "none", remedy)


def _terminal(environ: Mapping[str, str]) -> Iterator[Finding]:
    term, size = environ.get("TERM", ""), shutil.get_terminal_size((0, 0))
    if not term or term == "dumb":
        yield Finding(
            "terminal", "warning", f"TERM={term or 'unset'}", "The console needs one; `--engine-only` does not."
        )
    else:
        small = 0 < size.columns < 60 or 0 < size.lines < 16
        remedy = "The console shows five lines below 60x16; 80x24 shows everything." if small else ""
        yield Finding("terminal", "warning" if small else "ok", f"{term} {size.columns}x{size.lines}", remedy)


def _unwritable(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return os.strerror(error.errno or 0)


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
