"""Mutations that add: merges, operators, bodies, functions, repetitions, parts of another model."""

from __future__ import annotations

from random import Random

from onnx import GraphProto, ModelProto, NodeProto, defs, helper
from pick import node_of, tensors
from words import COMMON, OPS


def add_merge(m: ModelProto, g: GraphProto, r: Random) -> None:
    """A sum, product or concatenation of tensors of the graph, put somewhere in it."""
    names = tensors(g)
    k = r.choice((1, 2, 2, 2, 3, 5))
    made = f"m{r.randrange(10**6)}"
    kind = r.choice(
        ("Add", "Add", "Sum", "Concat", "Mul", "Sub", "Where", "SkipLayerNormalization", "QLinearAdd", "Max", "Gemm")
    )
    n = helper.make_node(
        kind,
        [r.choice(names) for _ in range(k)],
        [made],
        domain="com.microsoft" if kind in ("SkipLayerNormalization", "QLinearAdd") else "",
    )
    g.node.insert(r.randrange(len(g.node) + 1), n)
    if r.random() < 0.7:
        after = node_of(g, r)
        if after.input:
            after.input[r.randrange(len(after.input))] = made


def add_op(m: ModelProto, g: GraphProto, r: Random) -> None:
    names = tensors(g)
    kind = r.choice(COMMON if r.random() < 0.6 else OPS)
    try:
        schema = defs.get_schema(kind)
        many, outs = max(schema.min_input, r.randrange(0, 5)), max(1, schema.min_output)
    except Exception:
        many, outs = r.randrange(4), 1
    made = [f"o{r.randrange(10**6)}" for _ in range(outs)]
    n = helper.make_node(kind, [r.choice(names) for _ in range(many)], made)
    g.node.insert(r.randrange(len(g.node) + 1), n)
    after = node_of(g, r)
    if after.input and r.random() < 0.7:
        after.input[r.randrange(len(after.input))] = made[0]


def into_body(m: ModelProto, g: GraphProto, r: Random) -> None:
    """A run of nodes moved into a body of an If or Loop, which captures what it reads."""
    if not g.node:
        return
    a = r.randrange(len(g.node))
    b = min(len(g.node), a + r.randrange(1, 12))
    inside = [NodeProto.FromString(n.SerializeToString()) for n in g.node[a:b]]
    made = [o for n in inside for o in n.output if o][:3]
    body = GraphProto(name="b", node=inside)
    loop = r.random() < 0.4
    if loop:
        for name, t in (("it", 7), ("c", 9)):
            body.input.add(name=name).type.tensor_type.elem_type = t
        body.output.add(name="c")
    for o in made:
        body.output.add(name=o).type.tensor_type.elem_type = 1
    outer = made if r.random() < 0.7 else [f"{o}_" for o in made]
    if loop:
        n = helper.make_node("Loop", ["", ""], outer, body=body)
    else:
        n = helper.make_node("If", [r.choice(tensors(g))], outer, then_branch=body, else_branch=body)
    for _ in range(r.choice((0, 0, 0, 0, 1, 2, 4))):
        n = helper.make_node(
            "If",
            ["cond"],
            outer,
            then_branch=GraphProto(name="w", node=[n], output=body.output if r.random() < 0.5 else []),
        )
    if r.random() < 0.8:
        del g.node[a:b]
    g.node.insert(a, n)


def function(m: ModelProto, g: GraphProto, r: Random) -> None:
    """A run of nodes outlined as a function, that may call itself, be called wrongly or import another opset."""
    if not g.node:
        return
    a = r.randrange(len(g.node))
    b = min(len(g.node), a + r.randrange(1, 8))
    inside = [NodeProto.FromString(n.SerializeToString()) for n in g.node[a:b]]
    made = [o for n in inside for o in n.output if o]
    given = list(dict.fromkeys(i for n in inside for i in n.input if i and i not in made))
    f = m.functions.add(name=f"f{len(m.functions)}", domain="local")
    f.input.extend(given)
    f.output.extend(made[-2:])
    f.node.extend(inside)
    if r.random() < 0.15:
        f.node.append(helper.make_node(f"f{r.randrange(len(m.functions))}", given, made[-1:], domain="local"))
    f.opset_import.add(
        domain="",
        version=r.choice((13, 17, 20, 22, 9, 99))
        if r.random() < 0.4 or not m.opset_import
        else m.opset_import[0].version,
    )
    f.opset_import.add(domain="local", version=1)
    m.opset_import.add(domain="local", version=1)
    if r.random() < 0.2:
        f.attribute.append("alpha")
    call = helper.make_node(f.name, given if r.random() < 0.85 else given[:1], made[-2:], domain="local")
    del g.node[a:b]
    g.node.insert(a, call)


def repeat_nodes(m: ModelProto, g: GraphProto, r: Random) -> None:
    """The nodes of the graph again, behind what they made: a deeper stack."""
    if not 0 < len(g.node) < 80:
        return
    nodes = [NodeProto.FromString(n.SerializeToString()) for n in g.node]
    first = next((i.name for i in g.input), None)
    last = next((o for n in reversed(nodes) for o in n.output if o), None)
    if not first or not last:
        return
    for k in range(r.choice((1, 2, 4, 12))):
        made = {o: f"{o}#{k}" for n in nodes for o in n.output if o}
        for n in nodes:
            c = NodeProto.FromString(n.SerializeToString())
            for at, i in enumerate(c.input):
                c.input[at] = last if i == first else made.get(i, i)
            for at, o in enumerate(c.output):
                c.output[at] = made.get(o, o)
            g.node.append(c)
        last = made.get(last.split("#")[0], last)


def splice(m: ModelProto, other: ModelProto, r: Random) -> None:
    """Nodes, weights and inputs of another model, joined at some tensors."""
    names = tensors(m.graph)
    if not other.graph.node:
        return
    a = r.randrange(len(other.graph.node))
    for n in other.graph.node[a : a + r.randrange(1, 15)]:
        c = m.graph.node.add()
        c.CopyFrom(n)
        for at in range(len(c.input)):
            if r.random() < 0.2:
                c.input[at] = r.choice(names)
    m.graph.initializer.extend(other.graph.initializer[:20])
    if r.random() < 0.5:
        m.functions.extend(other.functions)
