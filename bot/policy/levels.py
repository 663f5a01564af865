"""The four levels (AutoFixPolicy) are rule files too; a repository's own rules are asked before them.

``wiring`` passes the shipped files in as bytes. Printing the rules of :func:`in_force` shows exactly what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from bot.errors import Invalid
from bot.model.decision import FixLevel
from bot.policy.rules import RuleSet, load, policy_files


def level(name: FixLevel, shipped: Mapping[str, bytes]) -> RuleSet:
    """The rules of one level. ``shipped`` maps paths that end in ``levels/<name>.yaml`` to their bytes.

    Raises ``Invalid`` when the level is not among them.
    """
    file = f"levels/{name}.yaml"
    for path, data in shipped.items():
        if f"/{path}".endswith(f"/{file}"):
            return _loaded(file, data)
    raise Invalid(f"the shipped rule file {file} is missing", advice="Reinstall Clockwork.")


@lru_cache(maxsize=len(FixLevel))
def _loaded(file: str, data: bytes) -> RuleSet:
    """A process reads what ships with it once."""
    return load({file: data})


def in_force(name: FixLevel, *, shipped: Mapping[str, bytes], repository: Mapping[str, bytes]) -> RuleSet:
    """The rules that decide: those of the repository's ``policies/*.yaml`` first, then the level's.

    Files of ``repository`` that are no rule files are left out. At the level ``disabled`` the repository's rules are
    checked but not asked: disabled means disabled.
    """
    own_rules = load({path: repository[path] for path in policy_files(repository)})
    level_rules = level(name, shipped)
    return level_rules if name is FixLevel.DISABLED else own_rules + level_rules
