"""The folders of agents: where they work, where they keep configuration and transcripts, and their scratch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.backends.base import AgentSpec, Profile
from engine.backends.credential import LOGIN
from engine.base.errors import StartFailed
from engine.base.files import entries, private_folder, write_private
from engine.base.gate import make_gate, remove_gate
from engine.launchers.scratch import scratch_folder

_CONVERSATION = re.compile(r"[0-9a-fA-F-]{36}")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_UNTOLD = re.compile(r"[^A-Za-z0-9]")
_SOCKETS = "cc-socks"
_NOTES, _LOGIN = ".claude.json", ".credentials.json"
_SHOWN_OF_KEY = 20
"""Characters of a key by which the CLI notes that it may be used."""
_OF_ONE_AGENT = frozenset({_NOTES, ".last-cleanup", "backups", "sessions"})
"""What in a configuration directory the CLI keeps for itself."""
PARKED = "parked"
"""Names the directory of a profile's parked agents that are kept for no conversation's own directory."""
_OF_CONVERSATIONS = ("projects", "file-history", "plans", "tasks", "todos")


class AgentDirectories:
    """Lays out homes below `state`, a directory a conversation below `output`, and a session's own below `agents`."""

    def __init__(
        self, state: Path, output: Path, operator_home: Path, operator_config: Path | None, agents: Path
    ) -> None:
        self._state = state
        self._agents = agents
        self._output = output
        self._operator_home = operator_home
        self._operator_config = operator_config
        self._scratch = scratch_folder(agents, agents.name)

    def home(self, profile: Profile) -> Path:
        """HOME of the profile's agents: the operator's own unless the profile has one for itself."""
        if not profile.own_home:
            return self._operator_home
        return _made(self._state / "homes" / _safe(profile.tenant) / _safe(profile.name))

    def config(self, profile: Profile) -> Path:
        """Claude's configuration directory of the profile."""
        if given := profile.environment.get(LOGIN):
            return Path(given)
        if not profile.own_home:
            return self._operator_config or self._operator_home / ".claude"
        return _made(self.home(profile) / ".claude")

    def config_of(self, profile: Profile, session: str) -> Path:
        """The configuration directory of one agent: its own, in which all that outlives it is a link to the profile's.

        Agents that share one wake each other: every CLI watches the directory and reads it again whenever another one
        notes something. An operator's own directory is shared all the same, and so is a login that lies in a file,
        which the CLI replaces as its tokens change.
        """
        shared = self.config(profile)
        if not profile.own_home or profile.environment.get(LOGIN) or (shared / _LOGIN).exists():
            return shared
        own = self._agents / _safe(session)
        shutil.rmtree(own, ignore_errors=True)
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
        """An agent has ended: take its own directories away. The first one's notes stay, for a faster start."""
        own, shared = self._agents / _safe(session), self.config(profile)
        with contextlib.suppress(OSError):
            if profile.own_home and not (shared / _NOTES).exists():
                (own / _NOTES).replace(shared / _NOTES)
        shutil.rmtree(own, ignore_errors=True)
        shutil.rmtree(self._scratch_of(session), ignore_errors=True)
        remove_gate(self.gate(session))

    def gate(self, session: str) -> Path:
        """The named pipe of one parked agent, alone in its folder; no two engines give the same name."""
        return self._agents / f"{_safe(session)}.gate" / f".{self._agents.name}-{_safe(session)}.JSONL"

    def introduce(self, spec: AgentSpec, place: Path, key: str) -> None:
        """Note for an agent with a home of its own what its CLI would ask a person first: it works for us already.

        Raises StartFailed.
        """
        notes = self._agents / _safe(spec.session) / _NOTES
        if not notes.parent.is_dir():  # it shares a directory whose login lies in a file, with notes of its own
            notes = self.config(spec.profile) / _NOTES
        try:
            known = json.loads(notes.read_bytes()) if notes.exists() else {}
            write_private(notes, json.dumps(_introduced(known, str(place), key)).encode())
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise StartFailed(
                f"The notes of the CLI at {notes} cannot be used: {error}.", remedy="Remove the file; the CLI makes it."
            ) from error

    def place(self, spec: AgentSpec) -> Path:
        """Where an agent works. Raises StartFailed when a named directory is not there any more."""
        if spec.parked and spec.directory is None:
            return self.directory(spec.profile, PARKED)
        if spec.directory is None:
            return self.directory(spec.profile, spec.conversation)
        if spec.directory.is_dir():
            return spec.directory
        if spec.directory.is_relative_to(self._output):
            return _made(spec.directory)
        raise StartFailed(
            f"The directory {spec.directory} of conversation {spec.conversation} does not exist any more.",
            remedy="Put it back, or begin a new conversation.",
        )

    def directory(self, profile: Profile, conversation: str) -> Path:
        """The profile's workspace, or `<output>/<tenant>/<profile>/<conversation>`. Raises StartFailed."""
        if profile.workspace is None:
            return _made(self._output / _safe(profile.tenant) / _safe(profile.name) / _safe(conversation))
        if not profile.workspace.is_dir():
            raise StartFailed(
                f"The workspace {profile.workspace} of profile {profile.name} does not exist.",
                remedy=f"Create it, or change `profiles.{profile.name}.workspace`.",
            )
        return profile.workspace

    def scratch(self, session: str) -> Path:
        """Where one session puts what it needs for a while; gone with it."""
        _made(self._scratch)
        return _made(self._scratch_of(session))

    def sweep(self, session: str, conversation: str) -> None:
        """Take away what earlier conversations of a session left in its scratch folder."""
        for entry in entries(self._scratch_of(session)):
            if not entry.name.startswith("claude-"):
                if entry.name != _SOCKETS:
                    _remove(entry)
                continue
            for left in (left for workspace in entries(entry) for left in entries(workspace)):
                if left.name != conversation:
                    _remove(left)

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """`<config>/projects/*/<conversation>.jsonl`, or None. Raises OSError when nothing can be seen."""
        if not _CONVERSATION.fullmatch(conversation):
            return None
        projects, name = self.config(profile) / "projects", f"{conversation}.jsonl"
        output = Path(os.path.realpath(self._output))
        own = output / _safe(profile.tenant) / _safe(profile.name) / conversation
        near = projects / _UNTOLD.sub("-", str(own)) / name  # thousands of folders need not be looked into
        if near.exists():
            return near
        try:
            folders = sorted(os.listdir(projects))  # noqa: PTH208 - glob hides what cannot be read
        except (FileNotFoundError, NotADirectoryError):
            return None
        return next((path for folder in folders if (path := projects / folder / name).exists()), None)

    def outputs(self, session: str, conversation: str) -> list[Path]:
        """`<scratch>/claude-*/*/<conversation>/tasks/*.output`."""
        if not _CONVERSATION.fullmatch(conversation):
            return []
        users = [each for each in entries(self._scratch_of(session)) if each.name.startswith("claude-")]
        folders = [place / conversation / "tasks" for user in users for place in entries(user)]
        return [path for folder in folders for path in entries(folder) if path.suffix == ".output"]

    def _scratch_of(self, session: str) -> Path:
        return self._scratch / f"{_safe(session)}.tmp"


