"""A console to drive: a feed that says what a test wants, and the screen as text."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import msgspec
from rich.console import Console as RichConsole
from textual.pilot import Pilot

from engine.approvals.actions import normalise
from engine.approvals.concealing import Concealer
from engine.approvals.editing import editable
from engine.approvals.input_lines import lines_of
from engine.approvals.risks import shipped_risks
from engine.base.clock import ManualClock
from engine.base.errors import NotFound, QuarterdeckError
from engine.events.state import State
from engine.events.types import AnyEvent, EventEnvelope, PermissionAnswered, PermissionAsked
from engine.operations.declared.conversations import Message
from engine.operations.declared.pool import PoolCounts
from engine.operations.operation import A, Operation, R
from engine.sessions.transcripts import LivePart, Page, TranscriptEntry
from engine.settings.live import LiveSettings
from engine.settings.schema import Settings
from engine.settings.tree import flatten
from tui.console.app import Console
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.model.own_cost import OwnCost
from tui.render.spans import Span

NORMAL, SMALL = (120, 36), (80, 24)
"""The two sizes that the screens are made for."""


_POOL = {
    **dict.fromkeys(("size", "active", "idle", "warm", "starting", "waiting", "hibernated"), 0),
    **dict.fromkeys(("min_size", "max_size", "target", "memory"), 0),
    **dict.fromkeys(("utilisation", "reuse", "throughput", "cpu"), 0.0),
    **{name: dict.fromkeys(("p50", "p95", "p99"), 0.0) for name in ("wait", "wake")},
    "reason": "",
    "counts": dict.fromkeys(PoolCounts.__struct_fields__, 0),
    "simulated": False,
}
_RULE = {
    **dict.fromkeys(("category", "strategy", "description"), ""),
    "id": "learned-1",
    "type": "timeout",
    "severity": None,
    "retryable": None,
    "hits": 0,
    "learned": True,
}


def _ended(verb: str, done: str) -> Callable[[Any], Acted]:
    return lambda args: (
        (verb, args.id, *(() if args.request else ("request stays",))),
        {done: args.id, "requests": []},
    )


Acted = tuple[tuple[Any, ...], dict[str, Any]]
_ACTS: dict[str, Callable[[Any], Acted]] = {
    "prompts.send": lambda args: (
        ("prompt", args.prompt, args.conversation, args.profile),
        {"prompt": {"request": "r900"}},
    ),
    "prompts.cancel": lambda args: (("cancel", args.id), {"cancelled": args.id}),
    "sessions.interrupt": lambda args: (("interrupt", args.id), {"interrupted": True}),
    "sessions.stop": _ended("stop", "stopped"),
    "sessions.kill": _ended("kill", "killed"),
    "sessions.recycle": lambda args: (("recycle", args.id), {"recycled": args.id}),
    "sessions.hibernate": lambda args: (
        ("hibernate", args.id),
        {"hibernated": {"session": args.id, "conversation": "c"}},
    ),
    "profiles.drain": lambda args: (("drain", args.name), {"drained": {"profile": args.name, "sessions": 2}}),
    "pool.scale": lambda args: (("scale", args.target), {"pool": _POOL}),
    "pool.autoscale": lambda args: (("autoscale", args.enabled), {"pool": _POOL}),
    "permissions.answer": lambda args: (
        ("answer", args.id, args.allowed, args.scope),
        {"permission": {"id": args.id, "allowed": args.allowed, "grants": []}},
    ),
    "permissions.answer_group": lambda args: (
        ("answer_group", args.key, args.allowed, args.scope, args.message, args.expires or ""),
        {"group": {"key": args.key, "allowed": args.allowed, "answered": 1, "grants": []}},
    ),
    "permissions.revoke": lambda args: (("revoke", args.id), {"revoked": args.id}),
    "alerts.silence": lambda args: (
        ("silence", args.name, args.duration),
        {"silence": {"pattern": args.name, "until": 0.0, "who": "ana"}},
    ),
    "alerts.unsilence": lambda args: (("unsilence", args.name), {"silence_removed": args.name}),
    "conversations.update": lambda args: (
        ("change", args.id, *(value if value is not msgspec.UNSET else None for value in (args.title, args.archived))),
        {"conversation": conversation(id=args.id)},
    ),
    "conversations.fork": lambda args: (("fork", args.id, args.title), {"conversation": conversation(id="c9")}),
    "conversations.delete": lambda args: (("delete", args.id), {"deleted": args.id, "transcript": True}),
    "presets.save": lambda args: (("preset", args.name), {"preset": preset(args.name)}),
    "presets.delete": lambda args: (("delete preset", args.name), {"deleted": args.name}),
    "breakers.control": lambda args: (
        ("breaker", args.name, args.act),
        {"breaker": {"name": args.name, "state": args.act, "reason": "", "running": 0, "history": []}},
    ),
    "errors.correct": lambda args: (("correct", args.id, args.type), {"rule": _RULE}),
}
"""What an act is noted as, and the engine's answer to it."""


