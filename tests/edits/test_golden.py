"""Edits of whole repositories, byte for byte."""

from __future__ import annotations

import pytest

from bot.errors import Refused
from tests.edits.golden import Case, carry_out, cases


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_repository_after_an_edit_is_the_one_on_disk(case: Case) -> None:
    """Adopting the edits of a case turns ``before`` into ``after`` and tells what a reviewer should know."""
    if case.refused is not None:
        with pytest.raises(Refused, match=case.refused):
            carry_out(case)
        return
    adoption = carry_out(case)
    assert {**case.before, **adoption.files} == case.after
    assert adoption.notes == case.notes
