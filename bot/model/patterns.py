"""Regular expressions that are compiled when they are first used: modules have many, and one run uses few of them."""

from __future__ import annotations

import re
from typing import AnyStr, Generic, cast


class UncompiledPattern(Generic[AnyStr]):
    """Stands for a pattern, and is one as soon as anything is asked of it. Only ``re`` itself tells the two apart."""

    def __init__(self, source: AnyStr, flags: int) -> None:
        self._source: AnyStr = source
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        compiled = self.__dict__.setdefault("_compiled", None) or re.compile(self._source, self._flags)
        self.__dict__["_compiled"] = compiled
        value: object = getattr(compiled, name)
        self.__dict__[name] = value  # the next time nothing is looked up
        return value


def regex(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """``re.compile``, later."""
    return cast("re.Pattern[AnyStr]", UncompiledPattern(source, flags))
