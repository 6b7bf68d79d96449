"""A parsed model in, one line on what is damaged in it out: what protobuf accepts, and ONNX does not."""

from __future__ import annotations

from functools import cache

from onnx import GraphProto, defs

from reslint.errors import UnreadableModel
from reslint.net.nodes import Node, refuse_bytes


def refuse_damaged(graph: GraphProto) -> None:
    """Raise UnreadableModel where a graph's own names are no text."""
    refuse_bytes((graph.name, *(v.name for v in graph.input), *(v.name for v in graph.output)))
    refuse_bytes(t.name for t in graph.initializer)


def refuse_damaged_node(node: Node, opset: int | None) -> None:
    """Raise UnreadableModel where the inputs and outputs of a node are too few for its operator."""
    if node.domain or opset is None:
        given = made = 0
    else:
        given, made = _least(node.type, opset)
    if len(node.inputs) < given or len(node.outputs) < made:
        raise UnreadableModel(
            f"is damaged: {_called(node)} has {len(node.inputs)} inputs and {len(node.outputs)} outputs, "
            f"the operator at least {given} and {made}; export the model again"
        )
    if node.type in ("Loop", "Scan") and not node.domain:
        _refuse_body(node)


def is_unlike(node: Node) -> bool:
    """Whether a node of a foreign domain has too few inputs or outputs to be what ONNX calls by the same name."""
    given, made = _least(node.type, defs.onnx_opset_version())
    return len(node.inputs) < given or len(node.outputs) < made


def _refuse_body(node: Node) -> None:
    """A Loop's body takes the step's number for the trip count; apart from that, a body takes what its op takes."""
    scanned = next((a.i for a in node.proto.attribute if a.name == "num_scan_inputs"), 0)
    for body in (a.g for a in node.proto.attribute if a.HasField("g")):
        many = len(body.input) - (2 if node.type == "Loop" else scanned)
        given = max(0, len(node.inputs) - 2) if node.type == "Loop" else len(node.inputs) - scanned
        if many < 0 or given < many or len(body.output) < many + (node.type == "Loop"):
            raise UnreadableModel(
                f"is damaged: the body of {_called(node)} has {len(body.input)} inputs and {len(body.output)} outputs, "
                f"which its {len(node.inputs)} inputs don't fit; export the model again"
            )


def _called(node: Node) -> str:
    return f"{node.type} {next(iter(node.outputs), '')!r}"


@cache
def _least(operator: str, version: int) -> tuple[int, int]:
    """The least number of inputs and outputs of an operator of ONNX; none where it is not known."""
    try:
        schema = defs.get_schema(operator, max_inclusive_version=version)
    except defs.SchemaError:
        return 0, 0
    return schema.min_input, schema.min_output
