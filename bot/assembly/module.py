"""One folder of ``.cw`` files as it is used once: its variables, locals, resources, modules and outputs, evaluated on demand.

What depends on what is found by evaluating: each named thing is computed at most once, remembered, and a thing that is
asked for while it is being computed is a cycle.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bot.assembly.body import evaluate_body, image_reference
from bot.assembly.config import Kind
from bot.assembly.constant import constant, need_constant, references
from bot.assembly.evaluate import evaluate
from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import Fault
from bot.assembly.functions.files import CommittedFiles
from bot.assembly.instances import Instance, instances, is_repeated, without_meta
from bot.assembly.lifecycle import without_lifecycle
from bot.assembly.schema import OUTPUT, OUTPUT_BLOCKS, ROOTS, SCHEMAS, VALIDATED, VALIDATION, VARIABLE
from bot.assembly.types import Type, describe
from bot.assembly.values import Trace, Value, as_text
from bot.assembly.variables import GivenValue, declared_type, fit, flag, given_value
from bot.assembly.world import AssemblyWorld, NamedBlock, by_name, check_attributes, check_blocks, local_expressions
from bot.intake.cw import literal_value
from bot.intake.declared import nearest, nearest_name
from bot.intake.discover import folder_of
from bot.intake.syntax import Assignment, Block, Expression
from bot.model.resource import SourceError, Through

_DEEPEST: Final = 10
_STEPS: Final = 20
"""What a module costs of the budget beside what is evaluated in it."""
_NOT_VALID: Final = "the value is not valid"


class Module:
    """``inputs`` are a child's arguments (None for a root, whose variables are ``given_values`` from outside). ``suffix``
    follows the labels of its resources in their names, where its block brings in several.
    """

    def __init__(
        self,
        world: AssemblyWorld,
        folder: str,
        address: str = "",
        *,
        given_values: Mapping[str, GivenValue],
        inputs: Mapping[str, Value] | None,
        suffix: str = "",
    ) -> None:
        self.world = world
        self.folder = folder
        self.address = address
        self.given_values = given_values
        self.inputs = inputs
        self.suffix = suffix
        parsed = world.folder(folder)
        other_files = CommittedFiles(folder, world.beside, world.missing)
        self.files = [
            (Evaluator(file.text, self.reference, world.budget, evaluate, files=other_files), file.body)
            for file in parsed
        ]
        self.values: dict[str, Value | None] = {}
        self.hiding: set[str] = set()
        """What has no value, maybe for a sensitive one that it came across."""
        self.children: dict[str, Module] = {}
        self.repeated: dict[str, list[Instance]] = {}
        self.variables = by_name(world, self.blocks("variable"), "variable")
        self.outputs = by_name(world, self.blocks("output"), "output")
        self.modules = by_name(world, self.blocks("module"), "module")
        self.resources = by_name(world, self.blocks("resource"), "resource", labels=2)
        self.locals = local_expressions(world, self.blocks("locals"))

    def blocks(self, kind: str) -> Iterator[NamedBlock]:
        """All blocks of one kind."""
        for at, body in self.files:
            yield from (NamedBlock(at, block) for block in body.blocks if block.kind == kind)

    def reference(self, path: Sequence[str], at: Evaluator, node: Expression) -> tuple[Value, int] | None:
        """What a reference in this module names, as :data:`~bot.assembly.evaluator.Scope`."""
        root, name = path[0], path[1] if len(path) > 1 else ""
        if root not in ROOTS:
            return None
        if not name:
            at.fault(node, f"{root!r} alone is not a value", f"'{root}.NAME'")
        match root:
            case "var":
                self._need(name, self.variables, f"there is no variable {name!r}", at, node)
                return self.variable(name, at, node), 2
            case "local":
                self._need(name, self.locals, f"there is no local {name!r}", at, node)
                return self.local(name, at, node), 2
            case "module":
                return self._output_of(name, path, at, node)
            case "path":
                self._need(name, dict.fromkeys(("module", "root", "cwd")), f"there is no path {name!r}", at, node)
                return at.computed(node, self.folder or ".", ()), 2
            case _:
                return self._resource(f"{root}.{name}", path, at, node)

    def _need(
        self, name: str, known_names: Mapping[str, object], message: str, at: Evaluator, node: Expression
    ) -> None:
        if name not in known_names:
            at.unknown(node, message, nearest_name(name, known_names))

    def once(self, key: str, at: Evaluator | None, node: Expression | None, compute: Callable[[], Value]) -> Value:
        """The value of a named thing, computed at most once. A mistake in it is reported once, where it is."""
        full_address = f"{self.address}.{key}" if self.address else key
        if key in self.values:
            value = self.values[key]
            if value is None:
                self.world.budget.secrets += key in self.hiding
                raise Fault(None)
            return value
        if full_address in self.world.open and at is not None and node is not None:
            ring = [*self.world.open[self.world.open.index(full_address) :], full_address]
            at.fault(node, f"these need each other: {' → '.join(ring)}")
        if len(self.world.open) > 60 and at is not None and node is not None:
            at.fault(node, "a chain of more than 60 references")
        self.world.open.append(full_address)
        secrets = self.world.budget.secrets
        try:
            self.values[key] = compute()
        except Fault as fault:
            self.world.report(fault.error)
            self.values[key] = None
            self.hiding |= {key} if self.world.budget.secrets != secrets else set()
            raise Fault(None) from fault
        finally:
            self.world.open.pop()
        return self.once(key, at, node, compute)

    def variable(self, name: str, at: Evaluator | None = None, node: Expression | None = None) -> Value:
        """The value of a variable. Raises :class:`~bot.assembly.faults.Fault`."""
        return self.once(f"var.{name}", at, node, lambda: self._variable(name))

    def local(self, name: str, at: Evaluator | None = None, node: Expression | None = None) -> Value:
        """The value of a local. Raises :class:`~bot.assembly.faults.Fault`."""
        local_at, expression = self.locals[name]
        return self.once(f"local.{name}", at, node, lambda: local_at.value(expression))

    def _variable(self, name: str) -> Value:
        declared = self.variables[name]
        at, block = declared.at, declared.block
        check_attributes(self.world, declared, VARIABLE, "a variable")
        check_blocks(self.world, declared, VALIDATED, "a variable")
        kind = declared_type(at, block)
        if (default_value := block.body.get("default")) is not None:
            need_constant(at, default_value.expression)
        default = self._default(name, declared)
        if _is_hidden(at, block):
            value = self._secret(name, declared, kind, default).secret()
            self.world.keep_secret(value)
        else:
            value = self._variable_value(name, declared, kind, default)
        if not _nullable(at, block) and value.data is None:
            at.fault(block, f"the variable {name!r} is null, and 'nullable = false' forbids that", "a value")
        self._validate(name, declared, value)
        return value

    def _secret(self, name: str, declared: NamedBlock, kind: Type, default: Expression | None) -> Value:
        """The value of a sensitive variable; what is wrong with it is told without it."""
        try:
            return self._variable_value(name, declared, kind, default)
        except Fault as fault:
            if fault.error is None or self.world.budget.spent:
                raise
            message = f"{name}: its value, which is sensitive, is not what its type says"
            raise Fault(declared.at.error(declared.block, message, describe(kind)), static=fault.static) from None

    def _default(self, name: str, declared: NamedBlock) -> Expression | None:
        """The default where nothing else gives the variable a value. Raises :class:`~bot.assembly.faults.Fault` where there is
        neither.
        """
        at, block = declared.at, declared.block
        if name in (self.given_values if self.inputs is None else self.inputs):
            return None
        default = block.body.get("default")
        if default is None or flag(at, block.body.get("required")):
            hint = f"--var {name}=..., CLOCKWORK_VAR_{name} or a line in clockwork.cwvars"
            expected = hint if self.inputs is None else f"'{name} = ...' in the module block"
            at.fault(block, f"the variable {name!r} has no value", expected)
        return default.expression

    def _variable_value(self, name: str, declared: NamedBlock, kind: Type, default: Expression | None) -> Value:
        if default is not None:
            return fit(declared.at, constant(declared.at).value(default), kind, name)
        if self.inputs is not None:
            return fit(declared.at, self.inputs[name], kind, name)
        return given_value(declared.at, self.given_values[name], kind, declared.block)

    def _validate(self, name: str, declared: NamedBlock, value: Value) -> None:
        for rule in (block for block in declared.block.body.blocks if block.kind == "validation"):
            self.values[f"var.{name}"] = value
            self._hold(NamedBlock(declared.at, rule), name, ("var", name))

    def _hold(self, rule: NamedBlock, name: str, about: tuple[str, ...] = ()) -> None:
        """Fault with the message of a rule that ``name`` does not keep; a message that is sensitive is not shown. The condition
        refers to something, which starts with ``about``.
        """
        at, block, subject = rule.at, rule.block, f"a {rule.block.kind}"
        check_attributes(self.world, rule, VALIDATION, subject)
        check_blocks(self.world, rule, frozenset(), subject)
        condition, message = block.body.get("condition"), block.body.get("error_message")
        if condition is None or message is None:
            absent = "condition" if condition is None else "error_message"
            at.fault(block, f"{subject} has no {absent}", f"'{absent} = ...'")
        if not any(path[: len(about)] == about for path in references(condition.expression)):
            about_what = ".".join(about) or "anything"
            at.unknown(condition.expression, f"this condition does not look at {about_what}", "one that can fail")
        if not at.condition(condition.expression):
            message_value = at.value(message.expression)
            text = None if message_value.sensitive else as_text(message_value)
            default_message = (
                "the value is not valid (its message would show a sensitive value)"
                if message_value.sensitive
                else _NOT_VALID
            )
            at.fault(block, f"{name}: {text or default_message}")

    def called_modules(self, name: str) -> Mapping[int | str | None, Module]:
        """The modules that the block called ``name`` brings in by their keys; one without ``count`` and ``for_each`` has
        None. Raises :class:`~bot.assembly.faults.Fault`.
        """
        if not is_repeated(self.modules[name].block):
            return {None: self._child(name, None)}
        return {instance.key: self._child(name, instance) for instance in self.instances(f"module.{name}")}

    def _child(self, name: str, instance: Instance | None) -> Module:
        """The module of one key."""
        key = name if instance is None else f"{name}{instance.index}"
        if key not in self.children:
            self.children[key] = self._new_child(name, key, self.modules[name], instance)
        return self.children[key]

    def _new_child(self, name: str, key: str, declared: NamedBlock, instance: Instance | None) -> Module:
        at, block = declared.at, declared.block
        folder = module_folder(at, block)
        if not self.world.folder(folder):
            at.fault(block, f"there are no .cw files in {folder or '.'}", "a folder with .cw files")
        at.spend(block, _STEPS)
        address = f"{self.address}.module.{key}" if self.address else f"module.{key}"
        if address.count("module.") > _DEEPEST:
            at.fault(block, f"modules in modules, more than {_DEEPEST} deep")
        items = [item for item in without_meta(block).body.assignments if item.name != "source"]
        inputs = {item.name: _input(at if instance is None else instance.at, name, item) for item in items}
        suffix = self.suffix if instance is None else f"{self.suffix}-{instance.suffix}"
        module = Module(self.world, folder, address, given_values={}, inputs=inputs, suffix=suffix)
        for item in items:
            if item.name not in module.variables:
                message = f"module {name} has no variable {item.name!r}"
                self.world.report(at.error(item, message, nearest_name(item.name, module.variables)))
        return module

    def _output_of(self, name: str, path: Sequence[str], at: Evaluator, node: Expression) -> tuple[Value, int]:
        """What ``module.NAME...`` leads to, and how many words that took."""
        self._need(name, self.modules, f"there is no module {name!r}", at, node)
        is_one = not is_repeated(self.modules[name].block)
        if is_one and len(path) < 3:
            at.fault(node, "a module alone is not a value", f"'module.{name}.OUTPUT'")
        self.once(f"module.{name}", at, node, lambda: self._opened(name, at, node))
        children = self.called_modules(name)
        if is_one or (len(path) > 3 and path[2] in children):
            child, length = (children[None], 3) if is_one else (children[path[2]], 4)
            output = path[length - 1]
            self._need(output, child.outputs, f"module {name} has no output {output!r}", at, node)
            return child.output(output, at, node), length
        outputs = {key: _outputs(child, at, node) for key, child in children.items()}
        has_count = self.modules[name].block.body.get("count") is not None
        all_outputs = tuple(outputs.values()) if has_count else {str(key): value for key, value in outputs.items()}
        return Value(all_outputs, at.computed(node, None, ()).trace), 2

    def _opened(self, name: str, at: Evaluator, node: Expression) -> Value:
        self.called_modules(name)
        return at.computed(node, None, ())

    def output(self, name: str, at: Evaluator | None = None, node: Expression | None = None) -> Value:
        """The value of an output. Raises :class:`~bot.assembly.faults.Fault`."""
        declared = self.outputs[name]
        return self.once(f"output.{name}", at, node, lambda: self._output(name, declared))

    def _output(self, name: str, declared: NamedBlock) -> Value:
        at, block = declared.at, declared.block
        check_attributes(self.world, declared, OUTPUT, "an output")
        check_blocks(self.world, declared, OUTPUT_BLOCKS, "an output")
        value = block.body.get("value")
        if value is None:
            at.fault(block, f"the output {name!r} has no value", "'value = ...'")
        result = at.value(value.expression)
        for rule in (block for block in block.body.blocks if block.kind == "precondition"):
            self._hold(NamedBlock(at, rule), f"the output {name!r}")
        if not _is_hidden(at, block):
            if result.sensitive and not self.address:
                at.fault(value.expression, f"the output {name!r} would show a sensitive value", "'sensitive = true'")
            return result
        self.world.keep_secret(result)
        return result.secret()

    def instances(self, key: str) -> list[Instance]:
        """The instances of a resource or ``module.NAME`` with ``count`` or ``for_each``. Raises
        :class:`~bot.assembly.faults.Fault`.
        """
        if key not in self.repeated:
            kind, _, name = key.partition(".")
            declared = self.modules[name] if kind == "module" else self.resources[key]
            self.repeated[key] = instances(declared.at, declared.block)
        return self.repeated[key]

    def instance(
        self, key: str, instance: Instance, at: Evaluator | None = None, node: Expression | None = None
    ) -> Value:
        """One of several resources, as :meth:`body` gives one. Raises :class:`~bot.assembly.faults.Fault`."""
        declared = NamedBlock(instance.at, without_meta(self.resources[key].block))
        return self.once(f"{key}[{instance.key!r}]", at, node, lambda: self._body(key, declared, f"-{instance.suffix}"))

    def _all(self, key: str, at: Evaluator, node: Expression) -> Value:
        """All instances of a resource: a list of those that are counted, an object of the others."""
        instances_made = {instance.key: self.instance(key, instance, at, node) for instance in self.instances(key)}
        trace = at.computed(node, None, ()).trace
        has_count = self.resources[key].block.body.get("count") is not None
        return Value(
            tuple(instances_made.values()) if has_count else {str(name): body for name, body in instances_made.items()},
            trace,
        )

    def _resource(self, key: str, path: Sequence[str], at: Evaluator, node: Expression) -> tuple[Value, int]:
        self._need(key, self.resources, f"there is no resource {key}", at, node)
        declared = self.resources[key]
        if is_repeated(declared.block):
            return self._all(key, at, node), 2
        if len(path) < 3:
            return self.body(key, at, node), 2
        name = path[2]
        attribute = declared.block.body.get(name)
        if attribute is not None:
            inner = declared.at
            return self.once(f"{key}.{name}", at, node, lambda: inner.value(attribute.expression)), 3
        if name == "name":
            return Value(
                path[1] + self.suffix,
                Trace(declared.at.text.origin(declared.block.labels[1].start, declared.block.labels[1].end)),
            ), 3
        body_value = self.body(key, at, node)
        if name not in body_value.mapping:
            known_names = {*SCHEMAS[Kind(path[0])].attributes, *SCHEMAS[Kind(path[0])].blocks}
            near = nearest(name, {*known_names, *body_value.mapping})
            message = f"{key} sets no {name!r}" if name in known_names else f"a {path[0]} has no {name!r}"
            at.fault(node, message, f"{near!r}" if near and near != name else None)
        return body_value.mapping[name], 3

    def body(self, key: str, at: Evaluator | None = None, node: Expression | None = None) -> Value:
        """A whole resource, checked, with ``name`` and what follows from it. Raises :class:`~bot.assembly.faults.Fault`."""
        declared = self.resources[key]
        return self.once(key, at, node, lambda: self._body(key, declared))

    def _body(self, key: str, declared: NamedBlock, suffix: str = "") -> Value:
        at, block = declared.at, declared.block
        kind = Kind(key.partition(".")[0])
        block = block if kind is Kind.IMAGE else without_lifecycle(block)
        mistakes: list[SourceError | None] = []

        def report(error: SourceError | None) -> None:
            mistakes.append(error)
            self.world.report(error)

        value = evaluate_body(at, block, SCHEMAS[kind], report)
        if mistakes:
            raise Fault(None)
        label = block.labels[1]
        origin = at.text.origin(label.start, label.end, Through.EXPRESSION)
        entries = {"name": Value(label.value + self.suffix + suffix, Trace(origin)), **value.mapping}
        if kind is Kind.IMAGE:
            entries["ref"] = image_reference(entries)
        return Value(entries, value.trace)


def _is_hidden(at: Evaluator, block: Block) -> bool:
    """Whether a variable or output is sensitive; what is ephemeral is written nowhere either."""
    return flag(at, block.body.get("sensitive")) or flag(at, block.body.get("ephemeral"))


def _nullable(at: Evaluator, block: Block) -> bool:
    """Whether null is a value of the variable: unless ``nullable = false`` (Terraform documentation, "Input Variables")."""
    item = block.body.get("nullable")
    return item is None or flag(at, item)


def module_folder(at: Evaluator, block: Block) -> str:
    """The folder a module block names. Raises :class:`~bot.assembly.faults.Fault` when it is none of this repository."""
    source = block.body.get("source")
    if source is None:
        at.fault(block, "a module block has no source", "'source = \"./folder\"'")
    source_value = at.value(source.expression)
    if source_value.sensitive:
        at.fault(source.expression, "a module's source would show a sensitive value", "a value that is not sensitive")
    text = as_text(source_value) or ""
    folder = posixpath.normpath(posixpath.join(folder_of(at.text.file), text))
    if not text.startswith(("./", "../")) or folder.startswith("..") or "\\" in text:
        message = f"{text!r} is not a folder of this repository"
        at.fault(source.expression, message, "a path that starts with './' or '../'")
    return "" if folder == "." else folder


def _outputs(module: Module, at: Evaluator, node: Expression) -> Value:
    """An object of all outputs of a module."""
    return Value({name: module.output(name, at, node) for name in module.outputs}, at.computed(node, None, ()).trace)


def _input(at: Evaluator, module: str, item: Assignment) -> Value:
    """The value of a module's argument: a literal stays where it is written, all else comes through the module."""
    value = at.value(item.expression)
    if literal_value(item.expression)[0]:
        return value
    return value.moved(at.origin(item.expression), Through.MODULE, f"{module}.{item.name}")
