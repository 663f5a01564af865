"""``.cw`` and ``.cwvars`` files to the configuration: second stage of Intake → Assembly → Forge.

Called by the flows with the files of one commit. Pure: the environment is an argument, and the same files give the same
configuration everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.assembly import checks
from bot.assembly.config import AssembledConfig, Assembly, Kind, Provider, Resource, Stack
from bot.assembly.faults import TOO_LONG, EvaluationBudget, Fault
from bot.assembly.instances import Instance, is_repeated
from bot.assembly.lifecycle import ignored_changes
from bot.assembly.module import Module, module_folder
from bot.assembly.schema import PROVIDER, SCHEMAS, TOP
from bot.assembly.values import Value, as_text
from bot.assembly.variables import PREFIX, from_files, from_outside
from bot.assembly.world import AssemblyWorld, NamedBlock, check_attributes
from bot.intake.cw import parse
from bot.intake.declared import nearest_name, sort_errors
from bot.intake.discover import folder_of
from bot.intake.syntax import Block, Parsed
from bot.model.resource import SourceError

_MOST_FILES: Final = 5000


def assemble(
    files: Mapping[str, bytes],
    *,
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    other_files: Mapping[str, bytes] | None = None,
) -> Assembly:
    """The configuration that ``files`` write, and every mistake in them.

    ``files`` holds all ``*.cw`` and ``*.cwvars`` of the repository by path; others are passed over. Each folder with
    ``.cw`` files that no module block refers to is a root of its own. ``variables`` are from the command line;
    of ``environment`` only ``CLOCKWORK_VAR_*`` is looked at. ``other_files`` are other files that ``file()`` may read; what it
    asks for and does not find is told in ``missing``.
    """
    paths = sorted(path for path in files if path.endswith((".cw", ".cwvars")))
    parsed = {path: parse(path, files[path]) for path in paths[:_MOST_FILES]}
    budget = EvaluationBudget.of(sum(len(files[path]) for path in parsed))
    world = AssemblyWorld(parsed, budget, beside={**(other_files or {}), **files})
    for file in parsed.values():
        world.errors.update(dict.fromkeys(file.errors))
    world.torn = frozenset(folder_of(path) for path, file in parsed.items() if file.errors)
    outside_variables = {key.removeprefix(PREFIX): text for key, text in environment.items() if key.startswith(PREFIX)}
    stacks: list[Stack] = []
    outputs: dict[str, Value] = {}
    declared: set[str] = set()
    for folder in _roots(world, parsed):
        given_values = (
            from_outside(outside_variables, PREFIX) | from_files(parsed, folder) | from_outside(variables, "--var ")
        )
        root = Module(world, folder, given_values=given_values, inputs=None)
        stacks += _stacks(world, root)
        outputs |= {f"{folder}:{name}" if folder else name: value for name, value in _outputs(world, root)}
        _check_given(world, root)
        declared.update(root.variables)
    if budget.spent and not world.errors:  # what was left out must never read as removed
        world.report(SourceError(next(iter(parsed)), 1, 1, TOO_LONG))
    distinct_stacks = _distinct(world, stacks)
    outside_by_name = {f"{PREFIX}{name}": text for name, text in outside_variables.items()}
    config = AssembledConfig(tuple(distinct_stacks), outputs, dict(variables), outside_by_name, other_files or {})
    return Assembly(config, sort_errors(world.errors), frozenset(declared), frozenset(world.missing))


def _roots(world: AssemblyWorld, parsed: Mapping[str, Parsed]) -> list[str]:
    """Folders with ``.cw`` files that no module block refers to."""
    folders = {folder_of(path) for path in parsed if path.endswith(".cw")}
    used: set[str] = set()
    for folder in sorted(folders):
        module = Module(AssemblyWorld(parsed), folder, given_values={}, inputs=None)
        for declared in module.blocks("module"):
            with world.reporting():
                used.add(module_folder(declared.at, declared.block))
    return sorted(folders - used) or sorted(folders)


def _check_given(world: AssemblyWorld, root: Module) -> None:
    for name, given_value in root.given_values.items():
        if name not in root.variables and given_value.expression is not None:
            error = given_value.text.error(
                given_value.expression.start, f"no variable {name!r} is declared", nearest_name(name, root.variables)
            )
            world.report(error)


def _outputs(world: AssemblyWorld, root: Module) -> Iterator[tuple[str, Value]]:
    for name in root.outputs:
        with world.reporting():
            yield name, root.output(name)


def _stacks(world: AssemblyWorld, root: Module) -> Iterator[Stack]:
    provider, name, namespace = _provider(world, root)
    resources: list[Resource] = []
    for resource in _resources(world, root):
        mistake = checks.kubernetes_only(resource) if provider is Provider.DOCKER else None
        world.report(mistake)
        if mistake is None:
            resources.append(resource)
    names = {member.text("stack") or name for member in resources} - {name}
    for stack in (name, *sorted(names)):
        stack_resources = tuple(member for member in resources if (member.text("stack") or name) == stack)
        if stack_resources:
            yield Stack(stack, provider, namespace, root.folder, stack_resources)


def _provider(world: AssemblyWorld, root: Module) -> tuple[Provider, str, str]:
    """Which provider a root uses, the name of its stack, its namespace."""
    name = re.sub(r"[^a-z0-9_-]", "-", root.folder.rpartition("/")[2].lower()).strip("-_") or "main"
    provider, namespace = Provider.DOCKER, ""
    for index, declared in enumerate(root.blocks("provider")):
        at, block = declared.at, declared.block
        label = block.labels[0].value if block.labels else ""
        if label not in set(Provider):
            expected = (
                nearest_name(label, [named_provider.value for named_provider in Provider]) or "'docker' or 'kubernetes'"
            )
            world.report(at.error(block, f"there is no provider {label!r}", expected))
            continue
        if index:
            world.report(at.error(block, "there is already a provider in this folder", "one provider"))
            continue
        provider = Provider(label)
        settings = _settings(world, declared)
        name, namespace = settings.get("stack", name), settings.get("namespace", "")
    return provider, name, namespace


def _settings(world: AssemblyWorld, declared: NamedBlock) -> dict[str, str]:
    settings: dict[str, str] = {}
    at = declared.at
    check_attributes(world, declared, PROVIDER, "a provider")
    for item in declared.block.body.assignments:
        if item.name not in PROVIDER:
            continue
        with world.reporting():
            value = at.value(item.expression)
            if value.sensitive:
                at.fault(item.expression, f"{item.name} would show a sensitive value", "a value that is not sensitive")
            text = as_text(value) or ""
            if not re.fullmatch(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?", text) or len(text) > 63:
                at.fault(item.expression, f"{item.name}: {text!r} is no name", "a-z, 0-9, '-' and '_'")
            settings[item.name] = text
    return settings


def _resources(world: AssemblyWorld, module: Module) -> Iterator[Resource]:
    """All resources of a module and of the modules it brings in."""
    _check_top(world, module)
    for key, declared in module.resources.items():
        kind, label = key.split(".", 1)
        label += module.suffix
        if kind not in set(Kind):
            message = f"there is no kind of resource {kind!r}"
            world.report(
                declared.at.error(
                    declared.block, message, nearest_name(kind, [kind_known.value for kind_known in SCHEMAS])
                )
            )
            continue
        if not is_repeated(declared.block):
            resources = [_resource(world, module, Kind(kind), key, label)]
        else:
            resources = _repeated(world, module, Kind(kind), key, label)
        yield from (resource for resource in resources if resource is not None)
    for evaluate, names in ((module.variable, module.variables), (module.local, module.locals)):
        for name in names:  # also what nobody refers to is evaluated, for its mistakes
            with world.reporting():
                evaluate(name)
    for name in module.modules:
        with world.reporting():
            for child in module.called_modules(name).values():
                yield from _resources(world, child)


def _repeated(world: AssemblyWorld, module: Module, kind: Kind, key: str, label: str) -> list[Resource | None]:
    """The resources of a block with ``count`` or ``for_each``."""
    try:
        several = module.instances(key)
    except Fault as fault:
        world.report(fault.error)
        return []
    return [
        _resource(world, module, kind, key, f"{label}-{instance.suffix}", instance=instance) for instance in several
    ]


def _resource(
    world: AssemblyWorld, module: Module, kind: Kind, key: str, label: str, *, instance: Instance | None = None
) -> Resource | None:
    declared = module.resources[key]
    try:
        body = module.body(key) if instance is None else module.instance(key, instance)
    except Fault as fault:
        world.report(fault.error)
        return None
    leaks = [*checks.leaks(kind, body)]
    for leak in leaks:
        world.report(leak)
    if leaks:  # nothing below shows a sensitive value
        return None
    line, _ = declared.at.text.position(declared.block.start)
    ignored = ignored_changes(declared.at, declared.block, SCHEMAS[kind], world.report)
    name = as_text(body.mapping["name"]) or label
    if kind is not Kind.IMAGE and (not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", name) or len(name) > 63):
        world.report(declared.at.error(declared.block, f"{name!r} is no name", "letters, digits, '-', '_' and '.'"))
        return None
    address = f"{module.address}.{key}" if module.address else key
    if instance is not None:
        address += instance.index
    if kind is Kind.SERVICE and body.mapping.keys().isdisjoint({"image", "build"}):
        world.report(declared.at.error(declared.block, f"service {name} has neither image nor build", "'image = ...'"))
        return None
    mistakes = [*checks.containers(name, body)]
    for mistake in mistakes:
        world.report(mistake)
    if mistakes:
        return None
    return Resource(
        kind, name if kind is not Kind.IMAGE else label, address, declared.at.text.file, line, body, ignored
    )


def _check_top(world: AssemblyWorld, module: Module) -> None:
    for at, body in module.files:
        for item in body.items:
            name = item.kind if isinstance(item, Block) else item.name
            if not isinstance(item, Block):
                world.report(at.error(item, f"{name!r} cannot stand at the top of a file", "a block"))
            elif name not in TOP:
                world.report(at.error(item, f"there is no block {name!r}", nearest_name(name, TOP)))


def _distinct(world: AssemblyWorld, stacks: list[Stack]) -> list[Stack]:
    """Stacks with each resource once; two of the same kind and name in one stack are a mistake."""
    first: dict[tuple[str, Kind, str], Resource] = {}
    distinct_stacks: list[Stack] = []
    for stack in stacks:
        distinct_resources: list[Resource] = []
        for resource in stack.resources:
            earlier = first.setdefault((stack.name, resource.kind, resource.name), resource)
            if earlier is resource:
                distinct_resources.append(resource)
            else:
                message = f"{resource.kind} {resource.name} is already declared in {earlier.file}:{earlier.line}"
                world.report(SourceError(resource.file, resource.line, 1, message, "another 'name'"))
        ordered = tuple(sorted(distinct_resources, key=lambda member: (list(Kind).index(member.kind), member.name)))
        distinct_stacks.append(Stack(stack.name, stack.provider, stack.namespace, stack.folder, ordered))
    return distinct_stacks
