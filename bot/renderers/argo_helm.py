"""Helm's values as Argo CD puts them together for the options of a source.

Sources: ``helmTemplate`` in argo-cd's ``reposerver/repository/repository.go``, ``template`` and ``cleanSetParameters`` in
its ``util/helm/cmd.go``; what comes over what is Helm's own order (``MergeValues`` in its ``pkg/cli/values/options.go``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.model.json import JSON, Tree, mapping, mappings, text
from bot.renderers import values
from bot.renderers.strvals import editable, set_in, typed
from bot.targets.argo_source import filled
from bot.targets.argo_values import ValueFiles


def values_of(files: ValueFiles) -> dict[str, JSON]:
    """Value files in order, then ``valuesObject``, else ``values``, then parameters, those that are text by force, and
    files; the later over the earlier. Raises ``Invalid``.
    """
    options = files.options
    below, from_parameters = files.listed(), files.of_parameters()
    merged_values: dict[str, JSON] = {}
    for value_file in below:
        merged_values = values.merged(merged_values, values.read(value_file.path, files.read(value_file)))
    result = {key: editable(value) for key, value in values.merged(merged_values, _inline(options)).items()}
    for line, forced in _lines(options, files.variables):
        set_in(result, line, str if forced else typed)
    for name, file in from_parameters.items():
        content = files.read(file).decode("utf-8", "replace")
        set_in(result, f"{name}=file", lambda _, content=content: content)  # type: ignore[misc]
    return result


def _inline(options: Tree) -> Tree:
    """``valuesObject`` is what counts where it is there, be it empty (``ApplicationSourceHelm.ValuesYAML`` in argo-cd's
    ``pkg/apis/application/v1alpha1/values.go``).
    """
    object_values = options.get("valuesObject")
    return values.read("helm.values", text(options.get("values"))) if object_values is None else mapping(object_values)


def _lines(options: Tree, variables: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The parameters as lines of ``--set``, then those of ``--set-string``. Of two with one name the later counts."""
    parameters = list(mappings(options.get("parameters")))
    lines: list[tuple[str, bool]] = []
    for forced in (False, True):
        group = [parameter for parameter in parameters if (parameter.get("forceString") is True) == forced]
        by_name = {text(parameter.get("name")): text(parameter.get("value")) for parameter in group}
        lines += [(f"{name}={_cleaned(filled(value, variables))}", forced) for name, value in by_name.items()]
    return lines


def _cleaned(value: str) -> str:
    """A parameter's value for ``--set``: commas are its own, unless it is a list in braces."""
    if value.startswith("{") and value.endswith("}"):
        return value
    return re.sub(r"(?<!\\),", r"\\,", value)
