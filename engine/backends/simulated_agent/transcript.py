"""The conversation on disk, as the CLI keeps it: `<config>/projects/<cwd>/<session_id>.jsonl`, appended at once."""

from __future__ import annotations

import contextlib
import json
import os
import re

from engine.offline.script import is_injected

_DAMAGED = (ValueError, AttributeError, TypeError)


def config_folder() -> str:
    """Claude's configuration directory."""
    configured = os.environ.get("CLAUDE_CONFIG_DIR")
    return configured or os.path.join(os.environ.get("HOME", "/"), ".claude")  # noqa: PTH118 - pathlib costs start time


def find_transcript(session: str) -> str | None:
    """The file of a conversation, whatever working directory it was begun in."""
    projects = f"{config_folder()}/projects"
    try:
        folders = os.listdir(projects)  # noqa: PTH208
    except OSError:
        return None
    for folder in folders:
        path = f"{projects}/{folder}/{session}.jsonl"
        if os.path.isfile(path):  # noqa: PTH113
            return path
    return None


def read_prompts(path: str) -> tuple[list[str], bool]:
    """The prompts of a conversation in order, and whether the last one was answered; damaged lines are skipped."""
    prompts: list[str] = []
    answered = True
    with open(path, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            with contextlib.suppress(*_DAMAGED):
                entry = json.loads(line)
                if entry.get("type") == "user":
                    said = _texts(entry["message"]["content"])
                    prompts += said
                    answered = answered and not said
                else:
                    answered = True
    return prompts, answered


def _texts(content: object) -> list[str]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = [block.get("text", "") for block in blocks if block.get("type") == "text"]  # type: ignore[attr-defined]
    return [text for text in texts if text and not is_injected(text)]


class Transcript:
    """Appends to one conversation's file; the file is made with the first entry, mode 600."""

    def __init__(self, session: str, *, keeps: bool) -> None:
        self.session = session
        self._keeps = keeps
        self._path = find_transcript(session) or ""
        self._parent: str | None = None

    def add(self, kind: str, message: dict[str, object], uuid: str, timestamp: str) -> None:
        """One entry. A disk that refuses it goes unnoticed, which is just what the CLI does (PROTOCOL section 5)."""
        if not self._keeps:
            return
        entry = {
            "parentUuid": self._parent,
            "isSidechain": False,
            "type": kind,
            "message": message,
            "uuid": uuid,
            "timestamp": timestamp,
            "cwd": os.getcwd(),  # noqa: PTH109
            "sessionId": self.session,
        }
        with contextlib.suppress(OSError):
            self._append(json.dumps(entry).encode("utf-8") + b"\n")
            self._parent = uuid

    def move(self) -> None:
        """The working directory changed: the file goes to the new one's folder."""
        if self._path:
            with contextlib.suppress(OSError):
                there = self._place()
                os.rename(self._path, there)  # noqa: PTH104
                self._path = there

    def _place(self) -> str:
        folder = f"{config_folder()}/projects/{re.sub(r'[^A-Za-z0-9]', '-', os.getcwd())}"  # noqa: PTH109
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        return f"{folder}/{self.session}.jsonl"

    def _append(self, line: bytes) -> None:
        if not self._path:
            self._path = self._place()
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
