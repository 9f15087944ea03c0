"""Makes the recording that the screenshots are taken from: `python screenshots/record.py [MINUTES]`.

A simulator engine serves invented users for a while and is left in the middle of its work: three sessions wait for
an approval, one retries, one has failed. What is kept beside this file (events, what was said, the conversations and
the approvals as the engine lists them) is thinned to a small size and holds no path, no process number and no name of
the machine it was made on.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import tempfile
from pathlib import Path

import msgspec

from engine.base.caller import Caller
from engine.base.errors import QuarterdeckError
from engine.engine import Engine
from engine.events import types as ev
from engine.events.packing import SUFFIX
from engine.events.recorder import SegmentHead
from engine.events.recording import Recording
from engine.events.state import encode_state
from engine.operations.declared.conversations import LIST_CONVERSATIONS, ListConversations
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.permissions import LIST_PERMISSIONS, SHOW_PERMISSION, ShowPermission
from engine.operations.execute import Operations
from engine.requests import Request
from engine.sessions.transcripts import Page, TranscriptEntry
from engine.settings.load import load_settings

HERE = Path(__file__).parent
RECORDING = HERE / f"demo{SUFFIX}"
SAID = HERE / "demo.said.jsonl"
DETAILS = HERE / "demo.details.json"
LISTED = 40
"""Conversations that are kept."""
SAID_ENTRIES = 30
"""Entries of each session's transcript that are kept."""
KEPT_S = 75.0
"""Seconds of events that are kept; what was before them is one state."""
PID = 4000
"""Stands for the process numbers, which are nobody's."""
WORKSPACE = "/srv/billing"
"""Stands for the folder that the agents worked in."""
PREFIX = 3
"""Characters of a session's id before its number."""
FINALE_S = 14.0

