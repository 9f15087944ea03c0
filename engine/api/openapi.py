"""The description of the API as OpenAPI 3.1, made from the registry of operations."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from engine.base.caller import Scope
from engine.base.version import __version__
from engine.operations.operation import Operation
from engine.operations.registry import REGISTRY

_REF = "#/components/schemas/{name}"
_REFUSALS = {
    400: "The arguments are wrong; `field` names which.",
    401: "A token is needed.",
    403: "The caller may not do this, or the engine is read-only.",
    404: "There is no such thing.",
    409: "What it concerns is in use.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    429: "Too much at once; `retry_after` states when to try again.",
    499: "The caller left.",
    502: "The agent or its service failed.",
    503: "It cannot be done now; `retry_after` states when to try again.",
    504: "It took too long.",
}


class ErrorBody(msgspec.Struct, kw_only=True):
    """Every failure: the sentence, a code for programs, the field that is wrong, and what helps."""

    success: bool
    error: str
    code: str
    kind: str | msgspec.UnsetType | None = msgspec.UNSET
    field: str | msgspec.UnsetType | None = msgspec.UNSET
    remedy: str | msgspec.UnsetType | None = msgspec.UNSET
    retry_after: float | msgspec.UnsetType | None = msgspec.UNSET


_EVENT = {
    "description": "One event of the stream; `data` is JSON.",
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data", "retry")},
}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    operations = list(REGISTRY.values())
    kinds = [kind for each in operations for kind in (each.args, each.result)]
    _references, schemas = msgspec.json.schema_components([*kinds, ErrorBody], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.template, {})[each.method.lower()] = _described(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Quarterdeck", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {**schemas},
            "responses": {str(status): _refusal(text) for status, text in _REFUSALS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


_ABOUT = "Run, watch and tune a pool of Claude Code sessions. Over TCP every call carries a token."


def _described(operation: Operation[Any, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    fields = schemas[operation.args.__name__].get("properties", {})
    required = set(schemas[operation.args.__name__].get("required", ()))
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.partition(".")[0]],
        "x-scope": operation.scope.value,
        "responses": _responses(operation),
    }
    names = operation.parameters if operation.has_body else (*operation.parameters, *operation.others)
    if names:
        described["parameters"] = [_parameter(operation, name, fields[name], required) for name in names]
    if operation.has_body:
        body = _body_schema(operation, fields, required)
        described["requestBody"] = {
            "required": bool(body.get("required")) or bool(operation.body),
            "content": {"application/json": {"schema": body}},
        }
    return described


def _parameter(operation: Operation[Any, Any], name: str, schema: dict[str, Any], required: set[str]) -> dict[str, Any]:
    in_path = name in operation.parameters
    return {
        "name": name,
        "in": "path" if in_path else "query",
        "required": in_path or name in required,
        "schema": {**schema, "minLength": 1} if in_path else schema,
    }


def _body_schema(operation: Operation[Any, Any], fields: dict[str, Any], required: set[str]) -> dict[str, Any]:
    if operation.body:
        return {**fields[operation.body], "minProperties": 1}
    return {
        "type": "object",
        "properties": {name: fields[name] for name in operation.others},
        "required": [name for name in operation.others if name in required],
        "additionalProperties": False,
    }


def _responses(operation: Operation[Any, Any]) -> dict[str, Any]:
    data = {"$ref": _REF.format(name=operation.result.__name__)}
    envelope = {
        "type": "object",
        "properties": {"success": {"const": True}, "data": data},
        "required": ["success", "data"],
        "additionalProperties": False,
    }
    content: dict[str, Any] = {"application/json": {"schema": envelope}}
    if operation.stream:
        content["text/event-stream"] = {"schema": _EVENT}
    found: dict[str, Any] = {str(operation.status): {"description": "Done.", "content": content}}
    if operation.stream:
        found["202"] = {"description": "On its way.", "content": {"application/json": {"schema": envelope}}}
    return found | {str(status): {"$ref": f"#/components/responses/{status}"} for status in _statuses(operation)}


def _statuses(operation: Operation[Any, Any]) -> list[int]:
    """The refusals that an operation can answer with."""
    found = [400, 401, 403, 503]
    if operation.parameters or operation.scope is not Scope.VIEWER:
        found += [404]
    if operation.acts or operation.asks_agent:
        found += [409, 429]
    if operation.has_body:
        found += [413, 415]
    if operation.stream or operation.acts or operation.asks_agent:
        found += [499, 502, 504]
    return sorted(found)


def _refusal(text: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name=ErrorBody.__name__)}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
