"""The smallest value that a JSON schema allows, for structured answers and forced tool calls.

Only the standard library is used: the simulator fills in schemas as well.
"""

from __future__ import annotations

Schema = dict[str, object]

MOST_DEPTH = 16
MOST_ITEMS = 64

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "someone@example.com",
    "ipv4": "127.0.0.1",
    "time": "00:00:00Z",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_SAMPLES: dict[str, object] = {"null": None, "boolean": True}


def sample(schema: object) -> object:
    """A value of the schema: every property filled in, always the same one."""
    root = schema if isinstance(schema, dict) else {}
    return _sample(root, root, 0)


def _sample(schema: object, root: Schema, depth: int) -> object:
    if not isinstance(schema, dict) or depth > MOST_DEPTH:
        return None
    found = _resolved(schema, root, depth)
    for chosen in ("const", "default"):
        if chosen in found:
            return found[chosen]
    choices = found.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    return _by_type(found, root, depth)


def _resolved(schema: Schema, root: Schema, depth: int) -> Schema:
    """The schema with its reference followed, its parts merged and its first alternative taken."""
    found = dict(schema)
    reference = found.pop("$ref", None)
    if isinstance(reference, str) and depth < MOST_DEPTH:
        found = {**_resolved(_target(reference, root), root, depth + 1), **found}
    parts = found.pop("allOf", None)
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and depth < MOST_DEPTH:
            found = _merged(found, _resolved(part, root, depth + 1))
    for name in ("anyOf", "oneOf"):
        alternatives = found.pop(name, None)
        if isinstance(alternatives, list) and alternatives and isinstance(alternatives[0], dict) and depth < MOST_DEPTH:
            found = _merged(found, _resolved(alternatives[0], root, depth + 1))
    return found


def _merged(one: Schema, other: Schema) -> Schema:
    merged = {**one, **other}
    mine, theirs = one.get("properties"), other.get("properties")
    if isinstance(mine, dict) and isinstance(theirs, dict):
        merged["properties"] = {**mine, **theirs}
    required, more = one.get("required"), other.get("required")
    if isinstance(required, list) and isinstance(more, list):
        merged["required"] = [*required, *more]
    return merged


def _target(reference: str, root: Schema) -> Schema:
    """What `#/a/b` points at; an empty schema when it is not there."""
    at: object = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        at = at.get(name) if isinstance(at, dict) else None
    return at if isinstance(at, dict) else {}


def _by_type(schema: Schema, root: Schema, depth: int) -> object:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        items = max(1 if depth < MOST_DEPTH // 2 else 0, _whole(schema.get("minItems"), 0))
        most = _whole(schema.get("maxItems"), MOST_ITEMS)
        return [_sample(schema.get("items", {}), root, depth + 1) for _ in range(min(items, most, MOST_ITEMS))]
    if kind in {"number", "integer"}:
        return _number(schema)
    return _SAMPLES[str(kind)] if kind in _SAMPLES else _text(schema)


def _object(schema: Schema, root: Schema, depth: int) -> Schema:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    needed = [str(name) for name in required] if isinstance(required, list) else []
    # Deep down only what must be there is filled in, so that a schema that refers to itself comes to an end.
    names = dict.fromkeys([*known, *needed]) if depth < MOST_DEPTH // 2 else dict.fromkeys(needed)
    return {name: _sample(known.get(name, {"type": "string"}), root, depth + 1) for name in names}


def _number(schema: Schema) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    value = low if isinstance(low, (int, float)) else 0
    step = schema.get("multipleOf")
    if isinstance(step, (int, float)) and step > 0 and value % step:
        value = (value // step + 1) * step
    if "exclusiveMinimum" in schema and value == schema["exclusiveMinimum"]:
        value += step if isinstance(step, (int, float)) else 1
    if isinstance(high, (int, float)) and not isinstance(schema.get("minimum"), (int, float)):
        value = min(value, high - 1 if "exclusiveMaximum" in schema else high)
    return value


def _text(schema: Schema) -> str:
    named = _FORMATS.get(str(schema.get("format")))
    if named is not None:
        return named
    text = "text".ljust(_whole(schema.get("minLength"), 0), "x")
    return text[: _whole(schema.get("maxLength"), len(text))]


def _whole(value: object, default: int) -> int:
    return int(value) if isinstance(value, (int, float)) and value >= 0 else default


_CHECKS: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def mismatch(value: object, schema: object, at: str = "", depth: int = 0) -> str | None:
    """The first place where a value breaks its schema in type, enumeration or required fields; None for none."""
    if not isinstance(schema, dict) or depth > MOST_DEPTH:
        return None
    kinds = schema.get("type")
    wanted = kinds if isinstance(kinds, list) else [kinds] if isinstance(kinds, str) else []
    if wanted and not any(_is_a(value, str(kind)) for kind in wanted):
        return f"{at or '/'}: must be {','.join(map(str, wanted))}"
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        return f"{at or '/'}: must be equal to one of the allowed values"
    if isinstance(value, list):
        inner = (mismatch(each, schema.get("items"), f"{at}/{index}", depth + 1) for index, each in enumerate(value))
        return next((each for each in inner if each), None)
    return _fields_mismatch(value, schema, at, depth) if isinstance(value, dict) else None


def _is_a(value: object, kind: str) -> bool:
    expected = _CHECKS.get(kind)
    if expected is None:
        return True
    return isinstance(value, expected) and (bool in expected or not isinstance(value, bool))


def _fields_mismatch(value: Schema, schema: Schema, at: str, depth: int) -> str | None:
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in value:
            return f"{at or '/'}: must have required property '{name}'"
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    inner = (mismatch(each, known.get(name), f"{at}/{name}", depth + 1) for name, each in value.items())
    return next((each for each in inner if each), None)
