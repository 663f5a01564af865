"""Settings that nobody wrote, without the models that check what somebody wrote."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NoReturn


class UnwrittenSection:
    """A section of the settings that has its defaults, and reads as its model does; whatever else is asked of it, as a copy
    with another value, the model answers. ``path`` is where it stands: ``guard``, or nothing for the whole.
    """

    def __init__(self, path: str, values: Mapping[str, object]) -> None:
        self.__dict__.update(values, _path=path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._model(), name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings are not changed: {name}")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, UnwrittenSection):
            return self.__dict__ == other.__dict__
        return bool(self._model() == other)

    __hash__ = None  # type: ignore[assignment]  # as a model's with lists

    def __repr__(self) -> str:
        return repr(self._model())

    def _model(self) -> Any:
        from bot.settings.model import Settings

        settings = Settings.model_construct()
        return attrgetter(self._path)(settings) if self._path else settings
