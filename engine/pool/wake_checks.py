"""Whether an agent of some version can be parked and woken, tried once for each version and remembered in a file."""

from __future__ import annotations

import contextlib
import json
import uuid
from pathlib import Path

import msgspec

from engine.base.files import private_folder, write_private

MOST_TRIES = 3
"""Failures in a row after which a version counts as unable: one may be the machine's."""
CONVERSATION = "5a1ad000-0000-4000-8000-0000000000c1"
PROMPT = "A sentence that only the wake check writes."
ANSWER = "An answer that only the wake check reads."


class WakeChecks:
    """Owner of the verdicts by agent and version; without a path they are kept for this run only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._failures: dict[str, int] = {}
        self._known: dict[str, str] | None = None

    def verdict(self, agent: str) -> str | None:
        """Why the agent cannot be woken, empty when it can, None as long as nobody tried."""
        return self._verdicts().get(agent)

    def passed(self, agent: str) -> None:
        """It resumed the conversation with its history."""
        self._record(agent, "")

    def failed(self, agent: str, why: str) -> None:
        """It did not; after some failures in a row it is not tried again."""
        self._failures[agent] = self._failures.get(agent, 0) + 1
        if self._failures[agent] >= MOST_TRIES:
            self._record(agent, why or "it failed")

    def _record(self, agent: str, why: str) -> None:
        verdicts = {**self._verdicts(), agent: why}
        self._known = verdicts
        if self._path is not None:
            with contextlib.suppress(OSError):  # it is tried again by the next engine
                write_private(private_folder(self._path.parent) / self._path.name, msgspec.json.encode(verdicts))

    def _verdicts(self) -> dict[str, str]:
        if self._known is None:
            self._known = read_verdicts(self._path) if self._path is not None else {}
        return self._known


def verdicts_file(state: Path) -> Path:
    """Where an engine with this state folder keeps them."""
    return state / "wake-checks.json"


def read_verdicts(path: Path) -> dict[str, str]:
    """What the file holds; one that cannot be read holds nothing, and the versions are tried again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


def agent_name(backend: str, version: str) -> str:
    """Names an agent of a version among the verdicts."""
    return f"{backend} {version}"


def write_sample(folder: Path, cwd: Path) -> Path:
    """A conversation of one prompt and one answer, as the agent keeps it. Raises OSError."""
    private_folder(folder)
    path = folder / f"{CONVERSATION}.jsonl"
    prompt, answer = str(uuid.uuid4()), str(uuid.uuid4())
    common = {"isSidechain": False, "sessionId": CONVERSATION, "cwd": str(cwd), "userType": "external"}
    said = {"id": "msg_sample", "type": "message", "role": "assistant", "model": "sample", "stop_reason": "end_turn"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {**said, "content": [{"type": "text", "text": ANSWER}], "usage": usage}
    at = "2026-01-01T00:00:0{}.000Z"
    entries: list[dict[str, object]] = [
        {"parentUuid": None, "type": "user", "uuid": prompt, "message": {"role": "user", "content": PROMPT}},
        {"parentUuid": prompt, "type": "assistant", "uuid": answer, "message": message},
    ]
    lines = [json.dumps({**common, **entry, "timestamp": at.format(n)}) for n, entry in enumerate(entries)]
    write_private(path, "".join(f"{line}\n" for line in lines).encode())
    return path
