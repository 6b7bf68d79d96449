"""Merges of many tensors, and skips that span, cross or hold each other."""

from __future__ import annotations

from onnx import ModelProto

from strain.draw import F, W, generator, model, n


@generator(2000, 8000, 32000)
def wide_sum(k: int) -> ModelProto:
    return model(
        [*(n("Relu", ["x"], f"r{i}") for i in range(k)), n("Sum", ["x", *(f"r{i}" for i in range(k))], "y")], ["y"]
    )


@generator(2000, 8000, 32000)
def sum_of_all_in_chain(k: int) -> ModelProto:
    return model(
        [
            *(n("Relu", [f"r{i - 1}" if i else "x"], f"r{i}") for i in range(k)),
            n("Sum", [f"r{i}" for i in range(k)], "y"),
        ],
        ["y"],
    )


@generator(2000, 8000, 32000)
def concat_of_all_in_chain(k: int) -> ModelProto:
    return model(
        [
            *(n("Relu", [f"r{i - 1}" if i else "x"], f"r{i}") for i in range(k)),
            n("Concat", [f"r{i}" for i in range(k)], "y", axis=1),
        ],
        ["y"],
    )


@generator(1000, 4000, 16000)
def parallel_shortcuts(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("Relu", ["x"], f"r{i}"), n("Add", [x, f"r{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x])


@generator(500, 2000, 8000)
def nested_skips(k: int) -> ModelProto:
    """An encoder of k ops, a decoder of k sums, each with its level of the encoder."""
    out = [n("Relu", [f"e{i - 1}" if i else "x"], f"e{i}") for i in range(k)]
    x = f"e{k - 1}"
    for i in reversed(range(k - 1)):
        out += [n("Tanh", [x], f"t{i}"), n("Add", [f"t{i}", f"e{i}"], f"d{i}")]
        x = f"d{i}"
    return model(out, [x])


@generator(500, 2000, 8000)
def nested_skips_learned(k: int) -> ModelProto:
    out = [n("MatMul", [f"e{i - 1}" if i else "x", "w"], f"e{i}") for i in range(k)]
    x = f"e{k - 1}"
    for i in reversed(range(k - 1)):
        out += [n("MatMul", [x, "w"], f"t{i}"), n("Add", [f"t{i}", f"e{i}"], f"d{i}")]
        x = f"d{i}"
    return model(out, [x], weights=(W,))


@generator(500, 2000, 8000)
def skip_of_100(k: int) -> ModelProto:
    out, held = [], ["x"]
    for i in range(k):
        out += [n("MatMul", [held[-1], "w"], f"r{i}"), n("Add", [f"r{i}", held[max(0, len(held) - 100)]], f"y{i}")]
        held.append(f"y{i}")
    return model(out, [held[-1]], weights=(W,))


@generator(500, 2000, 8000)
def skip_half_way(k: int) -> ModelProto:
    out, held = [], ["x"]
    for i in range(k):
        out += [n("MatMul", [held[-1], "w"], f"r{i}"), n("Add", [f"r{i}", held[len(held) // 2]], f"y{i}")]
        held.append(f"y{i}")
    return model(out, [held[-1]], weights=(W,))


@generator(500, 2000, 8000)
def input_into_each(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("MatMul", [x, "w"], f"a{i}"), n("Add", [x, f"a{i}"], f"b{i}"), n("Add", [f"b{i}", "x"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(500, 2000, 8000)
def ladder(k: int) -> ModelProto:
    out, a, b = [], "x", "x2"
    for i in range(k):
        out += [
            n("MatMul", [b, "w"], f"f{i}"),
            n("Add", [a, f"f{i}"], f"a{i}"),
            n("MatMul", [f"a{i}", "w"], f"g{i}"),
            n("Add", [b, f"g{i}"], f"b{i}"),
        ]
        a, b = f"a{i}", f"b{i}"
    return model([*out, n("Add", [a, b], "y")], ["y"], inputs=(("x", F, [1, 8]), ("x2", F, [1, 8])), weights=(W,))


@generator(500, 2000, 8000)
def diamonds(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("Relu", [x], f"a{i}"), n("Tanh", [x], f"b{i}"), n("Add", [f"a{i}", f"b{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x])


@generator(500, 2000, 8000)
def mesh(k: int) -> ModelProto:
    """Three rails that all read each other."""
    rails = ["x", "x2", "x3"]
    out = []
    for i in range(k):
        new = []
        for j in range(3):
            out += [n("MatMul", [rails[(j + 1) % 3], "w"], f"m{i}_{j}"), n("Sum", [*rails, f"m{i}_{j}"], f"s{i}_{j}")]
            new.append(f"s{i}_{j}")
        rails = new
    return model(
        [*out, n("Sum", rails, "y")], ["y"], inputs=tuple((a, F, [1, 8]) for a in ("x", "x2", "x3")), weights=(W,)
    )


@generator(250, 1000, 4000)
def dense_chain(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("MatMul", ["x", "w"], f"q{i}"), n("Relu", [x], f"r{i}"), n("Concat", [x, f"q{i}"], f"y{i}", axis=1)]
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(60, 120, 240)
def dense_of_all(k: int) -> ModelProto:
    out, held = [], ["x"]
    for i in range(k):
        out += [n("Concat", held, f"c{i}", axis=1), n("Relu", [f"c{i}"], f"r{i}"), n("ReduceMean", [f"r{i}"], f"y{i}")]
        held.append(f"y{i}")
    return model([*out, n("Concat", held, "y", axis=1)], ["y"])


@generator(1000, 4000, 16000)
def fan_out_blocks(k: int) -> ModelProto:
    out = []
    for i in range(k):
        out += [n("MatMul", ["x", "w"], f"r{i}"), n("Add", ["x", f"r{i}"], f"y{i}")]
    return model(out, [f"y{i}" for i in range(k)], weights=(W,))


@generator(100, 400, 1600)
def nested_blocks(k: int) -> ModelProto:
    """Each block's branch holds the next block: k skips, one in the other."""
    out = [n("MatMul", [f"a{i - 1}" if i else "x", "w"], f"a{i}") for i in range(k)]
    x = f"a{k - 1}"
    for i in reversed(range(k)):
        out += [n("MatMul", [x, "w"], f"b{i}"), n("Add", [f"b{i}", f"a{i - 1}" if i else "x"], f"c{i}")]
        x = f"c{i}"
    return model(out, [x], weights=(W,))


@generator(100, 400, 1600)
def wide_blocks(k: int) -> ModelProto:
    """A block whose branch is a sum of k branches, ten times."""
    out, x = [], "x"
    for i in range(10):
        out += [n("MatMul", [x, "w"], f"m{i}_{j}") for j in range(k)]
        z = f"m{i}_0"
        for j in range(1, k):
            out.append(n("Add", [z, f"m{i}_{j}"], f"s{i}_{j}"))
            z = f"s{i}_{j}"
        out.append(n("Add", [x, z], f"y{i}"))
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(20, 40, 80)
def hyper(k: int) -> ModelProto:
    """k streams, k layers, each stream reads them all."""
    rails = [f"x{j}" for j in range(k)]
    out = []
    for i in range(k):
        out += [n("Sum", rails, f"u{i}"), n("MatMul", [f"u{i}", "w"], f"m{i}")]
        out += [n("Add", [rails[j], f"m{i}"], f"s{i}_{j}") for j in range(k)]
        rails = [f"s{i}_{j}" for j in range(k)]
    return model(
        [*out, n("Sum", rails, "y")], ["y"], inputs=tuple((f"x{j}", F, [1, 8]) for j in range(k)), weights=(W,)
    )


@generator(500, 2000, 8000)
def split_and_concat(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("Split", [x], [f"a{i}", f"b{i}"], axis=1, num_outputs=2),
            n("Relu", [f"b{i}"], f"c{i}"),
            n("Add", [f"a{i}", f"c{i}"], f"d{i}"),
            n("Concat", [f"d{i}", f"b{i}"], f"y{i}", axis=1),
        ]
        x = f"y{i}"
    return model(out, [x])
