"""The profiler: captures of the engine, their files, and the stages of one request."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation

Kind = Literal["cpu", "memory", "tasks", "blocking"]
Format = Literal["markdown", "speedscope", "flamegraph"]
ALL_FILES = 1000


class StartProfiler(msgspec.Struct, kw_only=True, frozen=True):
    """What to capture, at how many samples a second, for how many seconds; the settings decide what is not given."""

    kinds: tuple[Kind, ...] = ("cpu", "tasks", "blocking")
    rate: Annotated[float, msgspec.Meta(ge=1.0, le=1000.0)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0.1, le=3600.0)] | None = None


class LagRow(msgspec.Struct, kw_only=True):
    """How late the event loop ran what was due, in seconds."""

    p50: float
    p99: float
    most: float


class ProfilerRow(msgspec.Struct, kw_only=True):
    """The capture under way, or the last one; `problem` states why its files were not written. Times in seconds."""

    running: bool
    capture: str
    kinds: tuple[str, ...]
    rate: float
    elapsed: float
    ends_in: float
    samples: int
    lag: LagRow | None
    folder: str
    files: tuple[str, ...]
    problem: str


class ProfilerResult(msgspec.Struct, kw_only=True):
    """What the profiler does now."""

    profiler: ProfilerRow


class ReportFormat(msgspec.Struct, kw_only=True, frozen=True):
    """As what the last capture is read."""

    format: Format = "markdown"


class CallerRow(msgspec.Struct, kw_only=True):
    """A function that called another one, and its share of the samples at work in which it did, from 0 to 1."""

    function: str
    place: str
    share: float


class HotRow(msgspec.Struct, kw_only=True):
    """A function with its shares of the samples at work, from 0 to 1: in itself, and with what it called.

    `change` is what `own` has gained against the capture before; None without one. `callers` are those that called it
    in most of the samples.
    """

    function: str
    place: str
    own: float
    total: float
    change: float | None = None
    callers: list[CallerRow] = []


class StepRow(msgspec.Struct, kw_only=True):
    """A step of the event loop that blocked it: when in seconds since 1970, how many seconds, in which function."""

    at: float
    seconds: float
    function: str
    begun_by: str


class TaskRow(msgspec.Struct, kw_only=True):
    """Alike tasks: their name with numbers as #, how many, where they stand and what they await."""

    name: str
    count: int
    stands_in: str
    awaits: str


class AdviceRow(msgspec.Struct, kw_only=True):
    """One thing to do, and what was found."""

    found: str
    do: str


class ReportResult(msgspec.Struct, kw_only=True):
    """The last capture: its text in the format asked for, and its first rows.

    Of its `samples` those that saw a thread at work are `at_work`, a sample of two such threads counted twice: the
    shares of `hot` are of these.
    """

    text: str
    capture: str
    samples: int
    at_work: int
    advice: list[AdviceRow]
    hot: list[HotRow]
    steps: list[StepRow]
    tasks: list[TaskRow]


class FileRow(msgspec.Struct, kw_only=True):
    """A file of a capture: bytes, and when it was written in seconds since 1970."""

    name: str
    size: int
    written_at: float


class CapturesResult(msgspec.Struct, kw_only=True):
    """The files that the folder holds, the newest first."""

    files: list[FileRow]


class FileName(msgspec.Struct, kw_only=True, frozen=True):
    """A file of a capture."""

    name: str


class FileText(msgspec.Struct, kw_only=True):
    """Its text."""

    text: str


class TracedRequest(msgspec.Struct, kw_only=True, frozen=True):
    """One request."""

    id: str


class StageRow(msgspec.Struct, kw_only=True):
    """One stage: seconds after the request came at which it began, its seconds, and the reason or the session."""

    name: str
    began: float
    seconds: float
    detail: str


class TraceResult(msgspec.Struct, kw_only=True):
    """A request by stage, in order: queue, wait, retry, first_token, turn, tools, people, end."""

    stages: list[StageRow]
    request: str
    came_at: float
    seconds: float
    outcome: str
    attempts: int


PROFILER_STATUS = Operation(
    "profiler.status",
    "GET /api/profiler",
    NoArguments,
    ProfilerResult,
    "Show what the profiler captures now, or captured last.",
    examples=("quarterdeck profiler status --json",),
)
START_PROFILER = Operation(
    "profiler.start",
    "POST /api/profiler/start",
    StartProfiler,
    ProfilerResult,
    "Capture where the engine's time and memory go; it stops by itself.",
    Scope.OPERATOR,
    examples=("quarterdeck profiler start --seconds 10",),
)
STOP_PROFILER = Operation(
    "profiler.stop",
    "POST /api/profiler/stop",
    NoArguments,
    ProfilerResult,
    "End the capture under way and write its files.",
    Scope.OPERATOR,
    examples=("quarterdeck profiler stop",),
)
PROFILER_REPORT = Operation(
    "profiler.report",
    "GET /api/profiler/report",
    ReportFormat,
    ReportResult,
    "Show the last capture: the three things to do, and what was measured.",
    sentence="{text}",
    examples=("quarterdeck profiler report", "quarterdeck profiler report --format speedscope"),
)
PROFILER_FILES = Operation(
    "profiler.files",
    "GET /api/profiler/files",
    NoArguments,
    CapturesResult,
    "List the files of captures, the newest first.",
    columns=("name", "size", "written_at"),
    examples=("quarterdeck profiler files --json",),
)
READ_PROFILER_FILE = Operation(
    "profiler.read",
    "GET /api/profiler/files/{name}",
    FileName,
    FileText,
    "Print a file of a capture.",
    sentence="{text}",
    examples=("quarterdeck profiler read capture-20261127T120000-4121-1.md",),
)
TRACE_REQUEST = Operation(
    "profiler.trace",
    "GET /api/profiler/requests/{id}",
    TracedRequest,
    TraceResult,
    "Show the stages of one request: waits, first token, turn, retries.",
    columns=("name", "began", "seconds", "detail"),
    examples=("quarterdeck profiler trace r42",),
)
