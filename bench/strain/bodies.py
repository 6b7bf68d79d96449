"""Bodies and functions, one in the other or one after the other."""

from __future__ import annotations

from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

from strain.draw import F, generator, model, n


@generator(2, 4, 6, 8, 10, 12, 14, 16, 18, 20)
def nested_if(k: int) -> ModelProto:
    g = helper.make_graph([n("Relu", ["x"], "y0")], "b", [], [helper.make_tensor_value_info("y0", F, None)])
    for i in range(k):
        g = helper.make_graph(
            [
                n(
                    "If",
                    ["c"],
                    f"y{i + 1}",
                    then_branch=g,
                    else_branch=helper.make_graph(
                        [n("Relu", ["x"], f"z{i}")], "e", [], [helper.make_tensor_value_info(f"z{i}", F, None)]
                    ),
                )
            ],
            "b",
            [],
            [helper.make_tensor_value_info(f"y{i + 1}", F, None)],
        )
    return model(list(g.node), [f"y{k}"], inputs=(("x", F, [1, 8]), ("c", TensorProto.BOOL, [])))


@generator(2, 4, 6, 8, 10, 12, 14, 16, 18, 20)
def nested_loop(k: int) -> ModelProto:
    def value(name, t=F, shape=None):
        return helper.make_tensor_value_info(name, t, shape)

    node = n("Relu", ["v0"], "y0")
    for i in range(k):
        body = helper.make_graph(
            [node, n("Identity", [f"c{i}"], f"d{i}")],
            "b",
            [value(f"i{i}", 7, []), value(f"c{i}", 9, []), value(f"v{i}")],
            [value(f"d{i}", 9), value(f"y{i}")],
        )
        node = n("Loop", ["t", "c", f"v{i + 1}" if i < k - 1 else "x"], f"y{i + 1}", body=body)
    return model([node], [f"y{k}"], inputs=(("x", F, [1, 8]), ("c", 9, []), ("t", 7, [])))


def _branch(t: str, kind: str, x: str, i: int) -> GraphProto:
    nodes = [n(kind, [x], f"{t}{i}"), n("Add", [x, f"{t}{i}"], f"{t}{t}{i}")]
    return helper.make_graph(nodes, t, [], [helper.make_tensor_value_info(f"{t}{t}{i}", F, None)])


@generator(250, 1000, 4000)
def chain_of_if(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out.append(
            n("If", ["c"], f"y{i}", then_branch=_branch("p", "Relu", x, i), else_branch=_branch("q", "Tanh", x, i))
        )
        x = f"y{i}"
    return model(out, [x], inputs=(("x", F, [1, 8]), ("c", 9, [])))


@generator(250, 1000, 4000)
def chain_of_loop(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        body = helper.make_graph(
            [n("Relu", ["v"], "r"), n("Add", ["v", "r"], "o"), n("Identity", ["cc"], "d")],
            "b",
            [
                helper.make_tensor_value_info("it", 7, []),
                helper.make_tensor_value_info("cc", 9, []),
                helper.make_tensor_value_info("v", F, None),
            ],
            [helper.make_tensor_value_info("d", 9, []), helper.make_tensor_value_info("o", F, None)],
        )
        out.append(n("Loop", ["t", "c", x], f"y{i}", body=body))
        x = f"y{i}"
    return model(out, [x], inputs=(("x", F, [1, 8]), ("c", 9, []), ("t", 7, [])))


def _f(name: str, nodes: list[NodeProto]) -> FunctionProto:
    imported = [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, ["a"], ["b"], nodes, imported)


@generator(8, 12, 16, 18)
def laughs(k: int) -> ModelProto:
    """Functions, each of which calls the one before twice."""

    fs = [_f("f0", [n("Relu", ["a"], "b")])]
    for i in range(1, k + 1):
        fs.append(_f(f"f{i}", [n(f"f{i - 1}", ["a"], "t", domain="local"), n(f"f{i - 1}", ["t"], "b", domain="local")]))
    return model([n(f"f{k}", ["x"], "y", domain="local")], ["y"], functions=fs, domains=("local",))


@generator(500, 2000, 8000)
def calls_of_a_function(k: int) -> ModelProto:
    f = helper.make_function(
        "local", "f", ["a"], ["b"], [n("Relu", ["a"], "t"), n("Add", ["a", "t"], "b")], [helper.make_opsetid("", 20)]
    )
    return model(
        [n("f", [f"x{i}" if i else "x"], f"x{i + 1}", domain="local") for i in range(k)],
        [f"x{k}"],
        functions=(f,),
        domains=("local",),
    )


@generator(250, 1000, 4000)
def functions_each_called_once(k: int) -> ModelProto:
    fs = [
        helper.make_function(
            "local",
            f"f{i}",
            ["a"],
            ["b"],
            [n("Relu", ["a"], "t"), n("Add", ["a", "t"], "b")],
            [helper.make_opsetid("", 20)],
        )
        for i in range(k)
    ]
    return model(
        [n(f"f{i}", [f"x{i}" if i else "x"], f"x{i + 1}", domain="local") for i in range(k)],
        [f"x{k}"],
        functions=fs,
        domains=("local",),
    )


@generator(100, 200, 400)
def functions_nested(k: int) -> ModelProto:
    fs = [helper.make_function("local", "f0", ["a"], ["b"], [n("Relu", ["a"], "b")], [helper.make_opsetid("", 20)])]
    fs += [
        helper.make_function(
            "local",
            f"f{i}",
            ["a"],
            ["b"],
            [n(f"f{i - 1}", ["a"], "t", domain="local"), n("Add", ["a", "t"], "b")],
            [helper.make_opsetid("", 20), helper.make_opsetid("local", 1)],
        )
        for i in range(1, k)
    ]
    return model([n(f"f{k - 1}", ["x"], "y", domain="local")], ["y"], functions=fs, domains=("local",))
