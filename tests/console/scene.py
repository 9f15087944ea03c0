"""One fixed moment of an invented pool: twenty minutes of turns, and a session in every state."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.recording import Recording
from engine.events.types import AnyEvent, EventEnvelope, SessionState
from engine.sessions.transcripts import TranscriptEntry

NOW = datetime(2026, 11, 20, 14, 2, 31, tzinfo=UTC).timestamp()
UP_S = 3 * 3600.0
MIB = 1 << 20

SESSIONS: tuple[tuple[str, str, str, str, SessionState], ...] = (
    ("s0001", "ana", "fix flaky test in auth", "Bash pytest -q tests/auth", SessionState.RUNNING),
    ("s0002", "ben", "refactor queue worker", "writing", SessionState.RUNNING),
    ("s0003", "chi", "write migration 0042 for the leases of the billing service", "", SessionState.RUNNING),
    ("s0004", "dora", "update docs index", "", SessionState.IDLE),
    ("s0005", "eli", "add retry budget", "", SessionState.RUNNING),
    ("s0006", "ana", "port parser to rust", "", SessionState.RETRYING),
    ("s0007", "fay", "triage crash reports", "thinking", SessionState.RUNNING),
    ("s0008", "ben", "refactor queue worker", "", SessionState.APPROVAL),
    ("s0009", "gus", "review PR #1881", "", SessionState.IDLE),
    ("s0010", "eli", "publish release notes", "", SessionState.APPROVAL),
    ("s0011", "dora", "summarise the incident", "", SessionState.FAILED),
    ("s0012", "", "", "", SessionState.STARTING),
)
RECOVERIES = (
    ("resume_conversation", "conversation:7c2f41aa", True),
    ("resume_conversation", "conversation:9b11c0de", True),
    ("restart_process", "session:s0011", False),
)
ASKED = "rm -rf build/ && make test"
REMARK = (
    "The lease is renewed in two places. I will move it into Worker.renew() and keep lease_timeout as an alias so that"
    " billing/ is untouched."
)
CONVERSATION = "7c2f41aa-9d1e-4f0b-b1c4-0000000000"


CONVERSATIONS = [
    {"id": f"{CONVERSATION}07", "state": "running", "session": "s0008", "title": "refactor queue worker", "user": "ben",
     "used": NOW - 12, "turns": 22, "cost": 1.32, "directory": "/src/billing", "last_words": REMARK},
    {"id": "9b11c0de-7a54-4c1e-8d3c-000000000011", "title": "find out why the nightly build is slow", "user": "ana",
     "created": NOW - 9000, "used": NOW - 5400, "turns": 9, "cost": 0.81, "directory": "/src/ci",
     "last_words": "The cache key has the date in it. I would leave it out; shall I?"},
    {"id": "3c55aa01-1f0e-45a8-b0a2-000000000012", "title": "draft the release notes", "user": "eli",
     "created": NOW - 260_000, "used": NOW - 190_000, "turns": 31, "cost": 4.2, "directory": "/src/docs",
     "last_words": "Done: NOTES.md has all eleven changes."},
]  # fmt: skip


BREAKERS = [
    ev.BreakerFigures(
        breaker="credential:acct-3", calls=73, failed=0.384, limit=0.5, next_probe=0.0, probes_ok=2, probes_needed=3,
        trips=2, shed=41,
    ),
    ev.BreakerFigures(
        breaker="model:default", calls=120, failed=0.021, limit=0.5, next_probe=0.0, probes_ok=0, probes_needed=3,
        trips=1, shed=7,
    ),
]  # fmt: skip


CACHE = (
    ev.CacheReading(
        1, "tinylfu", 812, 1024, 31 * 1024**2, 64 * 1024**2, 4210, 1310, 12e-6, {"room": 77, "age": 12}, 3100.0
    ),
    ev.CacheReading(2, "lru", 9120, 0, 190 * 1024**2, 256 * 1024**2, 640, 670, 160e-6, {"age": 210}, 86000.0),
)
"""The answer cache at NOW."""
QUEUE = ev.QueueReading(
    waiting=1, max_waiting=1000, drain_time=9.0, throughput=0.1, dropped={"full": 2, "hopeless": 1},
    lanes=[
        ev.LaneReading("urgent", 0, 8.0, 0, "reject", 0.0, 0.2, 0.9),
        ev.LaneReading("high", 0, 4.0, 0, "reject"),
        ev.LaneReading("medium", 1, 2.0, 0, "reject", 1.5, 3.0, 8.1),
        ev.LaneReading("low", 0, 1.0, 50, "drop_oldest", 0.0, 22.0, 61.0),
    ],
    limits=[ev.LimitReading("credential:acct-3 model:default", 9, 9, "the API lacks capacity", 7.0)],
)  # fmt: skip
"""The queue at NOW."""


def tape() -> list[EventEnvelope]:
    """All events until NOW, in order."""
    found = [*_beginnings(), *_past(random.Random(1881)), *_trouble(), *_present()]
    found.sort(key=lambda each: each[0])
    return [EventEnvelope(number, at, event) for number, (at, event) in enumerate(found, 1)]


def recorded(folder: Path) -> Recording:
    """The same as the flight recorder writes it."""
    clock = ManualClock(NOW - UP_S - 1)
    bus = Bus(clock)
    recorder = Recorder(bus, folder, "e1", segment_bytes=1 << 24, segments=2)
    recorder.start()
    for stamped in tape():
        clock.advance(max(0.0, stamped.at - clock.wall()))
        bus.publish(stamped.event)
    recorder.close()
    return Recording(folder)


def transcript() -> list[TranscriptEntry]:
    """What session s0008 said until it asked."""
    told = (
        (152.0, "user", "", "keep the old API, callers in billing/ must not change"),
        (149.0, "think", "", "The callers use lease_timeout.\nIt must stay as an alias.\nThen the move is safe."),
        (120.0, "tool", "Read", "queue/lease.py"),
        (119.9, "result", "", "class Lease:\n    def extend(self): ...\n    def renew(self): ...\n    def drop(self)"),
        (93.0, "tool", "Bash", "rg -n lease_timeout"),
        (92.8, "result", "", "queue/worker.py:41:    self.lease.renew(self.lease_timeout)"),
        (41.0, "assistant", "", REMARK),
        (27.0, "error", "overloaded", "API 529, attempt 1"),
        (19.0, "note", "compacted", "180k tokens became 24k"),
        (12.0, "tool", "Bash", ASKED),
    )  # fmt: skip
    return [TranscriptEntry(index, NOW - ago, kind, title, text) for index, (ago, kind, title, text) in enumerate(told)]


def _beginnings() -> list[tuple[float, AnyEvent]]:
    found: list[tuple[float, AnyEvent]] = [
        (NOW - UP_S, ev.EngineStarted(engine="e1", pid=4000, backend="claude", version="0.1.0", max_size=20))
    ]
    for number, (session, user, _prompt, _activity, state) in enumerate(SESSIONS):
        began = NOW - 3 if state is SessionState.STARTING else NOW - 1500 + number
        found.append(
            (
                began,
                ev.SessionStarting(
                    session=session,
                    profile="default",
                    tenant="default",
                    backend="claude",
                    credential="credential:acct-3",
                ),
            )
        )
        if state is not SessionState.STARTING:
            found.append(
                (began + 0.8, ev.SessionReady(session=session, pid=4001 + number, version="2.1.3", start_s=0.8))
            )
            conversation = f"{CONVERSATION}{number:02d}"
            found.append((began + 0.9, ev.SessionBound(session=session, conversation=conversation, user=user)))
    return found


def _past(rng: random.Random) -> list[tuple[float, AnyEvent]]:
    found: list[tuple[float, AnyEvent]] = []
    for number in range(220):
        session, user, prompt, _activity, _state = SESSIONS[number % 10]
        at, took = NOW - 1200 + number * 5.4, 1.0 + 3 * rng.random() + (4 if number % 37 == 0 else 0)
        request = f"r{number:03d}"
        ok = number % 29 != 0
        found.append((at - took, _queued(request, user, prompt)))
        found.append((at - took, ev.TurnStarted(request=request, session=session, user=user, prompt=prompt)))
        found.append((at, _turn_ended(request, session, took, 200 + int(900 * rng.random()), ok=ok)))
        error = "" if ok else "connection reset"
        kind = "" if ok else "network"
        ended = ev.RequestEnded(request=request, user=user, ok=ok, duration=took, kind=kind, error=error)
        if not ok:
            found.append((at, _error(f"{request}.1", request, session, "network", "reset", error)))
        found.append((at, ended))
    return found


def _trouble() -> list[tuple[float, AnyEvent]]:
    """A tuning change, half a minute later an overload, the breaker that opened, and what was done about it."""
    began = NOW - 900
    found: list[tuple[float, AnyEvent]] = [
        (began, ev.SettingsChanged(who="kim", changes={"session_pool.max_size": [12, 16]})),
        (
            began + 90,
            ev.BreakerChanged(breaker="model:default", old="closed", new="open", reason="5 failures in a row"),
        ),
        (began + 150, ev.BreakerChanged(breaker="model:default", old="open", new="half_open", reason="probing")),
        (began + 160, ev.BreakerChanged(breaker="model:default", old="half_open", new="closed", reason="3 probes")),
    ]
    for number in range(24):
        at, session, request = began + 30 + number * 9, f"s{number % 5 + 1:04d}", f"r{number + 55:03d}"
        text = "API Error: 529 Overloaded"
        found.append((at, _error(f"{request}.1", request, session, "resource", "overloaded", text)))
    for number, (strategy, target, ok) in enumerate(RECOVERIES):
        at, name = NOW - 600 + number * 60, f"v{number + 1:04d}"
        reason = "the session was lost" if ok else "its tree would not end"
        found.append((at, ev.RecoveryStarted(recovery=name, strategy=strategy, target=target, estimated=3.0)))
        ended = ev.RecoveryEnded(
            recovery=name, strategy=strategy, target=target, ok=ok, reason=reason, took=0.4 + number, gave_up=not ok
        )
        found.append((at + 2, ended))
    return found


def _error(name: str, request: str, session: str, kind: str, category: str, text: str) -> AnyEvent:
    strategy = "reduce_load" if kind == "resource" else "none"
    return ev.ErrorSeen(
        error=name, request=request, session=session, profile="default", kind=kind, code="turn_failed", text=text,
        category=category, rule=category, strategy=strategy, retryable=True, again=kind == "resource", confidence=0.9,
    )  # fmt: skip


def _present() -> list[tuple[float, AnyEvent]]:
    found: list[tuple[float, AnyEvent]] = []
    for number, (session, user, prompt, activity, state) in enumerate(SESSIONS):
        if state in {SessionState.IDLE, SessionState.STARTING}:
            continue
        began, request = NOW - 11 + number / 2, f"r9{number:02d}"
        found.append((began, _queued(request, user, prompt)))
        found.append((began, ev.TurnStarted(request=request, session=session, user=user, prompt=prompt)))
        if activity:
            found.append((began + 0.1, ev.TurnActivity(session=session, activity=activity)))
    found += [
        (NOW - 62, ev.BreakerChanged(breaker="credential:acct-3", old="closed", new="half_open", reason="12 s probe")),
        (NOW - 61, ev.RecoveryMeasured(breakers=BREAKERS, budget=390, budget_size=1000, refused=0)),
        (NOW - 30, ev.SettingsChanged(who="ana", changes={"session_pool.max_size": [16, 20]})),
        (NOW - 5, ev.ApiRetry(session="s0006", attempt=2, delay=8.0, status=529, error="overloaded")),
        (NOW - 4, asked("p1", "s0008", "Bash", ASKED, f"Bash: {ASKED}  (exactly this)", "delete", 0, seen=(3, 0),
                        nearest="Bash: make test  (exactly this)")),
        (NOW - 3, asked("p2", "s0010", "Write", "NOTES.md", "Write: NOTES.md with any content", "write", 10)),
        (NOW - 2, ev.SessionEnded(session="s0011", how="exit", exit_code=134, error="The agent ended (signal 6)")),
        (NOW - 1.8, ev.RateLimited(session="s0003", status="allowed_warning", limit="seven_day", used=0.82,
                                   resets_at=NOW + 40 * 3600)),
        (NOW - 1.5, _queued("r990", "hana", "write the changelog")),
        (NOW - 1, ev.CacheMeasured(levels=CACHE)),
        (NOW - 1, ev.QueueMeasured(queue=QUEUE, waits=(ev.WaitReading("r990", 1, 9.0),))),
        (NOW - 1, ev.SessionReadings(
            readings=[ev.Reading(row[0], 3.0 * n, (90 + 7 * n) * MIB, 1 + n % 3) for n, row in enumerate(SESSIONS)],
            engine_cpu=4.0, engine_rss=96 * MIB)),
        (NOW, ev.TurnActivity(session="s0002", activity="writing")),
    ]  # fmt: skip
    return found


def profiled() -> list[tuple[float, AnyEvent]]:
    """A minute of measurements, answered requests with their stages and a capture; each with how long ago it was."""
    rng, found = random.Random(4121), list[tuple[float, AnyEvent]]()
    for second in range(70, 0, -1):
        worst = 0.0004 + 0.003 * rng.random() ** 3 + (0.011 if second in {18, 41} else 0)
        garbage = (
            ev.GarbageReading(0, 4100 - second, 0.61, 90_000), ev.GarbageReading(1, 370, 0.2, 4000),
            ev.GarbageReading(2, 31, 0.341, 800),
        )  # fmt: skip
        reading = ev.PerformanceReading(
            lag_p50=0.0004, lag_p99=0.0041, lag_most=worst, threads=9, descriptors=1921, blocks=1_240_000 + second,
            block_growth=350.5, events=412.0, events_dropped=3, garbage=garbage,
        )  # fmt: skip
        found.append((float(second), ev.PerformanceMeasured(performance=reading)))
    for number in range(64):
        request, took, ago = f"r8{number:02d}", 1.2 + 0.4 * rng.random(), 69.0 - number
        found.append((ago, _queued(request, "ana", "review the change")))
        found.append(
            (
                ago,
                ev.TurnEnded(
                    request=request, session="s0001", ok=True, outcome="answered", duration=took, ttft=0.45 * took,
                    tools=0.13 * took,
                ),
            )
        )  # fmt: skip
        found.append((ago, ev.RequestEnded(request=request, user="ana", ok=True, duration=took + 0.11, queued=0.09)))
    found.append((42.0, ev.ProfilerStarted(kinds=("cpu", "tasks", "blocking"), rate=100.0, seconds=30.0, who="ana")))
    found.append((12.0, ev.ProfilerStopped(reason="its time is up", seconds=30.0, samples=2994)))
    return sorted(found, key=lambda each: -each[0])


CAPTURE = {
    "text": "# Profile\n\n## What to do\n\n1. nothing", "capture": "20261120T140149-4121-1",
    "samples": 2994, "at_work": 931, "advice": [], "tasks": [],
    "hot": [
        {
            "function": name, "place": place, "own": own, "total": total, "change": change,
            "callers": [{"function": "Session._on_output", "place": "engine/sessions/session.py:489", "share": own}],
        }
        for name, place, own, total, change in (
            ("Decoder.feed", "engine/sessions/machine.py:88", 0.182, 0.31, 0.011),
            ("loads", "json/__init__.py:299", 0.117, 0.12, -0.002),
            ("Pool.reconcile", "engine/pool/pool.py:210", 0.093, 0.224, 0.048),
            ("Recorder.record", "engine/events/recorder.py:55", 0.061, 0.064, -0.001),
            ("BreakerGuard.record", "engine/recovery/breakers/breaker_guard.py:31", 0.039, 0.098, 0.006),
            ("encode_state", "engine/events/state.py:400", 0.012, 0.012, 0.0),
        )
    ],
    "steps": [
        {"at": NOW - 40, "seconds": 0.084, "function": "Pool.reconcile", "begun_by": "Maintenance.round"},
        {"at": NOW - 31, "seconds": 0.041, "function": "LiveSettings.apply", "begun_by": "LiveSettings.apply"},
    ],
}  # fmt: skip
"""The report of the capture."""
FRAMES = tuple(0.0012 + 0.003 * random.Random(7 * number).random() ** 2 for number in range(90))
"""CPU seconds of the console's last frames."""


