"""Requests that schemathesis makes from the description: no failure of ours, and only what is documented."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from engine.api.openapi import document
from engine.operations.registry import REGISTRY
from tests.api.serving import serving

EXAMPLES = 12
SEED = 20
"""Requests made for each operation, half of them wrong on purpose, always the same ones."""
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
"""Not `positive_data_acceptance`: a setting or a session that does not exist is refused, as it should be."""
