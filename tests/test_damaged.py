"""Graphs with a few nodes changed at random in, findings or one line out: no damage to a model is a bug of reslint."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto, NodeProto
from pages import examples, pages

from reslint.api import check
from reslint.errors import ReslintError

FIXTURES = Path(__file__).parent.parent / "fixtures"
ARITHMETIC = ("Add", "Sum", "Sub", "MatMul", "Gemm", "QLinearAdd", "Where", "Constant", "ConstantOfShape", "Range")
LAYERS = ("Conv", "Relu", "BatchNormalization", "SkipLayerNormalization", "LSTM", "Dropout", "If", "Loop", "Scan")
LAYOUT = ("Concat", "Identity", "Cast", "QuantizeLinear", "DequantizeLinear", "Split", "Reshape", "Gather", "Slice")
DOMAINS = ("", "ai.onnx", "com.microsoft", "reslint.forgiving", "acme")
EXTENTS = (0, 1, 3, -1, 7, 1 << 40)


def models() -> Iterator[ModelProto]:
    """The graphs of all pages, and a few exports."""
    yield from (example.model() for page in pages() for example in examples(page) if "invalid" not in example.words)
    for name in ("resnet18_bn", "bert_small_fused", "loop_ts", "lstm_ts", "gnn", "resnet18_qdq"):
        yield onnx.load(FIXTURES / f"{name}.onnx", load_external_data=False)


def damage(model: ModelProto, chance: random.Random) -> None:
    """Change a node, or the extents of a weight."""
    nodes = list(model.graph.node)
    node = chance.choice(nodes)
    made = ["", *(o for n in nodes for o in n.output)]
    how = chance.randrange(7)
    if how == 0 and node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice(made)
    elif how == 1:
        node.op_type = chance.choice(ARITHMETIC + LAYERS + LAYOUT)
    elif how == 2:
        node.domain = chance.choice(DOMAINS)
    elif how == 3 and model.graph.initializer:
        tensor = chance.choice(model.graph.initializer)
        tensor.dims[:] = [chance.choice((d, *EXTENTS)) for d in tensor.dims]
    else:
        _shortened(node, chance)


def _shortened(node: NodeProto, chance: random.Random) -> None:
    part = chance.choice([part for part in (node.input, node.output, node.attribute) if part] or [[0]])
    del part[chance.randrange(len(part))]


@pytest.mark.parametrize("seed", range(8))
def test_damaged_graphs(seed: int) -> None:
    chance = random.Random(seed)
    for model in models():
        for _ in range(chance.randrange(1, 5)):
            damage(model, chance)
        with suppress(ReslintError):
            check(model, profile="design")
