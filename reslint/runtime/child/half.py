"""A plan in, its model whole and in half precision out; only the child imports this.

onnxruntime.transformers.float16 converts: it comes with ONNX Runtime, is what ONNX Runtime's own tools use, and is kept;
onnxconverter-common's copy of it would be a further dependency.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from reslint.net.nodes import nodes_of
from reslint.net.order import in_order
from reslint.runtime.agreement.compare import EIGHT_BITS
from reslint.runtime.protocol.job import Plan

_MOST = 2**31 - 1  # bytes that protobuf can hold in one message


def halved(plan: Plan) -> ModelProto:
    """The model in half precision, fed and read in its own types."""
    given = whole(plan)
    kept = {node.op_type for node in given.graph.node if any(word in node.op_type for word in EIGHT_BITS)}
    block = [*DEFAULT_OP_BLOCK_LIST, "DequantizeLinear", *sorted(kept)]  # scales are float32 before operator set 19
    model: ModelProto = convert_float_to_float16(
        given, keep_io_types=True, op_block_list=block, node_block_list=sorted(plan.keep)
    )
    if plan.keep:  # else what passes from one kept op to the next is narrowed on the way
        joined = OnnxModel(model)
        joined.remove_cascaded_cast_nodes()
        model = joined.model
    nodes = [node.proto for node in in_order(nodes_of(model.graph), ())]  # the converter puts its casts last
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def whole(plan: Plan) -> ModelProto:
    """The model with all its weights in it. Raises ValueError where that is more than a message can hold."""
    model = ModelProto.FromString(plan.model)
    total = 0
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.CopyFrom(_held(tensor, plan))
            total += len(tensor.raw_data)
            if total > _MOST:
                raise ValueError("has more than 2 GB of weights, which can't be converted in one piece")
    return model


def _held(tensor: TensorProto, plan: Plan) -> TensorProto:
    """A tensor with its values, from memory or from the file that they lie in."""
    made = TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    if tensor.name in plan.weights:
        return numpy_helper.from_array(np.ascontiguousarray(plan.weights[tensor.name]), tensor.name)
    entries = {e.key: e.value for e in tensor.external_data}
    with (Path(plan.folder) / entries["location"]).open("rb") as file:
        file.seek(int(entries.get("offset", 0)))
        made.raw_data = file.read(int(entries["length"]) if "length" in entries else -1)
    return made
