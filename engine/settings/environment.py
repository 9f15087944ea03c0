"""Settings from environment variables: the names users know, and one name for every key."""

from __future__ import annotations

from collections.abc import Mapping

from engine.settings import catalogue
from engine.settings.names import AUTO_ACCEPT, NAMES
from engine.settings.sources import Layer, add_variable

PREFIX = "QUARTERDECK_"
SEPARATOR = "__"
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def variable_name(key: str) -> str:
    """The environment name of any key: `session_pool.max_size` → `QUARTERDECK_SESSION_POOL__MAX_SIZE`."""
    return PREFIX + key.replace(".", SEPARATOR).upper()


def from_environment(environ: Mapping[str, str], place: str) -> Layer:
    """The layer of the variables in `environ`; `place` is `environment` or the name of the `.env` file.

    A user's name that is set but empty counts as not set. A name for a key wins over a user's name for the same one.
    """
    layer = Layer()
    for name, (key, _use) in NAMES.items():
        if text := environ.get(name, "").strip():
            _add_named(layer, name, key, text, f"{place} {name}")
    for name, text in environ.items():
        if name.startswith(PREFIX):
            _add_generic(layer, name, text, f"{place} {name}")
    return layer


def secret_names(environ: Mapping[str, str]) -> list[str]:
    """The variables in `environ` that give a setting whose value is never shown."""
    named = [name for name, (key, _use) in NAMES.items() if name in environ and _is_secret(key)]
    return named + [
        name for name in environ if name.startswith(PREFIX) and SEPARATOR in name and _is_secret(_key(name))
    ]


def _is_secret(key: str) -> bool:
    found = catalogue.find(key)
    return found is not None and found.secret


def _add_named(layer: Layer, name: str, key: str, text: str, origin: str) -> None:
    if name != AUTO_ACCEPT:
        add_variable(layer, key, text, origin)
    elif text.lower() in _YES:
        layer.add(key, "acceptEdits", origin)
    elif text.lower() not in _NO:
        layer.problems.append(f"{key} = {text} ({origin}): it must be true or false.")


def _add_generic(layer: Layer, name: str, text: str, origin: str) -> None:
    if SEPARATOR in name:
        add_variable(layer, _key(name), text, origin)
    elif (right := _single_underscores().get(name)) is not None:
        # Any other name with our prefix may belong to something else on this machine.
        layer.problems.append(f"{name} ({origin}): no such setting; the nearest is {right}, with two underscores.")


def _key(name: str) -> str:
    parts = name.removeprefix(PREFIX).split(SEPARATOR)
    lowered = [part.lower() for part in parts]
    if len(parts) > 3 and lowered[0] == "profiles" and lowered[2] == "environment":
        return ".".join([*lowered[:3], SEPARATOR.join(parts[3:])])
    return ".".join(lowered)


def _single_underscores() -> dict[str, str]:
    names = [variable_name(key) for key in catalogue.catalogue() if "*" not in key]
    return {name.replace(SEPARATOR, "_"): name for name in names}
