"""Scripts for prompts that hold none: a file pairs a prompt with the directives that answer it.

The file is JSON: `{"replies": [{"prompt": "Run the command: touch (.+)", "script": "[[tool: Bash …]]"}]}`. `prompt` is
a regular expression that must match the whole prompt; `$1` in the script is its first group. The first match counts, a
prompt without one is its own script. Only the standard library is used: the simulator reads the same file.
"""

from __future__ import annotations

import json
import re

VARIABLE = "QUARTERDECK_SIM_REPLIES"
"""Names the file for the simulator."""


class BadReplies(ValueError):
    """A file that is not a list of scripted replies; the text states where."""


class ScriptedReplies:
    """The pairs of one file, in its order."""

    def __init__(self, pairs: list[tuple[re.Pattern[str], str]] | None = None) -> None:
        self._pairs = pairs or []

    def script_for(self, prompt: str) -> str:
        """The text that holds the directives for `prompt`."""
        for pattern, script in self._pairs:
            found = pattern.fullmatch(prompt.strip())
            if found:
                return _filled(script, found)
        return prompt


def read_replies(path: str) -> ScriptedReplies:
    """The scripted replies of a file. Raises OSError and BadReplies."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs the simulator start time
        try:
            entries = json.load(file)["replies"]
            return ScriptedReplies([(re.compile(each["prompt"], re.DOTALL), str(each["script"])) for each in entries])
        except (ValueError, KeyError, TypeError, re.error) as error:
            raise BadReplies(
                f"{path} holds no scripted replies ({error}); write "
                '{"replies": [{"prompt": "a regular expression", "script": "[[reply: text]]"}]}.'
            ) from error


def _filled(script: str, found: re.Match[str]) -> str:
    """The script with `$1`, `$2` … replaced by the groups of the match."""
    for number, group in enumerate(found.groups(""), start=1):
        script = script.replace(f"${number}", group)
    return script
