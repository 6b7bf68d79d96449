"""Mutations of shapes, types, weights and where they lie."""

from __future__ import annotations

import struct
from random import Random

from onnx import AttributeProto, GraphProto, ModelProto, SparseTensorProto
from pick import node_of, tensor_of, tensors
from words import DIMS, FLOATS, INTS, LOCATIONS, NAMES, TYPES


def input_dims(m: ModelProto, g: GraphProto, r: Random) -> None:
    held = [*g.input, *g.output, *g.value_info]
    if not held:
        return
    shape = r.choice(held).type.tensor_type.shape
    how = r.randrange(4)
    if how == 0 and shape.dim:
        d = r.choice(shape.dim)
        d.Clear()
        d.dim_value = r.choice(DIMS)
    elif how == 1 and shape.dim:
        d = r.choice(shape.dim)
        d.Clear()
        d.dim_param = r.choice(
            ("batch", "seq", "N", "unk__0", "s0 + 1", "2*s0", "(S+1)//2", "floor(S/0)", "S/0", "(" * 200, *NAMES)
        )
    elif how == 2 and shape.dim:
        del shape.dim[r.randrange(len(shape.dim))]
    else:
        shape.dim.add(dim_value=r.choice(DIMS))


def value_type(m: ModelProto, g: GraphProto, r: Random) -> None:
    held = [*g.input, *g.output, *g.value_info]
    if held:
        v = r.choice(held)
        how = r.randrange(5)
        if how == 0:
            v.type.tensor_type.elem_type = r.choice(TYPES)
        elif how == 1:
            v.type.Clear()
        elif how == 2:
            v.type.sequence_type.elem_type.tensor_type.elem_type = 1
        elif how == 3:
            v.type.optional_type.elem_type.tensor_type.elem_type = 1
        else:
            v.type.map_type.key_type = 7


def tensor_dims(m: ModelProto, g: GraphProto, r: Random) -> None:
    t = tensor_of(m, g, r)
    if t.dims and r.random() < 0.7:
        t.dims[r.randrange(len(t.dims))] = r.choice(DIMS)
    elif t.dims and r.random() < 0.5:
        del t.dims[:]
    else:
        t.dims.append(r.choice(DIMS))


def tensor_kind(m: ModelProto, g: GraphProto, r: Random) -> None:
    tensor_of(m, g, r).data_type = r.choice(TYPES)


def tensor_data(m: ModelProto, g: GraphProto, r: Random) -> None:
    t = tensor_of(m, g, r)
    how = r.randrange(6)
    if how == 0:
        t.raw_data = b""
    elif how == 1:
        t.raw_data = struct.pack("<q", r.choice(INTS)) * r.randrange(1, 5)
        t.data_type = 7
    elif how == 2:
        t.ClearField("raw_data")
        t.float_data.extend(r.choice(FLOATS) for _ in range(r.randrange(5)))
    elif how == 3:
        t.ClearField("raw_data")
        t.int64_data.extend(r.choice(INTS) for _ in range(r.randrange(5)))
    elif how == 4:
        t.data_type = 8
        t.string_data.extend([b"\xff", b"x" * 3000])
    else:
        t.int32_data.extend(r.choice((0, -1, 1 << 30)) for _ in range(4))


def external(m: ModelProto, g: GraphProto, r: Random) -> None:
    t = tensor_of(m, g, r)
    t.ClearField("raw_data")
    t.data_location = r.choice((1, 1, 1, 0, 7))
    del t.external_data[:]
    t.external_data.add(key="location", value=r.choice(LOCATIONS))
    for key in ("offset", "length", "checksum", "basepath", "reslint.field"):
        if r.random() < 0.5:
            t.external_data.add(
                key=key,
                value=r.choice(
                    (
                        "0",
                        "1",
                        "-1",
                        "99999999999999999999",
                        str((1 << 63) - 1),
                        "1e9",
                        "",
                        "x",
                        "9",
                        "4",
                        "13",
                        " 5",
                        "5 ",
                        "٣",
                        "0x10",
                        str(1 << 40),
                    )
                ),
            )


def sparse(m: ModelProto, g: GraphProto, r: Random) -> None:
    s = SparseTensorProto(dims=[r.choice(DIMS)])
    s.values.name = r.choice(tensors(g))
    s.values.data_type, s.indices.data_type = r.choice(TYPES), 7
    s.values.dims.append(r.choice(DIMS))
    if r.random() < 0.5:
        g.sparse_initializer.append(s)
    else:
        n = node_of(g, r)
        n.attribute.add(name="sparse_value", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=s)


def outputs_of_graph(m: ModelProto, g: GraphProto, r: Random) -> None:
    how = r.randrange(5)
    if how == 0:
        del g.output[:]
    elif how == 1:
        g.output.add(name=r.choice(tensors(g)))
    elif how == 2:
        g.output.add(name=r.choice(NAMES))
    elif how == 3 and g.input:
        del g.input[r.randrange(len(g.input))]
    elif g.initializer:
        del g.initializer[r.randrange(len(g.initializer))]
