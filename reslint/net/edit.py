"""A model and edits of its nodes in, the edited model out: in memory, and as the bytes of its file, weights untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper

from reslint.errors import UnreadableModel
from reslint.net.skim import Buffer, fields, varint


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """What stands in the place of a node: another one, or none. Where there is no way, `refused` says why."""

    before: NodeProto
    after: NodeProto | None = None
    refused: str = ""

    @property
    def key(self) -> str:
        """The node's first non-empty output, by which it is known."""
        return key_of(self.before)


Piece = bytes | tuple[int, int]
"""New bytes, or where the old ones start and end."""

_GRAPH, _NODE, _ATTRIBUTE = "graph", "node", "attribute"
_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: _GRAPH},
    _GRAPH: {1: _NODE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {6: _GRAPH, 11: _GRAPH},
}
_OUTPUT = 2
_DEEPEST = 100


def key_of(node: NodeProto) -> str:
    """The first non-empty output of a node."""
    return next((o for o in node.output if o), "")


def nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes of a graph, those of bodies behind the node that they belong to."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs) if attribute.type in _BODIES else ():
                yield from nodes(body)


_BODIES = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


def edited(model: ModelProto, edits: Mapping[str, Edit]) -> ModelProto:
    """A copy of the model with other nodes."""
    other = ModelProto()
    other.CopyFrom(model)
    _edit(other.graph, edits)
    return other


def _edit(graph: GraphProto, edits: Mapping[str, Edit]) -> None:
    kept: list[NodeProto] = []
    for node in graph.node:
        edit = edits.get(key_of(node))
        if edit is None:
            for attribute in node.attribute:
                for body in (attribute.g, *attribute.graphs) if attribute.type in _BODIES else ():
                    _edit(body, edits)
        after = node if edit is None else edit.after
        if after is not None:
            kept.append(NodeProto.FromString(after.SerializeToString()))
    del graph.node[:]
    graph.node.extend(kept)


def spliced(buffer: Buffer, edits: Mapping[str, Edit]) -> Sequence[Piece]:
    """The bytes of the model's file with other nodes. Raises UnreadableModel where the bytes are no protobuf message."""
    return _message(buffer, 0, len(buffer), "model", edits, 0)


def _message(buffer: Buffer, start: int, end: int, kind: str, edits: Mapping[str, Edit], depth: int) -> Sequence[Piece]:
    """The pieces of a message; what holds no edit is one piece."""
    if depth > _DEEPEST:
        raise UnreadableModel("is nested deeper than protobuf allows; the file is damaged or hostile")
    inside = _INSIDE[kind]
    pieces: list[Piece] = []
    kept = start
    for field in fields(buffer, start, end):
        if field.wire != 2 or field.number not in inside:
            continue
        parts = _field(buffer, field.inner, field.end, inside[field.number], edits, depth)
        if parts is None:
            continue
        pieces.append((kept, field.start))
        size = sum(_size(part) for part in parts)
        pieces += (varint(field.number << 3 | 2) + varint(size), *parts) if parts else ()
        kept = field.end
    return (*pieces, (kept, end))


def _field(
    buffer: Buffer, start: int, end: int, kind: str, edits: Mapping[str, Edit], depth: int
) -> Sequence[Piece] | None:
    """What stands for a part of a message: None where it stays, nothing where it goes."""
    edit = edits.get(_key(buffer, start, end)) if kind == _NODE else None
    if edit is not None:
        return (edit.after.SerializeToString(),) if edit.after is not None else ()
    parts = _message(buffer, start, end, kind, edits, depth + 1)
    return parts if len(parts) > 1 else None


def _key(buffer: Buffer, start: int, end: int) -> str:
    outputs = (buffer[f.inner : f.end] for f in fields(buffer, start, end) if f.number == _OUTPUT and f.wire == 2)
    return next((name for name in outputs if name), b"").decode("utf-8", "replace")


def _size(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]


def unsound(before: ModelProto, after: ModelProto) -> str:
    """Why a model must not take another one's place: what ONNX's checker says of it; empty where nothing."""
    problem = _problem(after, full=_problem(before, full=True) == "")
    return f"the result would not be valid: {problem}" if problem else ""


def _problem(model: ModelProto, *, full: bool) -> str:
    try:
        checker.check_model(_weightless(model), full_check=full)
    except Exception as error:  # the checker, its parser and shape inference have no error in common
        return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return ""


def _weightless(model: ModelProto) -> ModelProto:
    """The model with an input in the place of each tensor whose bytes lie elsewhere: nothing is opened to check it."""
    other = ModelProto()
    other.CopyFrom(model)
    graphs = [other.graph, *(a.g for node in nodes(other.graph) for a in node.attribute if a.HasField("g"))]
    known = {value.name for value in other.graph.input}
    absent: list[ValueInfoProto] = []
    for graph in reversed(graphs):  # the innermost first, since what is around is written anew
        absent += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in graph.initializer if _far(t)]
        near = [TensorProto.FromString(t.SerializeToString()) for t in graph.initializer if not _far(t)]
        del graph.initializer[:]
        graph.initializer.extend(near)
        literals = {n.output[0]: a.t for n in graph.node if n.op_type == "Constant" for a in n.attribute if _far(a.t)}
        absent += [helper.make_tensor_value_info(name, t.data_type, t.dims) for name, t in literals.items()]
        rest = [NodeProto.FromString(n.SerializeToString()) for n in graph.node if key_of(n) not in literals]
        del graph.node[:]
        graph.node.extend(rest)
    other.graph.input.extend(value for value in absent if value.name not in known)
    return other


def _far(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL
