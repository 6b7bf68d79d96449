"""Shapes of many axes and symbols, and operators that compute them."""

from __future__ import annotations

from onnx import ModelProto, helper

from strain.draw import F, W, generator, model, n


@generator(500, 2000, 8000)
def shape_gather_concat_reshape(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("Shape", [x], f"s{i}"),
            n("Gather", [f"s{i}", "zero"], f"g{i}", axis=0),
            n("Unsqueeze", [f"g{i}", "axes"], f"u{i}"),
            n("Concat", [f"u{i}", "minus"], f"c{i}", axis=0),
            n("Reshape", [x, f"c{i}"], f"y{i}"),
        ]
        x = f"y{i}"
    ints = [helper.make_tensor(a, 7, d, v) for a, d, v in (("zero", [], [0]), ("axes", [1], [0]), ("minus", [1], [-1]))]
    return model(out, [x], inputs=(("x", F, ["batch", 8]),), weights=ints)


@generator(250, 1000, 4000)
def shapes_multiplied(k: int) -> ModelProto:
    """A dimension that is a product of k symbols."""
    out, d = [], "d0"
    out.append(n("Shape", ["x"], "d0"))
    for i in range(k):
        out += [n("Mul", [d, "d0"], f"d{i + 1}")]
        d = f"d{i + 1}"
    out += [n("Expand", ["one", d], "y")]
    return model(out, ["y"], inputs=(("x", F, ["a", "b"]),), weights=(helper.make_tensor("one", F, [1], [1.0]),))


@generator(250, 1000, 4000)
def concat_of_symbols(k: int) -> ModelProto:
    """The first axis is the sum of k symbols, again and again."""
    out, x = [], "x0"
    for i in range(1, k):
        out += [n("Concat", [x, f"x{i}"], f"y{i}", axis=0), n("Relu", [f"y{i}"], f"r{i}")]
        x = f"r{i}"
    return model(out, [x], inputs=tuple((f"x{i}", F, [f"s{i}", 8]) for i in range(k)))


@generator(500, 2000, 8000)
def einsums(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [n("Einsum", [x, "w"], f"e{i}", equation="ij,jk->ik"), n("Add", [x, f"e{i}"], f"y{i}")]
        x = f"y{i}"
    return model(out, [x], inputs=(("x", F, ["n", 8]),), weights=(W,))


@generator(1000, 4000, 16000)
def attribute_ints(k: int) -> ModelProto:
    """A Reshape to k dimensions, and sums of such tensors."""
    return model(
        [n("Reshape", ["x", "t"], "a"), n("Relu", ["a"], "b"), n("Add", ["a", "b"], "y")],
        ["y"],
        weights=(helper.make_tensor("t", 7, [k], [1] * (k - 1) + [8]),),
    )


@generator(250, 1000, 4000)
def where_merges(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("MatMul", [x, "w"], f"m{i}"),
            n("Greater", [f"m{i}", x], f"g{i}"),
            n("Where", [f"g{i}", x, f"m{i}"], f"y{i}"),
        ]
        x = f"y{i}"
    return model(out, [x], weights=(W,))


@generator(250, 1000, 4000)
def attention_blocks(k: int) -> ModelProto:
    out, x = [], "x"
    for i in range(k):
        out += [
            n("MatMul", [x, "w"], f"q{i}"),
            n("MatMul", [x, "w"], f"k{i}"),
            n("MatMul", [x, "w"], f"v{i}"),
            n("Transpose", [f"k{i}"], f"t{i}", perm=[1, 0]),
            n("MatMul", [f"q{i}", f"t{i}"], f"a{i}"),
            n("Softmax", [f"a{i}"], f"p{i}"),
            n("MatMul", [f"p{i}", f"v{i}"], f"o{i}"),
            n("Add", [x, f"o{i}"], f"y{i}"),
        ]
        x = f"y{i}"
    return model(out, [x], inputs=(("x", F, ["n", 8]),), weights=(W,))
