"""Settings of alerts: the rules, and the channels that they go to."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from engine.base.text import nearest_name
from engine.settings.alert_rules import COLUMNS, SHIPPED, AlertRuleRow, read_rows
from engine.settings.fields import SECONDS, Duration, Group, Whole, setting

DAY = 86_400.0
CHANNELS = ("log", "console", "webhook", "command")
"""Who can be told."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _hook(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("an address that starts with http:// or https://")
    return value


def _variables(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_VARIABLE.fullmatch(name) for name in names):
        raise ValueError("a list of names of letters, digits and _")
    return names


def _channels(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in CHANNELS:
            near = nearest_name(name, CHANNELS, 0.4)
            meant = f"; the nearest to {name} is {near}" if near else ""
            raise ValueError(f"a list of {', '.join(CHANNELS)}{meant}")
    return tuple(dict.fromkeys(names))


Rules = Annotated[tuple[AlertRuleRow, ...], BeforeValidator(read_rows)]
Hook = Annotated[SecretStr, AfterValidator(_hook)]
Channels = Annotated[tuple[str, ...], AfterValidator(_channels)]
Variables = Annotated[tuple[str, ...], AfterValidator(_variables)]


class AlertWebhook(Group):
    """The web address that receives alerts as a POST of JSON."""

    url: Hook | None = setting(None, "Where to post; what its path holds is kept secret too.", secret=True)
    key: SecretStr | None = setting(
        None, "Key that signs what is posted: HMAC-SHA256 of the timestamp, a full stop and the body.", secret=True
    )
    timeout: Duration = setting(5.0, "Longest attempt, from the name's resolution on.", unit=SECONDS, ge=0.1, le=60)
    attempts: Whole = setting(3, "Attempts at one alert, the first one counted.", unit="attempts", ge=1, le=10)
    allow_private: bool = setting(
        False,
        "Whether it may be at a private, loopback or link-local address; a name that leads there is refused.",
        local_only=True,
    )


class AlertCommand(Group):
    """The program that receives alerts: JSON on its standard input."""

    argv: tuple[str, ...] = setting((), "The program and its arguments; no shell reads them.", local_only=True)
    environment: Variables = setting(
        ("PATH", "HOME", "LANG"), "Names of the engine's environment variables that it gets.", local_only=True
    )
    timeout: Duration = setting(
        10.0, "Time after which it is killed with all that it started.", unit=SECONDS, ge=0.1, le=600
    )


class Alerts(Group):
    """When somebody must be told, and how."""

    enabled: bool = setting(True, "Whether the rules are looked at.")
    rules: Rules = setting(SHIPPED, "When to alert.", shown="the shipped rules", columns=COLUMNS)
    channels: Channels = setting(("log", "console"), f"Channels that are notified: any of {', '.join(CHANNELS)}.")
    repeat: Duration = setting(
        3600.0, "Time before an alert that still fires is notified again.", unit=SECONDS, ge=1, le=30 * DAY
    )
    calm: Duration = setting(
        15.0, "Time that a condition must not hold before its alert is over.", unit=SECONDS, ge=0, le=DAY
    )
    history: Whole = setting(200, "Ended alerts that are remembered.", unit="alerts", ge=0, le=10_000)
    webhook: AlertWebhook = Field(default_factory=AlertWebhook)
    command: AlertCommand = Field(default_factory=AlertCommand)

    @model_validator(mode="after")
    def _channels_lead_somewhere(self) -> Self:
        for channel, key, given in (
            ("webhook", "webhook.url", self.webhook.url),
            ("command", "command.argv", self.command.argv),
        ):
            if channel in self.channels and not given:
                context = {"low": "channels", "high": key, "word": "of no use with"}
                raise PydanticCustomError("conflict", "{low} is {word} {high}", context)
        return self
