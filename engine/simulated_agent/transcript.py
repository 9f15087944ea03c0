"""The conversation on disk, as the CLI keeps it: `<config>/projects/<cwd>/<session_id>.jsonl`, appended at once."""

from __future__ import annotations

import contextlib
import json
import os
import re

from engine.offline_model.script import is_injected
from engine.simulated_agent import lines
from engine.simulated_agent.lines import Line

_DAMAGED = (ValueError, AttributeError, TypeError, KeyError)
_TASK = re.compile(r"<task-id>(\w+)</task-id>")


def config_folder() -> str:
    """Claude's configuration directory."""
    configured = os.environ.get("CLAUDE_CONFIG_DIR")
    return configured or os.path.join(os.environ.get("HOME", "/"), ".claude")  # noqa: PTH118 - pathlib costs start time


def folder_name(path: str) -> str:
    """A path as the CLI writes it into the name of a folder."""
    return re.sub(r"[^A-Za-z0-9]", "-", path)


def project_folder() -> str:
    """Where the conversations of this working directory are kept."""
    return f"{config_folder()}/projects/{folder_name(os.getcwd())}"  # noqa: PTH109


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


def newest_session() -> str | None:
    """The conversation of this working directory that was written last."""
    folder = project_folder()
    try:
        found = [name for name in os.listdir(folder) if name.endswith(".jsonl")]  # noqa: PTH208
    except OSError:
        return None
    newest = max(found, key=lambda name: os.path.getmtime(f"{folder}/{name}"), default=None)  # noqa: PTH204
    return newest.removesuffix(".jsonl") if newest else None


class History:
    """What a conversation holds when it is taken up again: the chain of its messages and what they add up to."""

    def __init__(self, chain: list[Line] | None = None, cost: Line | None = None) -> None:
        self.chain = chain or []
        self.cost = cost or {}
        self.session = ""
        self.path: str | None = None
        self.prompts: list[str] = []
        self.answered = True
        self.open_tasks: dict[str, str] = {}
        for entry in self.chain:
            with contextlib.suppress(*_DAMAGED):
                self._take(entry)

    @property
    def leaf(self) -> str | None:
        """The message that the next one follows."""
        return str(self.chain[-1]["uuid"]) if self.chain else None

    def up_to(self, uuid: str) -> History | None:
        """The same as far as that message; None when it is not in the chain."""
        for count, entry in enumerate(self.chain, start=1):
            if entry["uuid"] == uuid:
                return History(self.chain[:count], self.cost)
        return None

    def prompt_after(self, uuid: str | None) -> str | None:
        """The message that holds the first prompt behind another message."""
        seen = False
        for entry in self.chain:
            if seen and _prompts_of(entry):
                return str(entry["uuid"])
            seen = seen or entry["uuid"] == uuid
        return None

    def _take(self, entry: Line) -> None:
        if entry.get("type") != "user":
            self.answered = self.answered or entry.get("type") == "assistant"
            return
        prompts = _prompts_of(entry)
        self.prompts += prompts
        self.answered = self.answered and not prompts
        result = entry.get("toolUseResult")
        if isinstance(result, dict) and "backgroundTaskId" in result:
            self.open_tasks[str(result["backgroundTaskId"])] = str(entry.get("sourceToolUseId", ""))
        for task in _TASK.findall(json.dumps(entry["message"])):
            self.open_tasks.pop(task, None)


def read_history(path: str) -> History:
    """The conversation in a file, along its chain of parents; damaged lines are skipped."""
    known: dict[str, Line] = {}
    leaf: str | None = None
    cost: Line = {}
    session = ""
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            with contextlib.suppress(*_DAMAGED):
                entry = json.loads(line)
                session = str(entry.get("sessionId") or session)
                if entry.get("type") == "cost-state":
                    cost = entry
                elif entry.get("type") == "last-prompt" and entry.get("rewound") is True:
                    leaf = entry["leafUuid"]
                elif "uuid" in entry and not entry.get("isSidechain"):
                    known[entry["uuid"]] = entry
                    leaf = entry["uuid"]
    chain: list[Line] = []
    while leaf is not None and leaf in known:
        chain.append(known.pop(leaf))
        parent = chain[-1].get("parentUuid")
        leaf = parent if isinstance(parent, str) else None
    history = History(chain[::-1], cost)
    history.session = session
    return history


def _prompts_of(entry: Line) -> list[str]:
    """The prompts in a user's message; texts that the CLI put in are none."""
    message = entry.get("message")
    if entry.get("type") != "user" or not isinstance(message, dict):
        return []
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    found = [block.get("text", "") for block in blocks if block.get("type") == "text"]  # type: ignore[union-attr]
    return [text for text in found if text and not is_injected(text)]


