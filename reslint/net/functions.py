"""A model with functions of its own in, the same without them out, and which ones were left and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain

import onnx.inliner
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, defs

from reslint.errors import UnreadableModel, brief
from reslint.net.native import NativeError, natively
from reslint.net.nodes import every_node
from reslint.net.values import STANDARD, Clash

_IN_CPP = re.compile(r"^\S+\.(cc|h):\d+: \w+: Assertion `.*?` failed: ")
_SAME_WITH: Mapping[str, int] = {"DFT": 3, "Split": 2, "GroupNormalization": 4}
"""From how many inputs on an operator means the same, where a schema does not tell that its meaning changed.

DFT took the axis 1 where it was given none, and takes the last but one; Split must be told sizes, or how many; and the
scale of GroupNormalization, which has three inputs, was one for each group."""


_NODES = 100_000
_GROWTH = 50
"""A model whose functions are inlined to more than so many nodes, and so many times what it holds, is not analysed."""


def inlined(model: ModelProto) -> ModelProto:
    """The same model without its functions, but for those in whose opset their ops mean something else.

    The inliner leaves all functions of another opset; those whose ops mean the same in the model's are given that one.
    """
    _refuse_many(model)
    _agree(model)
    try:
        return ModelProto.FromString(natively(_inline, model.SerializeToString(), "onnx's inliner"))
    except (NativeError, ValueError) as error:
        first = _IN_CPP.sub("", str(error).strip()).partition("\n")[0]
        raise UnreadableModel(
            _miscalled(model) or f"has functions that can't be inlined: {brief(first) or 'no reason given'}"
        ) from error


def _refuse_many(model: ModelProto) -> None:
    """Raise UnreadableModel where inlining would make far more nodes than the file holds: two calls each, forty deep."""
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    written = len(model.graph.node) + sum(len(f.node) for f in model.functions)
    most = max(_NODES, written * _GROWTH)
    sizes: dict[tuple[str, str, str], int] = {}
    for key in _innermost_first(functions):
        sizes[key] = min(_size(functions[key], sizes), most + 1)
    if _size(model.graph, sizes) > most:
        raise UnreadableModel(
            f"has functions that call each other and expand to more than {most} nodes; it is not analyzed"
        )


def _size(graph: GraphProto | FunctionProto, sizes: Mapping[tuple[str, str, str], int]) -> int:
    """How many nodes there are when all calls are inlined; `sizes` are those of the functions."""
    return sum(sizes.get((node.domain, node.op_type, node.overload), 1) for node in every_node(graph))


def _innermost_first(functions: Mapping[tuple[str, str, str], FunctionProto]) -> Iterator[tuple[str, str, str]]:
    """The functions, each behind those that it calls. One that calls itself is left to the inliner, which refuses it."""
    done: set[tuple[str, str, str]] = set()
    for start in functions:
        todo = [(start, iter(_calls(functions[start], functions)))] if start not in done else []
        done.add(start)
        while todo:
            key, calls = todo[-1]
            called = next((c for c in calls if c not in done), None)
            if called is None:
                todo.pop()
                yield key
            else:
                done.add(called)
                todo.append((called, iter(_calls(functions[called], functions))))


def _calls(
    function: FunctionProto, functions: Mapping[tuple[str, str, str], FunctionProto]
) -> Iterable[tuple[str, str, str]]:
    called = dict.fromkeys((node.domain, node.op_type, node.overload) for node in every_node(function))
    return (key for key in called if key in functions)


def _inline(model: bytes) -> bytes:
    return onnx.inliner.inline_local_functions(ModelProto.FromString(model)).SerializeToString()


def clashes(model: ModelProto) -> Mapping[str, Clash]:
    """The functions that were left, by kind, and the opset in which they differ from the model."""
    ours = _versions(model.opset_import)
    found: dict[str, Clash] = {}
    for function in model.functions:
        for domain, version in _versions(function.opset_import).items():
            if ours.get(domain, version) != version:
                kind = f"{function.domain}.{function.name}" if function.domain else function.name
                found.setdefault(kind, Clash(domain, version, ours[domain]))
    return found


def _versions(imported: Iterable[OperatorSetIdProto]) -> Mapping[str, int]:
    return {_domain(entry): entry.version for entry in imported}


def _domain(named: OperatorSetIdProto | NodeProto) -> str:
    return "" if named.domain in STANDARD else named.domain


def _agree(model: ModelProto) -> None:
    """Give functions the model's opset where all that they use of it means the same in both."""
    ours = _versions(model.opset_import)
    own = {(function.domain, function.name) for function in model.functions}
    for function in model.functions:
        for entry in function.opset_import:
            wanted = ours.get(_domain(entry), entry.version)
            if wanted != entry.version and _fits(function, own, entry, wanted):
                entry.version = wanted


