"""What protobuf accepts and ONNX does not is refused here, before onnx's C++ sees it: it relies on all of this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from onnx import FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, defs

from reslint.errors import UnreadableModel, brief
from reslint.net.nodes import Node, bodies_of, node_of, nodes_of, refuse_bytes
from reslint.net.values import STANDARD

_ANY = (1 << 31) - 1  # how a schema writes that there is no most
_LEGACY = "consumed_inputs"  # what opset 1 asks for, and nobody writes
_FUSED = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul"}
)  # to which optimizers add inputs, in domains of their own
_IMPLICIT = 3  # the version of the format from which a model says which operators it means
_DEEPEST = 32
"""Bodies in bodies, of which no published model has more than a few."""


def refuse_damaged(model: ModelProto, nodes: Sequence[Node]) -> None:
    """Raise UnreadableModel where a model, of whose graph `nodes` were read, is none that ONNX defines."""
    versions = versions_of(model.opset_import)
    newest = defs.onnx_opset_version() if model.ir_version >= _IMPLICIT else 1
    versions = {"": newest, "ai.onnx.ml": 1 << 20, **versions}
    _refuse_graph(model.graph, nodes, versions, 0)
    for function in model.functions:
        _refuse_function(function, versions)


def versions_of(imported: Iterable[OperatorSetIdProto]) -> Mapping[str, int]:
    """The versions of the operator sets that a model or a function imports, by domain."""
    return {"" if o.domain in STANDARD else o.domain: o.version for o in imported if isinstance(o.domain, str)}


def _refuse_function(function: FunctionProto, around: Mapping[str, int]) -> None:
    # What its names are is its own affair, until it is inlined.
    nodes = [
        node for node in map(node_of, function.node) if isinstance(node.type, str) and isinstance(node.domain, str)
    ]
    versions = {**around, **versions_of(function.opset_import)}
    _refuse_twice((*function.input, *(o for node in nodes for o in node.outputs)))
    _refuse_nodes(nodes, versions, 0)


def _refuse_graph(graph: GraphProto, nodes: Sequence[Node], versions: Mapping[str, int], depth: int) -> None:
    """The same for a graph and the bodies in it."""
    if depth > _DEEPEST:
        raise UnreadableModel(f"nests more than {_DEEPEST} bodies in each other; it is damaged or hostile")
    refuse_bytes((graph.name, *(v.name for v in graph.input), *(v.name for v in graph.output)))
    refuse_bytes(t.name for t in graph.initializer)
    weights = {t.name for t in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    given = (i.name for i in graph.input if i.name not in weights)  # old models list their weights as inputs, too
    _refuse_twice((*weights, *given, *(o for node in nodes for o in node.outputs)))
    _refuse_nodes(nodes, versions, depth)


def _refuse_twice(made: Sequence[str]) -> None:
    """Raise UnreadableModel where a tensor is made twice: which one is read, nobody knows."""
    if len(set(made)) == len(made):
        return
    seen: set[str] = set()
    for name in made:
        if name and name in seen:
            raise UnreadableModel(f"makes the tensor {brief(name)!r} twice, which ONNX forbids; export the model again")
        seen.add(name)


def _refuse_nodes(nodes: Iterable[Node], versions: Mapping[str, int], depth: int) -> None:
    for node in nodes:
        refuse_damaged_node(node, versions)
        for body in bodies_of(node.proto) if node.may_hold_bodies else ():
            _refuse_graph(body, nodes_of(body), versions, depth + 1)


class _Form(NamedTuple):
    """How many inputs and outputs an operator has, at least and at most, and which attributes it must have."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    required: frozenset[str]

    def fits(self, node: Node) -> bool:
        """Whether a node has as many inputs and outputs as it should."""
        (least, most), (fewest, largest) = self.inputs, self.outputs
        return least <= len(node.inputs) <= most and fewest <= len(node.outputs) <= largest