USERS = ("ana", "ben", "chi", "dora", "eli", "fay", "gus", "hana")
FILES = {
    "queue/lease.py": "class Lease:\n    def extend(self, seconds: float) -> None: ...\n",
    "queue/worker.py": "class Worker:\n    def _tick(self) -> None:\n        self.lease.renew(self.timeout)\n",
    "tests/last_run.txt": "118 passed, 2 failed\nFAILED test_lease_renewed_once\nFAILED test_drain_is_idempotent\n",
    "tools/.keep": "",
    "docs/index.md": "# Billing\n\n12 pages\n",
    ".gitignore": "build/\n",
    "build/lib/billing.so": "\0" * 184_320,
    "build/report.html": "<title>118 passed, 2 failed</title>\n" * 400,
}
FLAKY = (
    "fix flaky test in auth\n[[think: The fixture shares one clock between two tests.]] [[delay: 2s]] [[pace: 60ms]]"
    " [[reply: The two tests share a module-level clock, so the second one sees the time of the first. I gave each its"
    " own clock and ran the file twenty times: no failure left.]]"
)
WORKER = (
    'refactor queue worker\n[[tool: Bash {"command": "cat queue/worker.py"}]] [[delay: 1s]] [[pace: 50ms]]'
    " [[reply: The lease is renewed in two places. I will move it into Worker.renew() and keep lease_timeout as an"
    " alias, so that billing/ is untouched.]]"
)
MIGRATION = (
    'write migration 0042\n[[tool: Write {"file_path": "0042_lease_until.sql", "content": "alter table lease"}]]'
    " [[delay: 2s]] [[pace: 60ms]] [[reply: Migration 0042 adds lease.until, filled from started_at in batches.]]"
)
REVIEW = (
    "review PR #1881\n[[delay: 3s]] [[pace: 90ms]] [[reply: Two things before this can go in. The retry loop sleeps"
    " while it holds the lock, so one slow peer stalls every caller; take the delay outside. And close() is called"
    " twice when the first write fails. The tests cover neither; I added one for each and both fail without the fix.]]"
)
DOCS = (
    'update docs index\n[[tool: Bash {"command": "wc -l docs/index.md"}]] [[delay: 1s]] [[pace: 80ms]]'
    " [[reply: The index lists all twelve pages again; three links pointed at files that had been renamed.]]"
)
TRIAGE = (
    "triage crash reports\n[[delay: 5s]] [[pace: 110ms]] [[reply: 41 reports, four causes. 29 are the null lease after"
    " a restart, fixed by #1881. 7 are out of memory on exports above two million rows. 4 are one host with a bad"
    " disk. The last one is new: the parser loops on an empty header. I opened an issue with the input that shows it.]]"
)
BUDGET = (
    "add retry budget\n[[delay: 1s]] [[pace: 70ms]] [[reply: Retries now draw from a budget of ten percent of the"
    " traffic, shared by all workers, so an outage is no longer met with three times the load.]]"
)
PORT = (
    "port parser to rust\n[[delay: 7s]] [[pace: 120ms]] [[reply: The tokenizer and the header parser are ported, with"
    " the same error messages. The 312 cases of the old suite pass against both; the new one reads the large sample in"
    " 0.4 s instead of 6.1 s. What is left is the streaming reader, which needs a decision about buffering first.]]"
)
PROMPTS = (FLAKY, WORKER, MIGRATION, REVIEW, DOCS, TRIAGE, BUDGET, PORT)
TROUBLED = "update the changelog\n[[fault: http529 x1]] [[pace: 60ms]] [[reply: The changelog names the lease fix.]]"
HOPELESS = "summarise the incident\n[[fault: http400_content_filter]]"
TROUBLED_SHARE, HOPELESS_SHARE, CRASH_SHARE = 0.04, 0.01, 0.01
CRASHED = "drain the queue\n[[delay: 1s]] [[crash]]"
BURST, BURST_SHARE = (0.55, 0.63), 0.6
"""The part of the time in which the API is overloaded, just after somebody raised the pool's size."""
SUITE = (
    'refactor queue worker\n[[tool: Bash {"command": "cat queue/worker.py"}]]'
    ' [[tool: Write {"file_path": "queue/worker.py", "content": "class Worker: ...\\n"}]]'
    ' [[tool: Bash {"command": "tail -n 3 tests/last_run.txt"}]]'
    ' [[tool: Bash {"command": "rm -rf build/ && make test"}]] [[reply: done]]'
)
INSTALL = (
    'set up the linter\n[[tool: Bash {"command": "cd tools && curl -fsS https://lint.example/install.sh | sh"}]]'
    " [[reply: done]]"
)
LONG = "The streaming reader keeps one block ahead of the parser and hands it over when asked. " * 12
FINALE = (
    SUITE,
    'publish release notes\n[[tool: Bash {"command": "git push origin fix/lease --force-with-lease"}]] [[reply: done]]',
    INSTALL,
    "keep the old API\n[[delay: 2s]] [[crash]]",
    f"port parser to rust\n[[delay: 1s]] [[reply: {LONG}]] [[pace: 160ms]]",
    f"review PR #1884\n[[delay: 1s]] [[reply: {LONG}]] [[pace: 140ms]]",
    f"triage crash reports\n[[delay: 2s]] [[reply: {LONG}]] [[pace: 150ms]]",
)


