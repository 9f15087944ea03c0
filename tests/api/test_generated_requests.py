"""Requests that schemathesis makes from the description: no failure of ours, and only what is documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from engine.api.openapi import document
from engine.api.server import serve
from engine.operations.registry import REGISTRY
from engine.thread import EngineThread
from tests.support.engines import loaded

EXAMPLES = 15
"""Requests of each kind, right and wrong ones, for each operation."""
SEED = 20
BASE = "http://engine"
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
"""Without `positive_data_acceptance`: a session or a setting that does not exist is refused, and rightly."""
REQUESTS = [
    (name, mode)
    for name, operation in REGISTRY.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or operation.others  # a text in a path is never wrong
]
SENT = frozenset({"method", "url", "params", "headers", "json", "content"})


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an engine on the simulator, in a thread of its own."""
    folder: Path = tmp_path_factory.mktemp("engine")
    thread = EngineThread(loaded(folder), serve)
    thread.start()
    try:
        transport = httpx.HTTPTransport(uds=str(folder / "engine.sock"))
        with httpx.Client(transport=transport, base_url=BASE, timeout=30) as made:
            yield made
    finally:
        thread.request_stop("the test is over")
        assert thread.join(30.0)


@pytest.mark.parametrize(("name", "mode"), REQUESTS, ids=lambda each: getattr(each, "value", each))
def test_an_operation_answers_as_it_is_described(client: httpx.Client, name: str, mode: GenerationMode) -> None:
    declared = REGISTRY[name]
    schema = schemathesis.openapi.from_dict(document())
    operation = schema[declared.template][declared.method]
    checks = [check for check in CHECKS.get_all() if check.__name__ in WANTED]
    assert len(checks) == len(WANTED)

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def run(case: Case) -> None:
        sent = case.as_transport_kwargs(base_url=BASE)
        sent.pop("cookies", None)
        if "data" in sent:
            sent["content"] = sent.pop("data")
        response = client.request(**{key: value for key, value in sent.items() if key in SENT and value is not None})
        case.validate_response(response, checks=checks)

    run()