def refuse_damaged_node(node: Node, versions: Mapping[str, int]) -> None:
    """Raise UnreadableModel where a node is not what the schema of its operator asks for.

    An operator of a version that the installed onnx does not know may have changed, and is left to what comes after.
    """
    version = versions.get(node.domain)
    form = _form(node.type, node.domain, version) if version is not None else None
    if form is not None and not form.fits(node):
        raise UnreadableModel(
            f"is damaged: {_called(node)} has {_many(node.inputs, node.outputs)}, "
            f"the operator {_range(form.inputs)} and {_range(form.outputs)}; export the model again"
        )
    if form is not None and form.required:
        for name in sorted(form.required.difference(a.name for a in node.proto.attribute)):
            raise UnreadableModel(f"is damaged: {_called(node)} lacks its attribute {name!r}; export the model again")
    if node.type in ("Loop", "Scan") and not node.domain:
        _refuse_body(node)
    if node.type == "If" and not node.domain:
        _refuse_branches(node)


def _many(inputs: Sequence[str], outputs: Sequence[str]) -> str:
    return f"{_counted(inputs, 'input')} and {_counted(outputs, 'output')}"


def _counted(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"


def _range(bounds: tuple[int, int]) -> str:
    least, most = bounds
    return str(least) if least == most else f"at least {least}" if most >= _ANY else f"{least} to {most}"


def is_unlike(node: Node, version: int) -> bool:
    """Whether a node has too few or too many inputs or outputs to be what the newest ONNX calls by the same name.

    A convolution of a foreign domain may have more, such as the sum that an optimizer fused into it. What the `version` of
    ONNX's operators knows was held against that before.
    """
    if not node.domain and _form(node.type, "", version) is not None:
        return False
    form = _form(node.type, "", defs.onnx_opset_version())
    if form is None or form.fits(node):
        return False
    return not node.domain or node.type not in _FUSED or len(node.inputs) < form.inputs[0] or not node.outputs


def _refuse_body(node: Node) -> None:
    """A Loop's body takes the step's number for the trip count; apart from that, a body takes what its op takes."""
    scanned = next((a.i for a in node.proto.attribute if a.name == "num_scan_inputs"), 0)
    for body in (a.g for a in node.proto.attribute if a.HasField("g")):
        many = len(body.input) - (2 if node.type == "Loop" else scanned)
        given = max(0, len(node.inputs) - 2) if node.type == "Loop" else len(node.inputs) - scanned
        if many < 0 or given < many or len(body.output) < many + (node.type == "Loop"):
            raise UnreadableModel(
                f"is damaged: the body of {_called(node)} has {len(body.input)} inputs and {len(body.output)} outputs, "
                f"which do not fit its {len(node.inputs)} inputs; export the model again"
            )


def _refuse_branches(node: Node) -> None:
    """Both branches of an If give what the node gives."""
    given = [len(a.g.output) for a in node.proto.attribute if a.HasField("g")]
    if any(many != len(node.outputs) for many in given):
        raise UnreadableModel(
            f"is damaged: the branches of {_called(node)} give {' and '.join(map(str, given))} outputs, "
            f"the node {len(node.outputs)}; export the model again"
        )


def _called(node: Node) -> str:
    return f"{brief(node.type)} {brief(next(iter(node.outputs), ''))!r}"


@cache
def _form(operator: str, domain: str, version: int) -> _Form | None:
    """What the schema of an operator says; None where the installed onnx has none."""
    if not domain and version > defs.onnx_opset_version():
        return None
    try:
        schema = defs.get_schema(operator, max_inclusive_version=version, domain=domain)
    except (defs.SchemaError, TypeError, OverflowError):
        return None
    required = frozenset(name for name, a in schema.attributes.items() if a.required and name != _LEGACY)
    return _Form((schema.min_input, schema.max_input), (schema.min_output, schema.max_output), required)
