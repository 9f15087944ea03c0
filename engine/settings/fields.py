"""What every setting is made of: the one way to declare it, and the types that read what people write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from engine.settings.quantities import parse_duration, parse_share_or_size, parse_size

SECONDS, BYTES, SHARE_OR_BYTES = "seconds", "bytes", "ratio or bytes"
STORE = "the store"
"""The part that settings wait for which nothing reads before."""
_EXTENSION = re.compile(r"[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LONGEST_TEXT = 256
"""Characters of a text that people read, such as a model's name."""
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")
_T = TypeVar("_T", bound=BaseModel)


class Group(BaseModel):
    """Settings that belong together; frozen, so that a change is always a new, validated whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """Marks a text that is one of `names`, or names an extension (engine/base/plugins.py)."""

    names: tuple[str, ...]

    def check(self, name: str) -> str:
        """The name; ValueError for what can name nothing."""
        if not _EXTENSION.fullmatch(name):
            raise ValueError(f"one of {', '.join(self.names)}, an installed extension's name, or module:Class")
        return name

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """pydantic's way to ask for a check."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))


def setting(
    default: Any,
    description: str,
    *,
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    restart: str = "",
    secret: bool = False,
    address: bool = False,
    shown: str = "",
    columns: tuple[str, ...] = (),
    unused_before: str = "",
    local_only: bool = False,
) -> Any:
    """Declare one setting.

    `restart` names the part that a change restarts (empty: a change is live), `shown` is what the reference prints
    for a default that depends on the machine; a callable `default` is a factory. A `secret` is never printed;
    of a secret `address` only the password is hidden. `columns` name the texts in each row of a list of rows.
    `unused_before` names the part without which nothing reads the setting yet. A `local_only` one runs programs or
    chooses where a credential goes: nobody changes it with a token.
    """
    extra: dict[str, Any] = {"unit": unit, "restart": restart, "secret": secret, "address": address, "shown": shown}
    extra["columns"], extra["unused_before"], extra["local_only"] = list(columns), unused_before, local_only
    given: dict[str, Any] = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**given, description=description, ge=ge, le=le, repr=not secret, json_schema_extra=extra)


def in_order(group: _T, low: str, high: str, *, equal: bool = True) -> _T:
    """Refuse a group whose setting `low` is above `high`; both are named in the problem."""
    below, above = getattr(group, low), getattr(group, high)
    if below > above or (below == above and not equal):
        word = "above" if equal else "not below"
        raise PydanticCustomError("conflict", "{low} is {word} {high}", {"low": low, "high": high, "word": word})
    return group


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")  # noqa: TRY004 - pydantic collects ValueError only
    return value


def _switch_word(value: object) -> object:
    # YAML 1.1 reads a bare `on` or `off` as true or false.
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _hex_key(value: SecretStr) -> SecretStr:
    if not _HEX_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("64 hex digits, as `openssl rand -hex 32` prints")
    return value


def _web_address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("an address that starts with http:// or https://, or nothing")
    return value


def _at_home(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path without NUL characters")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("a path whose ~ names a user of this machine") from None


def database_url(text: str) -> str:
    """`file:./dev.db`, `sqlite:///…`, `postgres://…` or `postgresql://…` as a SQLAlchemy URL; ValueError otherwise."""
    if text.startswith("file:") and (path := text.removeprefix("file:").split("?")[0]):
        return f"sqlite:///{path.removeprefix('//')}"
    if text.startswith("postgres://"):
        return "postgresql://" + text.removeprefix("postgres://")
    if text.startswith(("sqlite://", "sqlite+", "postgresql://", "postgresql+")):
        return text
    raise ValueError("file:PATH, sqlite:///PATH, postgres://… or postgresql://…")


def _database_secret(value: SecretStr) -> SecretStr:
    return SecretStr(database_url(value.get_secret_value()))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name of 1 to 64 letters, digits, `.`, `_` and `-`, a letter or digit first")
    return text


def _printable(text: str) -> str:
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise ValueError(f"at most {LONGEST_TEXT} printable characters")
    return text


Name = Annotated[str, AfterValidator(_name)]
PrintableText = Annotated[str, AfterValidator(_printable)]
Whole = Annotated[int, BeforeValidator(_no_bool)]
Number = Annotated[float, BeforeValidator(_no_bool)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
ShareOrSize = Annotated[float, BeforeValidator(parse_share_or_size)]
Size = Annotated[int, BeforeValidator(parse_size)]
Switch = Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch_word)]
Place = Annotated[Path, AfterValidator(_at_home)]
HexKey = Annotated[SecretStr, AfterValidator(_hex_key)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_secret)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PermissionMode = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"]
Backend = Annotated[str, OpenChoice(("auto", "claude", "simulator"))]
Strategy = Annotated[
    str, OpenChoice(("weighted_round_robin", "least_loaded", "power_of_two", "round_robin", "consistent_hash"))
]
ScalingPolicyName = Annotated[str, OpenChoice(("utilisation",))]
LimitPolicyName = Annotated[str, OpenChoice(("aimd", "gradient"))]
TripPolicyName = Annotated[str, OpenChoice(("rates",))]
EvictionPolicyName = Annotated[str, OpenChoice(("lru", "lfu", "fifo", "tinylfu"))]
RecoveryName = Annotated[
    str,
    OpenChoice(
        (
            "resume_conversation",
            "restart_process",
            "clean_resources",
            "reauthenticate",
            "reduce_load",
            "park",
            "fail_fast",
            "none",
        )
    ),
]
ByClass = dict[str, str]
"""Class of errors → name of a strategy, which engine/recovery/strategies/registry.py checks."""
