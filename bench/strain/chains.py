"""Chains: blocks one after the other, names, weights and no-ops in large numbers."""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, helper

from strain.draw import F, S, W, generator, model, n


@generator(2000, 8000, 32000)
def plain_chain(k: int) -> ModelProto:
    return model([n("Relu", [f"x{i}" if i else "x"], f"x{i + 1}") for i in range(k)], [f"x{k}"])


@generator(1000, 4000, 16000)
def residual_chain(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("Relu", [x], f"r{i}"), n("Add", [x, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x])


@generator(500, 2000, 8000)
def matmul_norm_blocks(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("LayerNormalization", [x, "s"], f"a{i}"),
            n("MatMul", [f"a{i}", "w"], f"b{i}"),
            n("Relu", [f"b{i}"], f"c{i}"),
            n("MatMul", [f"c{i}", "w"], f"d{i}"),
            n("Add", [x, f"d{i}"], f"y{i}"),
        ]
        x = f"y{i}"
    return model(out, [x], weights=(W, S))


@generator(500, 2000, 8000)
def gates(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("MatMul", [x, "w"], f"a{i}"),
            n("Sigmoid", [f"a{i}"], f"g{i}"),
            n("Sub", ["one", f"g{i}"], f"h{i}"),
            n("MatMul", [x, "w"], f"b{i}"),
            n("Mul", [x, f"h{i}"], f"p{i}"),
            n("Mul", [f"b{i}", f"g{i}"], f"q{i}"),
            n("Add", [f"p{i}", f"q{i}"], f"y{i}"),
        ]
        x = f"y{i}"
    return model(out, [x], weights=(W, helper.make_tensor("one", F, [], [1.0])))


@generator(1000, 4000, 16000)
def many_outputs(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("Relu", [x], f"r{i}"), n("Add", [x, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [f"y{i}" for i in range(k)])


@generator(2000, 8000, 32000)
def identities(k: int) -> ModelProto:
    return model(
        [
            *(n("Identity", [f"x{i}" if i else "x"], f"x{i + 1}") for i in range(k)),
            n("Relu", [f"x{k}"], "r"),
            n("Add", ["r", "x"], "y"),
        ],
        ["y"],
    )


@generator(500, 2000, 8000)
def identities_between(k: int) -> ModelProto:
    """Blocks whose branch and shortcut go through k no-ops altogether."""
    out, x = [], "x"
    for i in range(k // 20):
        z = x
        for j in range(20):
            out.append(n("Identity", [z], f"i{i}_{j}"))
            z = f"i{i}_{j}"
        out += [n("MatMul", [z, "w"], f"r{i}"), n("Add", [z, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(500, 2000, 8000)
def quantized_pairs(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("QuantizeLinear", [x, "sc", "zp"], f"q{i}"),
            n("DequantizeLinear", [f"q{i}", "sc", "zp"], f"d{i}"),
            n("MatMul", [f"d{i}", "w"], f"m{i}"),
            n("Add", [f"m{i}", f"d{i}"], f"y{i}"),
        ]
        x = f"y{i}"
    return model(
        out,
        [x],
        weights=(W, helper.make_tensor("sc", F, [], [0.1]), helper.make_tensor("zp", TensorProto.INT8, [], [0])),
    )


@generator(1000, 4000, 16000)
def constants_chained(k: int) -> ModelProto:
    out = [n("Add", [f"c{i}" if i else "s", "s"], f"c{i + 1}") for i in range(k)]
    return model(
        [*out, n("Add", ["x", f"c{k}"], "a"), n("Relu", ["a"], "r"), n("Add", ["x", "r"], "y")], ["y"], weights=(S,)
    )


@generator(500, 2000, 8000)
def constant_branches(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("Mul", ["s", "s"], f"c{i}"), n("Mul", [x, f"c{i}"], f"p{i}"), n("Add", [x, f"p{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=(S,))


@generator(1000, 4000, 16000)
def backwards(k: int) -> ModelProto:
    m = residual_chain(k)
    kept = [NodeProto.FromString(a.SerializeToString()) for a in reversed(m.graph.node)]
    del m.graph.node[:]
    m.graph.node.extend(kept)
    return m


@generator(1000, 4000, 16000)
def weights_many(k: int) -> ModelProto:
    out, x = [], "x"
    ws = []
    for i in range(k):
        ws.append(helper.make_tensor(f"w{i}", F, [8, 8], b"\0" * 256, raw=True))
        out += [n("MatMul", [x, f"w{i}"], f"r{i}"), n("Add", [x, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=ws)


@generator(500, 2000, 8000)
def external_many(k: int) -> ModelProto:
    m = weights_many(k)
    for i, t in enumerate(m.graph.initializer):
        t.ClearField("raw_data")
        t.data_location = 1
        t.external_data.add(key="location", value=f"w{i}.bin")
    return m


@generator(200, 800, 3200)
def broken_blocks(k: int) -> ModelProto:
    """A finding at each block: the branch is stretched, each time otherwise."""
    out, x = [], "x"
    for i in range(k):
        out += [n("MatMul", [x, "v"], f"r{i}"), n("Add", [x, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=(helper.make_tensor("v", F, [8, 1], [0.1] * 8),))


@generator(200, 800, 3200)
def clashing_blocks(k: int) -> ModelProto:
    """A sum at each block that can't be."""
    out, x = [], "x"
    for i in range(k):
        out += [n("MatMul", [x, "v"], f"r{i}"), n("Add", [x, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=(helper.make_tensor("v", F, [8, 3], [0.1] * 24),))


@generator(200, 800, 3200)
def distinct_blocks(k: int) -> ModelProto:
    """No two blocks are alike, so that each has a signature of its own."""
    kinds = ("Relu", "Tanh", "Sigmoid", "Softmax", "Exp", "Neg", "Abs", "Sqrt")
    out, x = [], "x"
    for i in range(k):
        z = x
        for j in range(6):
            out.append(n(kinds[(i >> (3 * j)) % 8], [z], f"t{i}_{j}"))
            z = f"t{i}_{j}"
        out += [n("MatMul", [z, "w"], f"m{i}"), n("Add", [x, f"m{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(100, 400, 1600)
def long_branches(k: int) -> ModelProto:
    """Ten blocks with branches of k ops."""
    out, x = [], "x"
    for i in range(10):
        z = x
        for j in range(k):
            out.append(n("MatMul" if j % 2 else "Relu", [z, "w"] if j % 2 else [z], f"t{i}_{j}"))
            z = f"t{i}_{j}"
        out.append(n("Add", [x, z], f"y{i}"))
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(500, 2000, 8000)
def names_nested(k: int) -> ModelProto:
    """Module names of up to 60 levels."""
    m = matmul_norm_blocks(k)
    for i, node in enumerate(m.graph.node):
        node.name = "/" + "/".join(f"m.{(i >> j) % 7}" for j in range(30)) + f"/op_{i}"
    return m


@generator(500, 2000, 8000)
def traces(k: int) -> ModelProto:
    m = residual_chain(k)
    for i, node in enumerate(m.graph.node):
        node.metadata_props.add(
            key="pkg.torch.onnx.stack_trace",
            value="\n".join(f'File "/a/b{j}.py", line {i}, in forward\n  x = x + y' for j in range(6)),
        )
        node.metadata_props.add(
            key="pkg.torch.onnx.name_scopes", value=str(["", f"layers.{i // 10}", f"layers.{i // 10}.mlp", f"add_{i}"])
        )
    return m


@generator(5, 20, 80)
def one_huge_name(k: int) -> ModelProto:
    """Blocks whose tensor names have 10 kB each."""
    out, x = [], "x"
    for i in range(k):
        r, y = "r" * 10_000 + str(i), "y" * 10_000 + str(i)
        out += [n("MatMul", [x, "v"], r), n("Add", [x, r], y)]
        x = y
    return model(out, [x], weights=(helper.make_tensor("v", F, [8, 1], [0.1] * 8),))
