"""The demo's prompts are scripts that the simulator understands."""

import pytest

from engine.base.text import prompt_title
from engine.offline_model.demo import ASKING, PROMPTS
from engine.offline_model.faults import FAULTS
from engine.offline_model.script import read_script


@pytest.mark.parametrize("prompt", [*PROMPTS, ASKING], ids=prompt_title)
def test_a_demo_prompt_has_a_clean_title_and_a_script_without_a_problem(prompt: str) -> None:
    script = read_script(prompt)
    assert "[[" not in prompt_title(prompt)
    assert not script.problem
    assert not script.fault or script.fault in FAULTS
