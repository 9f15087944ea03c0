"""A person corrects the class of an error, where no fact outranks that."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.errors import BadInput, QuarterdeckError
from engine.operations.declared.errors import CORRECT_ERROR, CorrectError
from engine.requests import Request
from tests.support.engines import running
from tests.support.operations import execute


async def test_an_error_without_a_fact_is_corrected_and_one_with_a_fact_keeps_its_class(tmp_path: Path) -> None:
    async with running(tmp_path, "retry.max_attempts=1") as engine:
        for name, prompt in (("wordless", "[[reply: ]]"), ("refused", "[[fault: http500]]")):
            with pytest.raises(QuarterdeckError):
                await engine.submit(Request(id=name, prompt=prompt))
        taught = (await execute(engine, CORRECT_ERROR, CorrectError(id="wordless.1", type="network"), "ana")).rule
        assert (taught.type, taught.taught_by) == ("network", "ana")
        with pytest.raises(BadInput, match="a fact outranks what is taught"):
            await execute(engine, CORRECT_ERROR, CorrectError(id="refused.1", type="network"), "ana")
        assert [rule.id for rule in engine.diagnosis.learned.all()] == [taught.id]
