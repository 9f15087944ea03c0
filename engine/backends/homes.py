"""The folders of a profile: where its agents work, and where they keep configuration and transcripts."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from engine.backends.base import Profile
from engine.errors import StartFailed

_CONVERSATION = re.compile(r"[0-9a-fA-F-]{36}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_NOTES, _LOGIN = ".claude.json", ".credentials.json"
_OF_ONE_AGENT = frozenset({_NOTES, ".last-cleanup", "backups", "sessions"})
"""What in a configuration directory the CLI keeps for itself."""
_OF_CONVERSATIONS = ("projects", "file-history", "plans", "tasks", "todos")


class Homes:
    """Lays out `<state>/homes/<tenant>/<profile>`, `<output>/<tenant>/<profile>`, and `agents` a session."""

    def __init__(
        self, state: Path, output: Path, operator_home: Path, operator_config: Path | None, agents: Path
    ) -> None:
        self._state = state
        self._agents = agents
        self._output = output
        self._operator_home = operator_home
        self._operator_config = operator_config

    def home(self, profile: Profile) -> Path:
        """HOME of the profile's agents: the operator's own unless the profile has one for itself."""
        if not profile.own_home:
            return self._operator_home
        return _made(self._state / "homes" / _safe(profile.tenant) / _safe(profile.name))

    def config(self, profile: Profile) -> Path:
        """Claude's configuration directory of the profile."""
        if not profile.own_home:
            return self._operator_config or self._operator_home / ".claude"
        return _made(self.home(profile) / ".claude")

    def config_of(self, profile: Profile, session: str) -> Path:
        """The configuration directory of one agent: its own, in which all that outlives it is a link to the profile's.

        Agents that share one wake each other: every CLI watches the directory and reads it anew whenever another one
        notes something. An operator's own directory is shared all the same, and so is a login that lies in a file,
        which the CLI replaces as its tokens change.
        """
        shared = self.config(profile)
        if not profile.own_home or (shared / _LOGIN).exists():
            return shared
        own = self._agents / _safe(session)
        self.release(profile, session)
        _made(self._agents)
        _made(own)
        for name in _OF_CONVERSATIONS:
            _made(shared / name)
        for entry in shared.iterdir():
            if entry.name == _NOTES:
                shutil.copyfile(entry, own / _NOTES)
            elif entry.name not in _OF_ONE_AGENT:
                (own / entry.name).symlink_to(entry)
        return own

    def release(self, profile: Profile, session: str) -> None:
        """An agent has ended: take its own directory away. The first one's notes stay, so that others start faster."""
        own, shared = self._agents / _safe(session), self.config(profile)
        with contextlib.suppress(OSError):
            if profile.own_home and not (shared / _NOTES).exists():
                (own / _NOTES).replace(shared / _NOTES)
        shutil.rmtree(own, ignore_errors=True)

    def workspace(self, profile: Profile) -> Path:
        """The working directory. Raises StartFailed when a configured one is not there."""
        if profile.workspace is None:
            return _made(self._output / _safe(profile.tenant) / _safe(profile.name))
        if not profile.workspace.is_dir():
            raise StartFailed(
                f"The workspace {profile.workspace} of profile {profile.name} does not exist.",
                remedy=f"Create it, or change `profiles.{profile.name}.workspace`.",
            )
        return profile.workspace

    def scratch(self, profile: Profile) -> Path:
        """Where the profile's agents put what they need for a while: `<state>/scratch/<tenant>/<profile>`."""
        return _made(self._state / "scratch" / _safe(profile.tenant) / _safe(profile.name))

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """`<config>/projects/*/<conversation>.jsonl`, or None."""
        if not _CONVERSATION.fullmatch(conversation):
            return None
        found = self.config(profile).glob(f"projects/*/{conversation}.jsonl")
        return next(iter(sorted(found)), None)

    def outputs(self, profile: Profile, conversation: str) -> list[Path]:
        """`<scratch>/claude-*/*/<conversation>/tasks/*.output`."""
        if not _CONVERSATION.fullmatch(conversation):
            return []
        return list(self.scratch(profile).glob(f"claude-*/*/{conversation}/tasks/*.output"))


def _safe(name: str) -> str:
    cleaned = _UNSAFE.sub("_", name)
    return f"_{cleaned}" if cleaned.startswith(".") else cleaned


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartFailed(
            f"{folder} cannot be made: {error.strerror}.",
            remedy="Check `engine.state_dir` and `engine.output_directory`.",
        ) from error
    return folder