def _fits(function: FunctionProto, own: set[tuple[str, str]], entry: OperatorSetIdProto, wanted: int) -> bool:
    """Whether a function's ops of a domain, but for calls of other functions, mean the same in another version of it."""
    domain = _domain(entry)
    return all(
        means_the_same(node, entry.version, wanted)
        for node in every_node(function)
        if _domain(node) == domain and (node.domain, node.op_type) not in own
    )


def means_the_same(node: NodeProto, one: int, other: int) -> bool:
    """Whether a node computes the same in two versions of its domain.

    An operator's newer versions take more types, or inputs and attributes that may be left out and then change nothing.
    Where the meaning changed, what a node has to say changed with it: an attribute became an input, or has another default,
    as has the axis of Softmax, which counts even for a node that names its axis.
    """
    first, second = _schema(node.op_type, one, _domain(node)), _schema(node.op_type, other, _domain(node))
    if first is None or second is None:
        return False
    if first.since_version == second.since_version:
        return True
    return (
        len(node.input) >= _SAME_WITH.get(node.op_type, 0)
        and not (first.deprecated or second.deprecated)
        and second.min_input <= len(node.input)
        and second.min_output <= len(node.output)
        and _names(first.inputs, len(node.input)) == _names(second.inputs, len(node.input))
        and _names(first.outputs, len(node.output)) == _names(second.outputs, len(node.output))
        and _same_attributes({a.name for a in node.attribute}, first, second)
    )


def _same_attributes(given: set[str], first: defs.OpSchema, second: defs.OpSchema) -> bool:
    both = first.attributes.keys() & second.attributes.keys()
    return given <= both and all(
        first.attributes[name].default_value == second.attributes[name].default_value for name in both
    )


def _names(formal: Sequence[defs.OpSchema.FormalParameter], many: int) -> tuple[str, ...]:
    """What a schema calls the first inputs or outputs; the last one may stand for many."""
    return tuple(p.name for p in formal[:many])


@cache
def _schema(operator: str, version: int, domain: str) -> defs.OpSchema | None:
    """What ONNX says of an operator; None where the installed onnx does not know it."""
    if not domain and version > defs.onnx_opset_version():
        return None
    try:
        return defs.get_schema(operator, max_inclusive_version=version, domain=domain)
    except (defs.SchemaError, TypeError):  # a damaged name is bytes, a damaged version no C integer
        return None


def _miscalled(model: ModelProto) -> str:
    """One line on a call that gives a function more than it takes; empty where there is none."""
    known = {(f.domain, f.name, f.overload): f for f in model.functions}
    for node in chain(every_node(model.graph), *map(every_node, model.functions)):
        called = known.get((node.domain, node.op_type, node.overload))
        if called is None:
            continue
        if len(node.input) > len(called.input) or len(node.output) > len(called.output):
            return (
                f"is damaged: {node.op_type} {next(iter(node.output), '')!r} has {len(node.input)} inputs and "
                f"{len(node.output)} outputs, its function {len(called.input)} and {len(called.output)}; "
                "export the model again"
            )
    return ""
