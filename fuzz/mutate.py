"""A model in, a damaged one out: mutations of its bytes, and of its structure."""

from __future__ import annotations

from random import Random

import of_graphs
import of_nodes
import of_values
from onnx import ModelProto
from pick import some_graph

STRUCTURAL = tuple(
    made
    for module in (of_nodes, of_values, of_graphs)
    for made in vars(module).values()
    if getattr(made, "__module__", "") == module.__name__ and made.__name__ not in ("splice",)
)
"""The mutations of structure. Each takes a model, one of its graphs and a source of chance."""

OFTEN = ("op_type", "rewire", "drop_io", "attribute_value", "attribute_kind", "tensor_data", "add_merge", "add_op")
"""Those of which more comes to light."""

WEIGHED = (*STRUCTURAL, *(made for made in STRUCTURAL if made.__name__ in OFTEN))


def of_structure(data: bytes, other: bytes, r: Random, steps: int) -> bytes:
    """A model with so many mutations; the same where protobuf refuses what they make."""
    model = ModelProto.FromString(data)
    if r.random() < 0.08:
        of_graphs.splice(model, ModelProto.FromString(other), r)
    for _ in range(steps):
        mutation = r.choice(WEIGHED)
        try:
            mutation(model, some_graph(model, r), r)
        except Exception:  # protobuf refuses a value, or a depth
            continue
    try:
        return model.SerializeToString()
    except Exception:
        return data


def of_bytes(data: bytes, other: bytes, r: Random) -> bytes:
    out = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 4, 16))):
        if not out:
            break
        at = r.randrange(len(out))
        how = r.randrange(9)
        if how == 0:
            out[at] = r.randrange(256)
        elif how == 1:
            out[at] ^= 1 << r.randrange(8)
        elif how == 2:
            del out[at:]
        elif how == 3:
            del out[at : at + r.randrange(1, 64)]
        elif how == 4:
            out[at:at] = bytes(r.randrange(256) for _ in range(r.randrange(1, 12)))
        elif how == 5:
            size = r.randrange(1, 200)
            b = r.randrange(max(1, len(other)))
            out[at : at + size] = other[b : b + size]
        elif how == 6:
            out[at:at] = out[at : at + r.randrange(1, 400)]
        elif how == 7:
            out[at : at + 5] = r.choice(
                (b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x80\x80\x80\x80\x00", b"\x00")
            )
        else:
            out += other[r.randrange(max(1, len(other))) :]
    return bytes(out)