async def main(minutes: float) -> None:
    """Record, thin, and put beside this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = _engine(folder)
        await engine.start()
        try:
            end, details = await _traffic(engine, minutes * 60)
            sessions = [*engine.pool.sessions, *(row.id for row in engine.bus.state.ended)]
            said = [engine.transcripts.page(session, 0, 5000) for session in sessions]
        finally:
            await engine.aclose()
        RECORDING.write_bytes(_without(folder, _thinned(Recording(folder / "state" / "recordings"), end)))
        lines = (_line(entry, page.session) for page in said for entry in _last(page))
        SAID.write_bytes(_without(folder, b"".join(lines)))
        DETAILS.write_bytes(_without(folder, msgspec.json.format(details, indent=1)))


def _engine(folder: Path) -> Engine:
    workspace = folder / "billing"
    for path, text in FILES.items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(text)
    overrides = (
        "engine.backend=simulator",
        "engine.demo=off",
        "engine.grace=0s",
        f"engine.state_dir={folder / 'state'}",
        f"profiles.default.workspace={workspace}",
        "claude.permission_mode=acceptEdits",
        "claude.permission_timeout=1h",
        "session_pool.min_size=6",
        "session_pool.max_size=16",
        "events.segment_bytes=1GiB",
    )
    environ = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return Engine(load_settings(None, list(overrides), environ, None), environ=environ)


async def _details(engine: Engine) -> bytes:
    """The latest conversations, and the approvals that wait with their inputs."""
    operations, caller = Operations(engine), Caller("ana")
    listed = await operations.execute(LIST_CONVERSATIONS, ListConversations(limit=LISTED), caller)
    waiting = (await operations.execute(LIST_PERMISSIONS, PageArgs(), caller)).permissions
    shown = [await operations.execute(SHOW_PERMISSION, ShowPermission(id=each.id), caller) for each in waiting]
    kept = {"conversations": listed.conversations, "permissions": [each.permission for each in shown]}
    return msgspec.json.encode(kept)


def _without(folder: Path, data: bytes) -> bytes:
    """The data with another name for the workspace; nothing else may name the folder it was made in."""
    data = data.replace(str(folder / "billing").encode(), WORKSPACE.encode())
    if str(folder).encode() in data:
        raise ValueError(f"The recording names {folder}.")
    return data


async def _traffic(engine: Engine, seconds: float) -> tuple[float, bytes]:
    chance, numbers = random.Random(1881), itertools.count(1)  # noqa: S311 - a demo needs no secrets

    async def ask(user: str, prompt: str, conversation: str = "") -> str:
        request = Request(id=f"r{next(numbers):04d}", prompt=prompt, user=user, conversation=conversation)
        try:
            return (await engine.submit(request)).conversation
        except QuarterdeckError:
            return ""

    began = engine.clock.monotonic()

    def troubled() -> float:
        part = (engine.clock.monotonic() - began) / seconds
        return BURST_SHARE if BURST[0] < part < BURST[1] else TROUBLED_SHARE

    async def tune() -> None:
        for part, size in ((BURST[0] - 0.01, 18), (BURST[1], 16)):
            await asyncio.sleep(max(0.0, began + part * seconds - engine.clock.monotonic()))
            engine.live.propose({"session_pool.max_size": size}, "ana")

    async def work(user: str) -> None:
        conversation = ""
        while True:
            await asyncio.sleep(chance.uniform(1, 14))
            luck = chance.random()
            prompt = TROUBLED if luck < troubled() else chance.choice(PROMPTS)
            prompt = CRASHED if luck > 1 - HOPELESS_SHARE - CRASH_SHARE else prompt
            prompt = HOPELESS if luck > 1 - HOPELESS_SHARE else prompt
            conversation = await ask(user, prompt, conversation if chance.random() < 0.6 else "")

    async with asyncio.TaskGroup() as users:
        workers = [users.create_task(work(user)) for user in USERS]
        workers.append(users.create_task(tune()))
        await asyncio.sleep(seconds)
        last = [users.create_task(ask(user, prompt)) for user, prompt in zip(USERS, FINALE, strict=False)]
        await asyncio.sleep(FINALE_S)
        end, details = engine.clock.wall(), await _details(engine)
        for task in (*workers, *last):
            task.cancel()
    return end, details


def _thinned(recording: Recording, end: float) -> bytes:
    """The last KEPT_S seconds until `end`, opened by the state that all before them made."""
    state = recording.state_at(end - KEPT_S)
    state.engine.pid = PID
    for row in [*state.sessions.values(), *state.ended]:
        row.pid = PID + int(row.id[PREFIX:])
    head = SegmentHead(state.engine.engine, 1, state.seq, state.at, msgspec.Raw(encode_state(state)))
    kept = [stamped for stamped in recording.events() if state.seq < stamped.seq and stamped.at <= end]
    return b"".join(line + b"\n" for line in (msgspec.json.encode(head), *map(_anonymous, kept)))


def _anonymous(stamped: ev.EventEnvelope) -> bytes:
    event = stamped.event
    if isinstance(event, ev.SessionReady):
        event = msgspec.structs.replace(event, pid=PID + int(event.session[PREFIX:]))
    return ev.encode_stamped(msgspec.structs.replace(stamped, event=event))


def _last(page: Page) -> list[TranscriptEntry]:
    return page.entries[-SAID_ENTRIES:]


def _line(entry: TranscriptEntry, session: str) -> bytes:
    # The directives below a prompt's first line shaped the simulated answer; nobody would have typed them.
    text = entry.text.partition("\n")[0] if entry.kind == "user" else entry.text
    return msgspec.json.encode({"session": session, "entry": msgspec.structs.replace(entry, text=text)}) + b"\n"


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.5))