class Kept:
    """What is remembered of a message: its text, whether that is a prompt, the tool that it uses, a use that failed."""

    __slots__ = ("failed", "is_assistant", "is_prompt", "text", "tool", "uuid")

    def __init__(self, kind: str, message: Line, uuid: str) -> None:
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks = [each for each in (blocks if isinstance(blocks, list) else []) if isinstance(each, dict)]
        texts = [str(each.get("text", "")) for each in blocks if each.get("type") == "text"]
        self.uuid = uuid
        self.is_assistant = kind == "assistant"
        text = "\n".join(texts)
        self.is_prompt = kind == "user" and isinstance(content, str) and not text.startswith(("<", "[Request"))
        self.text = text if self.is_assistant or self.is_prompt else ""
        self.tool = next((str(each.get("name", "")) for each in blocks if each.get("type") == "tool_use"), "")
        self.failed = any(each.get("type") == "tool_result" and each.get("is_error") is True for each in blocks)


class Transcript:
    """Appends to one conversation's file; the file is made with the first entry, mode 600.

    A fork begins with a copy of the messages that it inherits, written with its first entry of its own.
    """

    def __init__(self, session: str, *, keeps: bool, mirrors: bool = False, history: History | None = None) -> None:
        self.session = session
        self._keeps = keeps
        self._mirrors = mirrors
        found = history.path if history and history.path else find_transcript(session)
        self._path = found or f"{project_folder()}/{session}.jsonl"
        self._parent = history.leaf if history else None
        self._inherited = history.chain if history and found is None else []
        self.kept: list[Kept] = []
        for entry in history.chain if history else []:
            with contextlib.suppress(*_DAMAGED):
                self.kept.append(Kept(str(entry["type"]), entry["message"], str(entry["uuid"])))  # type: ignore[arg-type]

    @property
    def path(self) -> str:
        """The file, whether it is there already or not."""
        return self._path

    def add(self, kind: str, message: Line, uuid: str, **fields: object) -> None:
        """One message. A disk that refuses it goes unnoticed, which is just what the CLI does."""
        entry: Line = {
            "parentUuid": self._parent,
            "isSidechain": False,
            "type": kind,
            "message": message,
            "uuid": uuid,
            "timestamp": lines.now(),
            "cwd": os.getcwd(),  # noqa: PTH109
            "sessionId": self.session,
            "version": lines.VERSION,
            **fields,
        }
        inherited = [{**each, "sessionId": self.session} for each in self._inherited]
        if self._write([*inherited, entry]):
            self._parent = uuid
            self._inherited = []
        self.kept.append(Kept(kind, message, uuid))

    def rewind(self, target: str) -> str | None:
        """Cut off a prompt and all that follows; the answer before it."""
        at = next(count for count, kept in enumerate(self.kept) if kept.uuid == target)
        last = next(kept.text for kept in reversed(self.kept) if kept.is_prompt)
        del self.kept[at:]
        before = next((kept.uuid for kept in reversed(self.kept) if kept.is_assistant), None)
        marks: Line = {"explicit": True, "rewound": True, "cutUuid": target, "sessionId": self.session}
        self._write([{"type": "last-prompt", "lastPrompt": last, "leafUuid": before, **marks}])
        self._parent = before
        return before

    def move(self) -> None:
        """The working directory changed: the file goes to the new one's folder."""
        there = f"{project_folder()}/{self.session}.jsonl"
        if os.path.isfile(self._path):  # noqa: PTH113
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(there), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
                os.rename(self._path, there)  # noqa: PTH104
        self._path = there

    def add_cost(self, total_usd: float, model_usage: Line) -> None:
        """What the conversation cost so far, for whoever resumes it."""
        if os.path.isfile(self._path):  # noqa: PTH113
            state: Line = {"type": "cost-state", "sessionId": self.session, "totalCostUSD": total_usd}
            self._write([{**state, "modelUsage": model_usage}])

    def add_subagent(self, agent: str, metadata: Line, messages: list[Line]) -> None:
        """The transcript of a subagent and the file beside it that states what it belongs to."""
        folder = f"{self._path.removesuffix('.jsonl')}/subagents"
        path = f"{folder}/agent-{agent}.jsonl"
        self._mirror(path, [{"type": "agent_metadata", **metadata}])
        parent: object = None
        entries: list[Line] = []
        for message in messages:
            common: Line = {"parentUuid": parent, "isSidechain": True, "agentId": agent, "sessionId": self.session}
            entries.append({**common, "cwd": os.getcwd(), "version": lines.VERSION, **message})  # noqa: PTH109
            parent = message["uuid"]
        self._mirror(path, entries)
        if self._keeps:
            with contextlib.suppress(OSError):
                _append(f"{folder}/agent-{agent}.meta.json", json.dumps(metadata).encode())
                _append(path, b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))

    def _write(self, entries: list[Line]) -> bool:
        self._mirror(self._path, entries)
        if not self._keeps:
            return True
        with contextlib.suppress(OSError):
            _append(self._path, b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))
            return True
        return False

    def _mirror(self, path: str, entries: list[Line]) -> None:
        """The entries for a host that keeps transcripts itself."""
        if self._mirrors:
            lines.write_line({"type": "transcript_mirror", "filePath": path, "entries": entries})


def _append(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)
