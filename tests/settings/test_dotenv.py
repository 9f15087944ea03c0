"""A `.env` file means what its writer meant; what it does not mean is reported."""

from pathlib import Path

import pytest

from engine.settings.dotenv import content_of, parse_dotenv


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A = b c ", "b c"),
        ("A=b # a comment", "b"),
        ("A=b#c", "b#c"),
        ("A=", ""),
        ("A=  # nothing", ""),
        ("A='b # c'", "b # c"),
        (r'A="b\n\"c\"" # d', 'b\n"c"'),
        (r"A='b\n'", r"b\n"),
        ("A=b=c", "b=c"),
        ("A=${B}", "${B}"),
        ("\ufeffA=b", "b"),
        ("# B=c\n\nA=b\r", "b"),
        ("A=1\nA=2", "2"),
    ],
)
def test_each_form_of_line(tmp_path: Path, line: str, value: str) -> None:
    path = tmp_path / ".env"
    path.write_text(line)
    assert parse_dotenv(content_of(path), path) == ({"A": value}, [])


@pytest.mark.parametrize("line", ["A", "=b", "1A=b", "A B=c", "A='b", 'A="b', 'A="b"c', "A-B=c"])
def test_a_line_that_says_nothing_is_reported_without_being_shown(tmp_path: Path, line: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"OK=1\n{line}\n")
    values, problems = parse_dotenv(content_of(path), path)
    assert values == {"OK": "1"}
    assert problems == [f"{path}, line 2: this is not NAME=value; close every quote and comment with #."]