def preset(name: str) -> dict[str, Any]:
    """A preset as the engine compares it."""
    differs = {"key": "session_pool.max_size", "value": 14, "live": 10, "differs": True}
    same = {"key": "session_pool.warm", "value": 0, "live": 0, "differs": False}
    return {"name": name, "by": "ana", "at": 1_795_000_000.0, "values": [differs, same]}


def conversation(**fields: Any) -> dict[str, Any]:
    """A conversation as the engine lists it."""
    return {
        **dict.fromkeys(("tenant", "profile", "permission_mode"), "default"),
        "id": "c1",
        "state": "hibernated",
        "session": "",
        "holder": "",
        "directory": "/w/shop",
        "title": "find it",
        "user": "ana",
        "created": 0.0,
        "used": 0.0,
        "turns": 3,
        "cost": 0.25,
        "last_words": "It is found.",
        **fields,
    }


def permission_detail(asked: PermissionAsked, given: Mapping[str, Any], args: Any) -> dict[str, Any]:
    """A page of an input as the engine draws it."""
    raw, hidden, book = msgspec.json.encode(given), Concealer(), shipped_risks()
    text = lines_of(asked.tool, raw, book.tools.get(asked.tool), None, hidden, exists=False)
    action = normalise(asked.tool, raw, "/w", book)
    offset, limit = getattr(args, "offset", 0), getattr(args, "limit", 500)
    return {
        **dict.fromkeys(("conversation", "profile", "tenant"), "default"),
        **dict.fromkeys(("asked_at", "deadline"), asked.deadline),
        "id": asked.permission,
        "session": asked.session,
        "tool": asked.tool,
        "cwd": "/w/default/billing",
        "action": action.words,
        "group": asked.group,
        "content": asked.content,
        "risks": [{"word": risk.word, "about": risk.about, "grave": risk.grave} for risk in action.all_risks],
        "touches": [],
        "lines": [msgspec.structs.asdict(line) for line in text.lines[offset : offset + limit]],
        "offset": offset,
        "total_lines": len(text.lines),
        "size": text.size,
        "added": text.added,
        "removed": text.removed,
        "new_file": text.is_new_file,
        "texts": editable(raw, hidden),
        "secrets": text.secrets,
        "unread": False,
    }


_READS: dict[str, dict[str, Any]] = {
    "permissions.grants": {
        "grants": [
            {
                **dict.fromkeys(("tenant", "profile", "workspace", "group", "risk"), "default"),
                "id": "g12",
                "conversation": "",
                "tool": "Bash",
                "action": "Bash: make test  (exactly this)",
                "by": "ana",
                "at": 1.0,
                "expires": 2e9,
                "scope": "profile",
            }
        ],
        "total": 1,
    },
    "alerts.list": {
        "alerts": [
            {
                "rule": "queue_long",
                "subject": "",
                "phase": "firing",
                "severity": "warning",
                "text": "long",
                "remedy": "",
                "value": 9.0,
                "since": 1.0,
                "ended": None,
                "notified": True,
                "silenced_until": 0.0,
            }
        ],
        "total": 1,
        "silences": [{"pattern": "queue_long", "until": 2e9, "who": "ana"}],
    },
}
"""What the engine answers to those who look."""


