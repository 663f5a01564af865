"""What is wrong with a value in a file that people write, in the words of YAML. Used by the readers of files of our own.

Their models say how a value is kept (a tuple, a frozen set, an object), which is no business of who wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LISTS: Final = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type"})
_MAPPINGS: Final = frozenset({"dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"})
"""Types of errors (pydantic docs, "Validation Errors")."""


def reason(error: ErrorDetails) -> str:
    """What the model says against the value, of a value of the wrong form what form it should have."""
    if error["type"] in _LISTS:
        return "should be a list"
    if error["type"] in _MAPPINGS:
        return "should be a mapping"
    return error["msg"].removeprefix("Value error, ")