def changed(key: str, old: object, new: object) -> AnyEvent:
    """Somebody changes a setting."""
    return ev.SettingsChanged(who="ana", changes={key: [old, new]})


def asked(
    permission: str,
    session: str,
    tool: str,
    summary: str,
    action: str,
    risk: str,
    rank: int,
    *,
    seen: tuple[int, int] = (0, 0),
    nearest: str = "",
) -> AnyEvent:
    """A request for leave; equal actions are one group."""
    return ev.PermissionAsked(
        permission=permission, session=session, tool=tool, summary=summary, deadline=NOW + 56,
        group=md5(action.encode()).hexdigest(),
        action=action, risk=risk, rank=rank, grave=rank < 6, tenant="default", profile="default",
        conversation=f"{CONVERSATION}{session[-2:]}", allowed_before=seen[0], denied_before=seen[1], nearest=nearest,
    )  # fmt: skip


def crowd() -> list[tuple[float, AnyEvent]]:
    """More that waits, and how long ago it was asked."""
    push, ci, fetch = "git push origin fix/lease --force-with-lease", ".github/workflows/ci.yml", "docs.rs/tokio/latest"
    colours = "frob --all [red]\x1b[31m"
    return [
        (101.0, asked("p3", "s0002", "Bash", push, f"Bash: {push}  (exactly this)", "push", 3, seen=(0, 1))),
        (72.0, asked("p4", "s0005", "WebFetch", fetch, f"WebFetch: {fetch}  (exactly this)", "network", 7,
                     seen=(12, 0))),
        (48.0, asked("p5", "s0003", "Bash", "docker compose up -d db", "Bash: docker compose up -d db  (exactly this)",
                     "process", 8, seen=(4, 0))),
        (20.0, asked("p6", "s0007", "Write", ci, f"Write: <workspace>/{ci} with content 5f3a  (exactly this)",
                     "ci file", 4)),
        (9.0, asked("p7", "s0001", "Bash", colours, f"Bash: {colours}  (exactly this)", "?", 6)),
        (2.0, asked("p8", "s0006", "Bash", ASKED, f"Bash: {ASKED}  (exactly this)", "delete", 0, seen=(3, 0))),
    ]  # fmt: skip


def _queued(request: str, user: str, prompt: str) -> AnyEvent:
    return ev.RequestQueued(
        request=request, user=user, tenant="default", profile="default", priority="medium", prompt=prompt
    )


def _turn_ended(request: str, session: str, took: float, tokens: int, *, ok: bool) -> AnyEvent:
    return ev.TurnEnded(
        request=request, session=session, ok=ok, outcome="answered" if ok else "failed", duration=took,
        tokens_in=tokens // 3, tokens_out=tokens, tokens_cached=tokens * 20, cost=tokens * 9e-5,
        error="" if ok else "connection reset", model="claude-sonnet-4-5-20250929", context=tokens * 150,
        context_window=200_000,
    )  # fmt: skip
