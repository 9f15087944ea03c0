"""The places settings come from, each read into one layer: nested values, their origins, and what was wrong."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engine.settings import catalogue, problems, unused
from engine.settings.dotenv import content_of
from engine.settings.names import RENAMED
from engine.settings.tree import absorb, nested

MOST_VALUES = 10_000
"""Values of one YAML text with every alias written out."""
HINTED = 10
"""Unknown keys of one source for which the nearest valid one is looked for."""


@dataclass(slots=True)
class Layer:
    """What one source says: known values, where each came from (dotted key → words), and a sentence a problem."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _unknown: int = 0

    def add(self, key: str, value: Any, origin: str) -> None:
        """Take in a value, or a whole group of values, at a dotted key; what the schema does not have is a problem."""
        key = RENAMED.get(key, key)
        if (checked := self._checked(key, value, origin)) is not None:
            absorb(self.tree, nested(key, checked[0]) if key else checked[0])

    def _checked(self, key: str, value: Any, origin: str) -> tuple[Any] | None:
        if catalogue.is_group(key):
            return self._checked_group(key, {} if value is None else value, origin)
        if catalogue.find(key) is None:
            self._unknown += 1
            self.problems.append(problems.unknown(key, value, origin, hinted=self._unknown <= HINTED))
            return None
        self.origins[key] = origin
        return (value,)

    def _checked_group(self, key: str, value: Any, origin: str) -> tuple[Any] | None:
        if not isinstance(value, Mapping):
            self.problems.append(problems.not_a_group(key, value, origin))
            return None
        kept: dict[str, Any] = {}
        self.origins[key] = origin
        for name, below in value.items():
            full = f"{key}.{name}" if key else str(name)
            full = RENAMED.get(full, full)
            if "." in str(name):
                self.problems.append(problems.dotted(full, below, origin))
            elif (checked := self._checked(full, below, origin)) is not None:
                kept[full.rpartition(".")[2]] = checked[0]
        return (kept,)


def from_file(path: Path, *, required: bool) -> Layer:
    """The layer of a YAML file; a missing one is empty unless it is `required`."""
    layer = Layer()
    try:
        text = content_of(path).decode("utf-8-sig")
        content = read_yaml(text)
    except FileNotFoundError:
        if required:
            layer.problems.append(
                f"{path} does not exist. Name a file that does after --config, or leave --config out."
            )
    except UnicodeDecodeError:
        layer.problems.append(f"{path} is not UTF-8 text. Save it as UTF-8.")
    except OSError as error:
        layer.problems.append(f"{path} cannot be read: {error.strerror}. Make it a file that this user may read.")
    except yaml.YAMLError as error:
        layer.problems.append(f"{path} is not valid YAML{_place(error)}. Correct it, or move the file away.")
    else:
        _add_content(layer, content, path)
    return layer


def from_overrides(overrides: Sequence[str]) -> Layer:
    """The layer of `--set key=value` options; later ones win."""
    layer = Layer()
    for text in overrides:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            layer.problems.append(
                f"--set {problems.clipped(key)}: this is not KEY=VALUE, such as session_pool.max_size=20."
            )
        else:
            _add_text(layer, key, value, "--set")
    layer.problems += unused.refused(layer.origins)
    return layer


def read_text(key: str, text: str) -> Any:
    """The value that a text from the command line or the environment means for the setting at `key`.

    Words stay as they are written; everything else is read as YAML. yaml.YAMLError when it is neither.
    """
    info = catalogue.find(key)
    if info is not None and info.optional and text.strip() in ("", "null", "~"):
        return None
    if info is not None and (info.takes_text or catalogue.is_variable(key)) and text[:1] not in ("'", '"'):
        return text
    return read_yaml(text)


def read_yaml(text: str) -> Any:
    """The value of a YAML text; yaml.YAMLError on every text that has none."""
    try:
        _check_size(text)
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader underneath
    except (ValueError, RecursionError) as error:
        # PyYAML lets these out for impossible dates and for nesting without end.
        raise yaml.YAMLError("a date that does not exist, or nested too deeply") from error


def _check_size(text: str) -> None:
    """Refuse a text that becomes very large once its aliases are written out. Raises yaml.YAMLError."""
    if "*" in text and "&" in text and (root := yaml.compose(text, Loader=_StrictLoader)) is not None:
        _values(root, {}, frozenset())


def _values(node: yaml.Node, known: dict[int, int], above: frozenset[int]) -> int:
    """The number of values of a node with its aliases written out. Raises yaml.YAMLError."""
    if id(node) in above:
        raise yaml.YAMLError("an alias that contains itself")
    if id(node) not in known:
        inside, above = 1, above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            inside += sum(_values(each, known, above) for each in node.value)
        elif isinstance(node, yaml.MappingNode):
            inside += sum(_values(each, known, above) for pair in node.value for each in pair)
        if inside > MOST_VALUES:
            raise yaml.YAMLError(f"aliases that stand for more than {MOST_VALUES} values")
        known[id(node)] = inside
    return known[id(node)]


def add_variable(layer: Layer, key: str, text: str, origin: str) -> None:
    """Take in an environment variable's text; a secret may begin with a quote and mean it."""
    info = catalogue.find(key)
    if info is not None and info.secret and info.takes_text:
        layer.add(key, text or None, origin)
    else:
        _add_text(layer, key, text, origin)


def _add_text(layer: Layer, key: str, text: str, origin: str) -> None:
    try:
        value = read_text(key, text)
    except yaml.YAMLError as error:
        layer.problems.append(f"{key} ({origin}): its value is not valid YAML{_place(error)}; put it in quotes.")
    else:
        layer.add(key, value, origin)


def _add_content(layer: Layer, content: Any, path: Path) -> None:
    if content is None or isinstance(content, Mapping):
        layer.add("", content or {}, str(path))
    else:
        layer.problems.append(f"{path} holds no settings: at its top there must be groups such as `session_pool:`.")


def _place(error: yaml.YAMLError) -> str:
    # Only the place and the rule: an excerpt of the file could show a secret.
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f" ({error})" if type(error) is yaml.YAMLError else ""
    mark = error.problem_mark
    return f" at line {mark.line + 1}, column {mark.column + 1} ({error.problem})"


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses a key written twice, which YAML would silently let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node; ConstructorError when a key is there twice."""
        seen: set[Any] = set()
        for key_node, _value in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, "a key is there twice", key_node.start_mark)
                seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)
