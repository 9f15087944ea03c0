"""The registry of operations: complete, light to load, and the only way to a handler."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections import Counter
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from engine.approvals.grants import Grant
from engine.approvals.groups import PermissionGroup
from engine.approvals.store import Answered
from engine.events import state, types
from engine.events.indicators import Indicators, StageMedian
from engine.memory.buffers import ClassStatistics
from engine.memory.optimizer import Verdict
from engine.operations.declared import (
    cache,
    checkpoints,
    errors,
    memory,
    performance,
    permissions,
    pool,
    profiler,
    prompts,
    queue,
    recoveries,
    sessions,
    workers,
)
from engine.operations.execute import Operations
from engine.operations.handlers.binding import HANDLERS
from engine.operations.registry import REGISTRY, SUBJECTS
from engine.profiling.outputs.folder import KeptFile
from engine.profiling.profiler import ProfilerStatus
from engine.profiling.request_trace import RequestTrace, Stage
from engine.recovery.classify import rules
from engine.recovery.statistics import Figures
from engine.requests import Answer
from engine.sessions.transcripts import Page
from engine.tasks.checkpoints import Checkpoint
from engine.workers.workers import WorkerStatistics
from tests.architecture.test_imports import imported_by

ROOT = Path(__file__).parents[2]
ROWS = [
    (sessions.SessionRow, state.SessionView, set()),
    (sessions.TranscriptPage, Page, set()),
    (prompts.RequestRow, state.RequestView, set()),
    (prompts.PromptAnswer, Answer, set()),
    (prompts.SentPrompt, Answer, set()),
    (permissions.PermissionRow, state.PermissionView, {"age"}),
    (permissions.PermissionGroupRow, PermissionGroup, {"age"}),
    (permissions.GrantRow, Grant, {"scope"}),
    (permissions.PermissionAnswer, Answered, set()),
    (errors.ErrorRow, state.ErrorView, set()),
    (errors.RecoveryFigures, Figures, set()),
    (recoveries.RecoveryRow, state.RecoveryView, set()),
    (recoveries.RecoveryOutcome, types.RecoveryEnded, set()),
    (pool.PoolStatistics, types.PoolStatistics, set()),
    (pool.PoolCounts, types.PoolCounts, set()),
    (checkpoints.CheckpointRow, Checkpoint, {"expires_at", "resuming"}),
    (cache.CacheLevel, types.CacheReading, set()),
    (queue.QueueStatistics, types.QueueReading, set()),
    (queue.LaneRow, types.LaneReading, set()),
    (queue.LimitRow, types.LimitReading, set()),
    (memory.BufferClass, ClassStatistics, set()),
    (memory.VerdictRow, Verdict, set()),
    (performance.PerformanceRow, Indicators, set()),
    (performance.StageMedianRow, StageMedian, set()),
    (performance.GarbageRow, types.GarbageReading, set()),
    (workers.WorkerRow, WorkerStatistics, set()),
    (profiler.ProfilerRow, ProfilerStatus, set()),
    (profiler.FileRow, KeptFile, set()),
    (profiler.StageRow, Stage, set()),
    (profiler.TraceResult, RequestTrace, set()),
]
"""Rows of results, what they are made from, and what they have beside."""


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    assert Operations
    ours = {name for name, handler in HANDLERS.items() if handler.__module__.startswith("engine.")}
    assert ours == REGISTRY.keys()


def test_declarations_load_nothing_but_base_and_msgspec() -> None:
    loaded = {name for name in imported_by("import engine.operations.registry") if name.startswith("engine.")}
    allowed = ("engine.base", "engine.operations.declared", "engine.operations.operation", "engine.operations.registry")
    assert not [name for name in loaded if name != "engine.operations" and not name.startswith(allowed)]


def test_ids_routes_and_examples_are_in_order() -> None:
    routes = [operation.route for operation in REGISTRY.values()]
    assert len(routes) == len(set(routes))
    for operation in REGISTRY.values():
        fields = {field.encode_name for field in msgspec.structs.fields(operation.args)}
        assert set(operation.parameters) <= fields, operation.id
        assert operation.summary.endswith("."), operation.id
        assert operation.examples, operation.id
        assert operation.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize(("row", "source", "beside"), ROWS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_row_has_every_field_of_what_it_is_made_from(
    row: type[msgspec.Struct], source: type, beside: set[str]
) -> None:
    fields = dataclasses.fields(source) if dataclasses.is_dataclass(source) else msgspec.structs.fields(source)
    assert {field.name for field in msgspec.structs.fields(row)} == {field.name for field in fields} | beside


def test_words_of_the_classifier_are_those_declared() -> None:
    for literal, enum in (
        (errors.ErrorType, rules.ErrorType),
        (errors.ErrorSeverity, rules.ErrorSeverity),
        (errors.StrategyWord, rules.StrategyWord),
    ):
        assert get_args(literal) == tuple(each.value for each in enum)


def test_read_only_mode_is_checked_in_one_place_of_the_engine() -> None:
    calls = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "engine").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("check_writable")
    ]
    assert calls == ["engine/operations/execute.py"]


def test_no_two_structs_of_the_operations_have_one_name() -> None:
    """The API's description names its schemas by them."""
    found = Counter(
        name
        for module in SUBJECTS
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    )
    assert [name for name, count in found.items() if count > 1] == []
