"""Lists of access in ConfigMaps: lines of text by which a cluster or a deployer lets somebody in.

Used by :mod:`bot.drift.severity.grade`. A line that is only live gives access, except one that denies, and so does a denial
that is not live any more.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from bot.model.json import JSON

_LISTS: Final = re.compile(r"map(Roles|Users|Accounts)|policy(\..+)?\.csv|policy\.default")
"""Keys of ``aws-auth`` (EKS: Grant IAM users access to Kubernetes with a ConfigMap) and of ``argocd-rbac-cm`` (Argo CD: RBAC
Configuration, which composes ``policy.csv`` with every ``policy.NAME.csv``).
"""
_ARGO: Final = re.compile(r"scopes|policy\.matchMode")
"""How the policies of Argo CD find whom they are about, which other ConfigMaps have for other ends."""


def is_list(name: str, key: str) -> bool:
    """Whether the entry ``key`` of the ConfigMap ``name`` gives access line by line."""
    return _LISTS.fullmatch(key) is not None or (name == "argocd-rbac-cm" and _ARGO.fullmatch(key) is not None)


def gained(desired: JSON, observed: JSON) -> bool:
    """Whether the live text lets in whom the declared one does not."""
    before, now = _lines(desired), _lines(observed)
    return any(not _denies(line) for line in now - before) or any(_denies(line) for line in before - now)


def _lines(text: JSON) -> Counter[str]:
    """The lines of a text that say something, without their indentation and the blanks around their commas."""
    lines = (line.strip().removeprefix("- ") for line in str(text or "").splitlines())
    return Counter(re.sub(r"\s*,\s*", ",", line) for line in lines if line and not line.startswith("#"))


def _denies(line: str) -> bool:
    """Whether it is a policy with the effect ``deny`` (Casbin's CSV, which Argo CD reads)."""
    return line.startswith("p,") and line.endswith(",deny")
