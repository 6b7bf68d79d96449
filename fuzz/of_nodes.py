"""Mutations of nodes: what they read, make and are called."""

from __future__ import annotations

from random import Random

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper
from pick import node_of, tensors
from words import COMMON, DIMS, DOMAINS, FLOATS, INTS, NAMES, OPS, TYPES


def swap_inputs(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    if len(n.input) > 1:
        a, b = r.sample(range(len(n.input)), 2)
        n.input[a], n.input[b] = n.input[b], n.input[a]


def delete_node(m: ModelProto, g: GraphProto, r: Random) -> None:
    if g.node:
        del g.node[r.randrange(len(g.node))]


def double_node(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = NodeProto()
    n.CopyFrom(node_of(g, r))
    if r.random() < 0.6:
        for at, o in enumerate(n.output):
            n.output[at] = f"{o}_{r.randrange(99)}"
    g.node.append(n)


def shuffle_nodes(m: ModelProto, g: GraphProto, r: Random) -> None:
    kept = [NodeProto.FromString(n.SerializeToString()) for n in g.node]
    r.shuffle(kept)
    del g.node[:]
    g.node.extend(kept)


def op_type(m: ModelProto, g: GraphProto, r: Random) -> None:
    node_of(g, r).op_type = r.choice(COMMON if r.random() < 0.7 else OPS) if r.random() < 0.97 else r.choice(NAMES)


def domain(m: ModelProto, g: GraphProto, r: Random) -> None:
    node_of(g, r).domain = r.choice(DOMAINS)


def opset(m: ModelProto, g: GraphProto, r: Random) -> None:
    if not m.opset_import or r.random() < 0.2:
        m.opset_import.add(domain=r.choice(DOMAINS), version=r.choice((1, 6, 13, 22, 99, 0, -1, 1 << 40)))
    elif r.random() < 0.1:
        del m.opset_import[:]
    else:
        r.choice(m.opset_import).version = r.choice(
            (1, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 21, 22, 23, 24, 25, 26, 99, 0, -1, (1 << 63) - 1)
        )


def rewire(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    name = r.choice(tensors(g)) if r.random() < 0.9 else r.choice(NAMES)
    if n.input and r.random() < 0.85:
        n.input[r.randrange(len(n.input))] = name
    else:
        n.input.append(name)


def drop_io(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    part = r.choice((n.input, n.output))
    if part:
        if r.random() < 0.3:
            part[r.randrange(len(part))] = ""
        else:
            del part[r.randrange(len(part))]


def rename_output(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    if n.output:
        n.output[r.randrange(len(n.output))] = r.choice(tensors(g)) if r.random() < 0.6 else r.choice(NAMES)


def node_name(m: ModelProto, g: GraphProto, r: Random) -> None:
    node_of(g, r).name = r.choice(NAMES)


def rename_everywhere(m: ModelProto, g: GraphProto, r: Random) -> None:
    old, new = r.choice(tensors(g)), r.choice(NAMES)
    for n in g.node:
        for part in (n.input, n.output):
            for at, name in enumerate(part):
                if name == old:
                    part[at] = new
    for v in (*g.input, *g.output, *g.initializer, *g.value_info):
        if v.name == old:
            v.name = new


def attribute_value(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    if not n.attribute:
        return
    a = r.choice(n.attribute)
    if a.ints and r.random() < 0.8:
        if r.random() < 0.2:
            del a.ints[r.randrange(len(a.ints))]
        elif r.random() < 0.2:
            a.ints.append(r.choice(INTS))
        else:
            a.ints[r.randrange(len(a.ints))] = r.choice(INTS)
    elif a.type == AttributeProto.FLOAT:
        a.f = r.choice(FLOATS)
    elif a.type == AttributeProto.STRING:
        a.s = r.choice(
            (
                b"",
                b"SAME_UPPER",
                b"NOTSET",
                b"\xff\xfe",
                b"x" * 100_000,
                b"ij,jk->ik",
                b"...->",
                b"a" * 60 + b"->",
                b"linear",
            )
        )
    else:
        a.i = r.choice(INTS)


def attribute_kind(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    if n.attribute:
        a = r.choice(n.attribute)
        if r.random() < 0.5:
            a.type = r.randrange(16)
        else:
            name = a.name
            a.Clear()
            a.name = name
            how = r.randrange(7)
            if how == 0:
                a.type, a.i = AttributeProto.INT, r.choice(INTS)
            elif how == 1:
                a.type, a.f = AttributeProto.FLOAT, r.choice(FLOATS)
            elif how == 2:
                a.type, a.s = AttributeProto.STRING, b"z\xff"
            elif how == 3:
                a.type = AttributeProto.INTS
                a.ints.extend(r.choice(INTS) for _ in range(r.randrange(6)))
            elif how == 4:
                a.type = AttributeProto.TENSOR
                a.t.dims.extend([r.choice(DIMS)])
                a.t.data_type = r.choice(TYPES)
            elif how == 5:
                a.type = AttributeProto.GRAPH
                a.g.CopyFrom(
                    GraphProto(
                        name="g", node=[NodeProto(op_type="Add", input=[r.choice(tensors(g)), "nowhere"], output=["y"])]
                    )
                )
            else:
                a.ref_attr_name = "somewhere"


def attribute_drop_or_add(m: ModelProto, g: GraphProto, r: Random) -> None:
    n = node_of(g, r)
    if n.attribute and r.random() < 0.5:
        del n.attribute[r.randrange(len(n.attribute))]
    elif n.attribute and r.random() < 0.3:
        n.attribute.add().CopyFrom(r.choice(n.attribute))
    else:
        name = r.choice(
            (
                "axis",
                "axes",
                "perm",
                "group",
                "epsilon",
                "to",
                "value",
                "body",
                "then_branch",
                "keepdims",
                "alpha",
                "pads",
                "strides",
                "kernel_shape",
                "num_scan_inputs",
                "equation",
                "training_mode",
                "transB",
                "value_ints",
                "hidden_size",
                "num_heads",
            )
        )
        n.attribute.append(
            helper.make_attribute(name, r.choice((r.choice(INTS), r.choice(FLOATS), [r.choice(INTS)], "x", [1.5])))
        )


def metadata(m: ModelProto, g: GraphProto, r: Random) -> None:
    where = r.choice((m.metadata_props, g.metadata_props, node_of(g, r).metadata_props))
    where.add(
        key=r.choice(
            (
                "pkg.torch.onnx.stack_trace",
                "pkg.torch.onnx.name_scopes",
                "pkg.torch.onnx.class_hierarchy",
                "namespace",
                "mean",
                "std",
                "x",
                "pkg.onnxscript.rewriter.rule_name",
            )
        ),
        value=r.choice(
            ('File "/x.py", line 3, in f\n  y = x', "['a', 'b.c', 'd']", "[" * 3000, "[1, 2", "nan", "1e999", *NAMES)
        ),
    )


def doc(m: ModelProto, g: GraphProto, r: Random) -> None:
    node_of(g, r).doc_string = r.choice(('File "/x.py", line 99999999999999999999, in f', "x" * 10_000, *NAMES))
