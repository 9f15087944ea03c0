"""A person corrects the class of an error, where no fact outranks that."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.errors import BadInput, QuarterdeckError
from engine.recovery.classify.rules import ErrorType
from engine.requests import Request
from tests.support.engines import running


async def test_an_error_without_a_fact_is_corrected_and_one_with_a_fact_keeps_its_class(tmp_path: Path) -> None:
    async with running(tmp_path, "retry.max_attempts=1") as engine:
        for name, prompt in (("wordless", "[[reply: ]]"), ("refused", "[[fault: http500]]")):
            with pytest.raises(QuarterdeckError):
                await engine.submit(Request(id=name, prompt=prompt))
        taught = engine.correct("wordless.1", ErrorType.NETWORK, "ana")
        assert (taught.rule.type, taught.taught_by) == (ErrorType.NETWORK, "ana")
        with pytest.raises(BadInput, match="a fact outranks what is taught"):
            engine.correct("refused.1", ErrorType.NETWORK, "ana")
        assert [rule.id for rule in engine.diagnosis.learned.all()] == [taught.id]
