"""The one registry: every declared operation by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.operations.declared import (
    alerts,
    breakers,
    cache,
    checkpoints,
    config,
    conversations,
    errors,
    memory,
    performance,
    permissions,
    pool,
    presets,
    profiler,
    profiles,
    prompts,
    queue,
    recordings,
    recoveries,
    sessions,
    terminals,
    verbs,
    workers,
)
from engine.operations.operation import Operation

SUBJECTS = (
    pool,
    sessions,
    verbs,
    conversations,
    terminals,
    prompts,
    queue,
    cache,
    memory,
    permissions,
    breakers,
    errors,
    recoveries,
    alerts,
    checkpoints,
    profiles,
    recordings,
    config,
    presets,
    profiler,
    performance,
    workers,
)
"""The modules that declare operations, in the order of the API's pages."""


def _declared() -> dict[str, Operation[Any, Any]]:
    found = [each for subject in SUBJECTS for each in vars(subject).values() if isinstance(each, Operation)]
    return {operation.id: operation for operation in found}


REGISTRY: Mapping[str, Operation[Any, Any]] = _declared()
