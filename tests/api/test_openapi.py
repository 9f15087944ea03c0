"""What the engine says of its API: valid OpenAPI 3.1 that names every operation, and clean under generated requests."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from engine.api.openapi import document
from engine.operations.registry import REGISTRY
from tests.api.serving import Served


async def test_the_description_is_valid_and_served(served: Served) -> None:
    found = (await served.http.get("/openapi.json")).json()
    assert list(OpenAPIV31SpecValidator(found).iter_errors()) == []
    named = {each["operationId"] for path in found["paths"].values() for each in path.values()}
    assert named == REGISTRY.keys()


def test_each_operation_says_its_scope_and_its_arguments() -> None:
    paths = document()["paths"]
    recycle = paths["/api/sessions/{id}/recycle"]["post"]
    assert recycle["x-scope"] == "operator"
    assert [each["name"] for each in recycle["parameters"]] == ["id"]
    deadline = recycle["requestBody"]["content"]["application/json"]["schema"]["properties"]["deadline"]
    assert (deadline["minimum"], deadline["maximum"], deadline["default"]) == (0.0, 86_400.0, 60.0)
    errors = {each["name"]: each for each in paths["/api/errors"]["get"]["parameters"]}
    assert (errors["limit"]["in"], errors["limit"]["schema"]["maximum"]) == ("query", 1000)
    stream = paths["/api/prompts"]["post"]["responses"]["200"]["content"]
    assert stream.keys() == {"application/json", "text/event-stream"}
