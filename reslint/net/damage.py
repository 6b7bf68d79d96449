"""A parsed model in, one line on what is damaged in it out: what protobuf accepts, and ONNX does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from onnx import GraphProto, NodeProto, defs

from reslint.errors import UnreadableModel
from reslint.net.values import STANDARD


def refuse_damaged(graph: GraphProto) -> None:
    """Raise UnreadableModel where a graph's own names are no text."""
    _refuse_bytes((graph.name, *(v.name for v in graph.input), *(v.name for v in graph.output)))
    _refuse_bytes(t.name for t in graph.initializer)


def refuse_damaged_node(node: NodeProto, opsets: Mapping[str, int]) -> None:
    """Raise UnreadableModel where a node's names are no text, or where its inputs and outputs are too few for its operator."""
    _refuse_bytes((node.op_type, node.domain, node.name, *node.input, *node.output))
    if node.domain in STANDARD and "" in opsets:
        given, made = _least(node.op_type, opsets[""])
        if len(node.input) < given or len(node.output) < made:
            raise UnreadableModel(
                f"is damaged: {node.op_type} {next(iter(node.output), '')!r} has {len(node.input)} inputs and "
                f"{len(node.output)} outputs, the operator at least {given} and {made}; export the model again"
            )

    if node.domain in STANDARD and node.op_type in ("Loop", "Scan"):
        _refuse_body(node)


def _refuse_body(node: NodeProto) -> None:
    """A Loop's body takes the step's number for the trip count; apart from that, a body takes what its op takes."""
    scanned = next((a.i for a in node.attribute if a.name == "num_scan_inputs"), 0)
    for body in (a.g for a in node.attribute if a.HasField("g")):
        many = len(body.input) - (2 if node.op_type == "Loop" else scanned)
        given = max(0, len(node.input) - 2) if node.op_type == "Loop" else len(node.input) - scanned
        if many < 0 or given < many or len(body.output) < many + (node.op_type == "Loop"):
            raise UnreadableModel(
                f"is damaged: the body of {node.op_type} {next(iter(node.output), '')!r} has {len(body.input)} inputs and "
                f"{len(body.output)} outputs, which its {len(node.input)} inputs don't fit; export the model again"
            )


def _refuse_bytes(names: Iterable[str]) -> None:
    if not all(isinstance(name, str) for name in names):  # protobuf hands out bytes where a string is not UTF-8
        raise UnreadableModel("is damaged: a name in its graph is no text; fetch it again")


@cache
def _least(operator: str, version: int) -> tuple[int, int]:
    """The least number of inputs and outputs of an operator of ONNX; none where it is not known."""
    try:
        schema = defs.get_schema(operator, max_inclusive_version=version)
    except defs.SchemaError:
        return 0, 0
    return schema.min_input, schema.min_output