def _introduced(known: dict[str, Any], place: str, key: str) -> dict[str, Any]:
    """The CLI's notes of somebody who has seen its welcome, trusts the directory and uses the key that it is given."""
    projects, answered = known.get("projects", {}), known.get("customApiKeyResponses", {})
    approved = {*answered.get("approved", ()), key[-_SHOWN_OF_KEY:]} - {""}
    return {
        **known,
        "hasCompletedOnboarding": True,
        "projects": {**projects, place: {**projects.get(place, {}), "hasTrustDialogAccepted": True}},
        "customApiKeyResponses": {"rejected": [], **answered, "approved": sorted(approved)},
    }


def _safe(name: str) -> str:
    """A folder's name for this name and for no other one."""
    if _PLAIN.fullmatch(name):
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"_{_UNSAFE.sub('_', name)[:64]}={digest}"  # `=` is in no plain name


def _made(folder: Path) -> Path:
    try:
        private_folder(folder)
    except OSError as error:
        raise StartFailed(
            f"{folder} cannot be made: {error.strerror}.",
            remedy="Check `engine.state_dir` and `engine.output_directory`.",
        ) from error
    return folder


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class InAgentDirectories:
    """What a backend does for agents that live in `agent_dirs`; a subclass has the command that starts one."""

    def __init__(self, agent_dirs: AgentDirectories) -> None:
        self._agent_dirs = agent_dirs

    def parking(self, spec: AgentSpec) -> Path | None:
        """The named pipe of a parked agent, made; None for an agent with a conversation. Raises StartFailed."""
        if not spec.parked:
            return None
        gate = self.gate(spec)
        try:
            make_gate(gate)
        except OSError as error:
            remedy = "Check `engine.state_dir`."
            raise StartFailed(f"{gate} cannot be made: {error.strerror}.", remedy=remedy) from error
        return gate

    def gate(self, spec: AgentSpec) -> Path:
        """The named pipe of a parked agent."""
        return self._agent_dirs.gate(spec.session)

    def release(self, spec: AgentSpec) -> None:
        """The agent has ended: its scratch folder and the configuration directory that only it used go."""
        self._agent_dirs.release(spec.profile, spec.session)

    def directory(self, profile: Profile, conversation: str) -> Path:
        """The profile's workspace, or the conversation's own directory."""
        return self._agent_dirs.directory(profile, conversation)

    def sweep(self, spec: AgentSpec, conversation: str) -> None:
        """Empty its scratch folder of all that is not of this conversation."""
        self._agent_dirs.sweep(spec.session, conversation)

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """The conversation's file in the profile's configuration directory."""
        return self._agent_dirs.transcript(profile, conversation)

    def outputs(self, spec: AgentSpec, conversation: str) -> Sequence[Path]:
        """What its tools write, in the session's scratch folder."""
        return self._agent_dirs.outputs(spec.session, conversation)