class FakeFeed:
    """A feed in the test's hand: `push` what happens, read what was asked for in `calls`."""

    def __init__(
        self, events: Sequence[EventEnvelope] = (), said: Mapping[str, Sequence[TranscriptEntry]] | None = None
    ) -> None:
        self.status = FeedStatus(LinkState.LIVE, "a test")
        self.calls: list[tuple[Any, ...]] = []
        self.refusal: QuarterdeckError | None = None
        self.said = dict(said or {})
        self.writing: dict[str, LivePart] = {}
        self.disk: dict[str, list[Message]] = {}
        self.inputs: dict[str, dict[str, Any]] = {}
        """What a permission's tool gets, where a test wants more than its summary."""
        self.captured: dict[str, Any] | None = None
        """The report of the last capture."""
        self.shown: list[tuple[str, int]] = []
        """The inputs that were read, each with its offset."""
        self.conversations: list[dict[str, Any]] = []
        """Those that the engine lists, each with the fields that differ from those of `conversation`."""
        self.sent: list[Any] = []
        """The arguments of every act, in order."""
        self.started = self.closed = 0
        self.live = LiveSettings(Settings(), clock=ManualClock(1_795_000_000.0))
        self._asked: dict[str, PermissionAsked] = {}
        self._know([stamped.event for stamped in events])
        self._waiting = list(events)
        self._state: State | None = State()

    def push(self, at: float, *events: AnyEvent) -> None:
        """These happen at `at`, seconds since 1970."""
        seq = self._waiting[-1].seq if self._waiting else self._seq
        self._know(events)
        self._waiting += [EventEnvelope(seq + number, at, event) for number, event in enumerate(events, 1)]

    def replace(self, state: State) -> None:
        """The whole state again, as after a gap, or of another engine."""
        self._state = state

    def _know(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, PermissionAsked):
                self._asked[event.permission] = event
            elif isinstance(event, PermissionAnswered):
                self._asked.pop(event.permission, None)

    async def start(self) -> None:
        self.started += 1

    async def aclose(self) -> None:
        self.closed += 1

    def poll(self) -> FeedBatch:
        batch = FeedBatch(self._state, self._waiting)
        self._seq = self._waiting[-1].seq if self._waiting else self._seq
        self._state, self._waiting = None, []
        return batch

    async def transcript(
        self, session: str, after: int = 0, *, last: int = 0, part: int = 0, part_from: int = 0
    ) -> Page:
        entries = [entry for entry in self.said.get(session, ()) if entry.index >= after][-last:]
        live = self.writing.get(session)
        if live is not None and live.number == part:
            live = LivePart(live.number, live.at, live.kind, live.title, part_from, live.text[part_from:])
        return Page(session, entries, 0, entries[-1].index + 1 if entries else after, live)

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """Note an act in `calls`; settings are those of a store of the test's own."""
        return msgspec.convert(self._answer(operation.id, args), operation.result)

    def _answer(self, operation: str, args: Any) -> dict[str, Any]:
        if operation in {"permissions.show", "permissions.judge"}:
            return {"permission": self._detail(args)}
        if operation == "profiler.report":
            if self.captured is None:
                raise NotFound("Nothing has been captured yet.", remedy="Start one.")
            return self.captured
        if operation in _READS:
            return _READS[operation]
        if (found := _ACTS.get(operation)) is None:
            return self._settings(operation, args)
        self.sent.append(args)
        call, result = found(args)
        self._note(*call)
        return result

    def _detail(self, args: Any) -> dict[str, Any]:
        """The detail of a permission as the engine makes it, without the disk."""
        if self.refusal is not None:
            raise self.refusal
        asked = self._asked.get(args.id)
        if asked is None:
            raise NotFound(f"No permission {args.id} waits for an answer.", field="permission")
        self.shown.append((args.id, getattr(args, "offset", 0)))
        known = self.inputs.get(args.id, {"command" if asked.tool == "Bash" else "file_path": asked.summary})
        return permission_detail(asked, {**known, **getattr(args, "edited", {})}, args)

    def _settings(self, operation: str, args: Any) -> dict[str, Any]:
        changes = [{**asdict(change), "restarts": []} for change in self.live.history]
        match operation:
            case "presets.list":
                row = {"name": "night", "by": "ana", "at": 1_795_000_000.0, "settings": 2, "differs": 1}
                return {"presets": [row], "total": 1}
            case "presets.show":
                return {"preset": preset(args.name)}
            case "conversations.list":
                archived = args.state == "archived"
                rows = [conversation(**row) for row in self.conversations]
                fit = [row for row in rows if (row["state"] == "archived") is archived]
                return {"conversations": fit[: args.limit], "total": len(fit)}
            case "conversations.messages":
                return self._messages(args)
            case "config.show":
                return {"config": flatten(self.live.current), "origins": dict(self.live.origins)}
            case "config.history":
                return {"changes": changes, "total": len(changes)}
            case "config.change":
                self._note("settings", dict(args.changes))
                return {"change": asdict(self.live.propose(args.changes, "a test"))}
            case "config.check":
                self.live.check(args.changes, "a test")
                return {"ok": True}
            case "config.save":
                self._note("save")
                return {"saved": {"file": "config.yaml", "keys": ["session_pool.max_size"], "left_out": []}}
            case "config.undo":
                self._note("undo")
                return {"change": asdict(self.live.undo("a test"))}
            case _:
                raise AssertionError(f"no test expects {operation}")

    def _messages(self, args: Any) -> dict[str, Any]:
        """A page of what is on `disk`, whose places are counted in messages; the last ones are in `said`, too."""
        kept = self.disk.get(args.id, [])
        known = next((at for at, message in enumerate(kept) if args.ref and message.ref == args.ref), len(kept))
        end = args.before if args.before is not None else known
        begin = max(0, end - args.limit)
        return {"messages": {"entries": [msgspec.to_builtins(each) for each in kept[begin:end]], "before": begin}}

    _seq = 0

    def _note(self, *call: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(call)


class StillCost(OwnCost):
    """What a console takes that no refresh changes: so long frames, so many bytes and events in each."""

    def __init__(self, frames: Sequence[float] = (), written: int = 0, events: int = 0) -> None:
        self._time = self._spent = 0.0
        super().__init__(lambda: self._time, lambda: self._spent)
        for number, frame in enumerate((0.0, *frames)):
            self._time, self._spent = self._time + 0.5, self._spent + frame
            self.events = events * number
            super().refresh(written * number)
            self.key()
            self._time += frame
            self.painted()

    def refresh(self, written: int) -> None:
        """Nothing more is measured."""


class ConsoleFixture:
    """A console that runs without a terminal, on a clock that the test moves."""

    def __init__(self, app: Console, pilot: Pilot[None], feed: FakeFeed, clock: ManualClock) -> None:
        self.app, self.pilot, self.feed, self.clock = app, pilot, feed, clock

    async def press(self, *keys: str) -> None:
        """Press keys and let everything that follows happen."""
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if character == " " else character for character in text))

    async def settle(self) -> None:
        """Let the console take in what its feed brought, and finish what it has begun."""
        await self.pilot._wait_for_screen()
        self.app.tick()
        await self.pilot._wait_for_screen()
        await self.pilot.pause()

    @property
    def text(self) -> str:
        """The whole screen as a person sees it, without colours."""
        width, height = self.app.size
        paper = RichConsole(width=width, height=height, file=io.StringIO(), record=True, legacy_windows=False)
        # As App.export_screenshot draws it, so that what lies below a dialog is there too.
        drawn = self.app.screen._compositor.render_update(full=True, screen_stack=self.app._background_screens)
        paper.print(drawn)
        return "\n".join(line.rstrip() for line in paper.export_text().splitlines())

    @property
    def lines(self) -> list[str]:
        """The same by lines."""
        return self.text.split("\n")

    @property
    def told(self) -> list[str]:
        """What the corner says."""
        return [notice.message for notice in self.app._notifications]


@asynccontextmanager
async def console_fixture(
    feed: FakeFeed, clock: ManualClock, size: tuple[int, int] = NORMAL, *, notifications: bool = False, **options: Any
) -> AsyncIterator[ConsoleFixture]:
    """A console over the feed, connected and painted; with `notifications` its messages are drawn, too."""
    # It paints by the test's hand alone: the own timer is at its slowest.
    options = {"title": "prod-eu", "theme": "default", "refresh_hz": 0.2, "glyphs": "unicode", **options}
    app = Console(feed, clock=clock, **options)
    app.own_cost = StillCost()
    async with app.run_test(size=size, notifications=notifications) as pilot:
        made = ConsoleFixture(app, pilot, feed, clock)
        await made.settle()
        await made.settle()
        yield made


def plain(line: Iterable[Span]) -> str:
    """The text of a line without its roles."""
    return "".join(text for text, _role in line)
