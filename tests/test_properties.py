"""What changes nothing about a network leaves its anatomy and its findings alone."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.inliner
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from pages import examples, pages

from reslint.anatomy import Anatomy, dissect
from reslint.anatomy.describe.signature import signature
from reslint.anatomy.views.fingerprint import identities
from reslint.anatomy.views.skeleton import skeleton
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.net import from_proto
from reslint.rules import ALL, Settings

FIXTURES = Path(__file__).parent.parent / "fixtures"
NETS = (
    "bert_small",
    "bert_small_ts",
    "bert_small_ort_extended",
    "functions",
    "gnn",
    "highway",
    "llama",
    "loop_ts",
    "lstm_ts",
    "mamba",
    "resnet18",
    "resnet18_bn",
    "resnet18_ort_all",
    "resnet18_qdq",
    "t5",
    "unet",
)
PAGES = tuple(
    (str(example), example.settings, example.model())
    for page in pages()
    for example in examples(page)
    if "invalid" not in example.words
)
PROPERTY = settings(max_examples=60, deadline=None, derandomize=True)


@dataclass(frozen=True)
class Seen:
    """All that may not change: blocks and merges by name, how blocks form stacks, what rules say at which place."""

    blocks: frozenset[tuple[str, str, str, str]]
    merges: frozenset[tuple[str, str]]
    stacks: Counter[tuple[int, int]]
    signature: str
    findings: frozenset[tuple[str, str]]
    identities: Counter[str]
    fingerprints: frozenset[str]


def look(model: ModelProto, configured: Settings | None = None, original: Callable[[str], str] = str) -> Seen:
    """What reslint sees in a model, its names taken back to the original's."""
    anatomy = dissect(from_proto(model, FIXTURES / "model.onnx"))
    found = tuple(lint(anatomy, ALL, configured or Settings("design"), "model.onnx", Confidence.POSSIBLE))
    return Seen(
        frozenset((original(b.merge.id), str(b.kind), str(b.normalization), str(signature(b))) for b in anatomy.blocks),
        frozenset((original(m.op.id), str(m.role)) for m in anatomy.merges),
        Counter((len(s.blocks), s.period) for s in anatomy.stacks),
        skeleton(anatomy),
        frozenset((original(f.tensor), f.rule) for f in found),
        Counter(identities(anatomy.blocks)),
        frozenset(f.fingerprint for f in found),
    )


def loaded(name: str) -> ModelProto:
    return onnx.load(FIXTURES / f"{name}.onnx", load_external_data=False)


def copied(model: ModelProto) -> ModelProto:
    other = ModelProto()
    other.CopyFrom(model)
    return other


def graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The graph of a model and all graphs inside it."""
    todo = [model.graph]
    while todo:
        graph = todo.pop()
        yield graph
        todo += [a.g for node in graph.node for a in node.attribute if a.type == AttributeProto.GRAPH]


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest) -> ModelProto:
    return loaded(str(request.param))


def refilled(graph: GraphProto, nodes: list[NodeProto]) -> None:
    kept = [NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def renamed(model: ModelProto) -> tuple[ModelProto, Callable[[str], str]]:
    """All tensors and nodes under other names, the same in all graphs; and the way back."""
    other = copied(model)
    names: dict[str, str] = {}

    def new(name: str) -> str:
        return names.setdefault(name, f"t{len(names)}") if name else ""

    for graph in graphs(other):
        for value in (*graph.input, *graph.output, *graph.value_info):
            value.name = new(value.name)
        for tensor in graph.initializer:
            tensor.name = new(tensor.name)
        for at, node in enumerate(graph.node):
            node.name = f"n{at}"
            inputs, outputs = [new(i) for i in node.input], [new(o) for o in node.output]
            del node.input[:], node.output[:]
            node.input.extend(inputs)
            node.output.extend(outputs)
    back = {n: name for name, n in names.items()}
    return other, lambda name: back.get(name, name)


def reordered(model: ModelProto, chance: random.Random) -> ModelProto:
    """The nodes in another topological order, drawn at random."""
    other = copied(model)
    for graph in graphs(other):
        made = {o: at for at, n in enumerate(graph.node) for o in n.output if o}
        needs = [{made[i] for i in _read(n) if i in made} for n in graph.node]
        order: list[NodeProto] = []
        ready = [at for at, need in enumerate(needs) if not need]
        while ready:
            at = ready.pop(chance.randrange(len(ready)))
            order.append(graph.node[at])
            for after, need in enumerate(needs):
                if at in need:
                    need.remove(at)
                    if not need:
                        ready.append(after)
        assert len(order) == len(graph.node)
        refilled(graph, order)
    return other


def _read(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for a in node.attribute:
        if a.type == AttributeProto.GRAPH:
            for inner in a.g.node:
                yield from _read(inner)
            yield from (o.name for o in a.g.output)


def on_edges(model: ModelProto, edges: list[tuple[int, int]], *kinds: tuple[str, int]) -> ModelProto:
    """The model with ops in a row on some edges, given by node and input."""
    other = copied(model)
    nodes = list(other.graph.node)
    before: dict[int, list[NodeProto]] = {}
    for at, k in edges:
        name = nodes[at].input[k]
        for step, (kind, to) in enumerate(kinds):
            made = f"{name}.{at}.{k}.{step}"
            node = helper.make_node(kind, [name], [made])
            node.attribute.extend([helper.make_attribute("to", to)] if to else [])
            before.setdefault(at, []).append(node)
            name = made
        nodes[at].input[k] = name
    refilled(other.graph, [n for at, node in enumerate(nodes) for n in (*before.get(at, ()), node)])
    return other


def edges_of(model: ModelProto, *types: int) -> list[tuple[int, int]]:
    """Edges between nodes that carry data, of the given element types only."""
    net = from_proto(model, FIXTURES / "model.onnx")
    made = {o for n in model.graph.node for o in n.output}
    return [
        (at, k)
        for at, node in enumerate(model.graph.node)
        for k, name in enumerate(node.input)
        if name in made and net.is_data(name) and (not types or net.value(name).type in types)
    ]


def swapped(model: ModelProto) -> ModelProto:
    """The inputs of every sum and product the other way round."""
    other = copied(model)
    for graph in graphs(other):
        for node in graph.node:
            if node.op_type in ("Add", "Mul") and not node.domain:
                first, second = node.input
                node.input[0], node.input[1] = second, first
    return other


def outlined(model: ModelProto, first: int, last: int) -> ModelProto:
    """Some nodes in a row as a function that is called once."""
    other = copied(model)
    nodes = list(other.graph.node)
    inside, around = nodes[first:last], [*nodes[:first], *nodes[last:]]
    made = {o for n in inside for o in n.output if o}
    given = list(dict.fromkeys(i for n in inside for i in n.input if i and i not in made))
    read = {i for n in around for i in n.input} | {o.name for o in other.graph.output}
    results = [o for n in inside for o in n.output if o in read]
    function = FunctionProto(name="part", domain="local", input=given, output=results, node=inside)
    function.opset_import.extend(other.opset_import)
    other.functions.append(function)
    other.opset_import.add(domain="local", version=1)
    call = helper.make_node("part", given, results, domain="local")
    refilled(other.graph, [*nodes[:first], call, *nodes[last:]])
    return other


def unfolded(model: ModelProto, names: list[str]) -> ModelProto:
    """The model with some weights as an exporter leaves them that folds nothing: stored the other way round, and transposed."""
    other = copied(model)
    before: list[NodeProto] = []
    for tensor in other.graph.initializer:
        if tensor.name in names:
            made, tensor.name = tensor.name, f"{tensor.name}.stored"
            order = list(range(len(tensor.dims)))[::-1]
            if tensor.data_location == TensorProto.EXTERNAL:
                tensor.dims[:] = [tensor.dims[k] for k in order]
            else:
                values = numpy_helper.to_array(tensor).transpose(order)
                tensor.CopyFrom(numpy_helper.from_array(values.copy(), tensor.name))
            before.append(helper.make_node("Transpose", [tensor.name], [made], perm=order))
    refilled(other.graph, [*before, *other.graph.node])
    return other


def weights_of(model: ModelProto) -> list[str]:
    """The weights of a model that are no input of it, too."""
    inputs = {value.name for value in model.graph.input}
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16)
    return [t.name for t in model.graph.initializer if t.data_type in floats and t.dims and t.name not in inputs]


def outside(name: str) -> str:
    """A tensor's name before a function was put in place of its call, which numbers the names inside."""
    return re.sub(r"__\d+$", "", name)


class TestFixtures:
    """Each of several real exports, changed in a way that doesn't matter."""

    def test_renamed(self, net: ModelProto) -> None:
        other, back = renamed(net)
        assert look(other, original=back) == look(net)

    def test_reordered(self, net: ModelProto) -> None:
        assert look(reordered(net, random.Random(7))) == look(net)

    def test_identity_on_edges(self, net: ModelProto) -> None:
        edges = random.Random(7).sample(every := edges_of(net), len(every) // 2)
        assert look(on_edges(net, edges, ("Identity", 0))) == look(net)

    def test_cast_to_double_and_back_on_edges(self, net: ModelProto) -> None:
        every = edges_of(net, TensorProto.FLOAT)
        edges = random.Random(7).sample(every, len(every) // 4)
        before = look(net)
        after = look(on_edges(net, edges, ("Cast", TensorProto.DOUBLE), ("Cast", TensorProto.FLOAT)))
        assert {b[:3] for b in after.blocks} == {b[:3] for b in before.blocks}
        assert after.signature == before.signature

    def test_constants_that_nobody_folded(self, net: ModelProto) -> None:
        assert look(unfolded(net, weights_of(net))) == look(net)

    def test_sums_the_other_way_round(self, net: ModelProto) -> None:
        assert look(swapped(net)) == look(net)

    def test_unused_branch(self, net: ModelProto) -> None:
        other = copied(net)
        at, k = edges_of(net)[0] if edges_of(net) else (0, 0)
        stream = net.graph.node[at].input[k]
        other.graph.node.append(helper.make_node("Relu", [stream], ["unused.a"]))
        other.graph.node.append(helper.make_node("Sigmoid", ["unused.a"], ["unused.b"]))
        after, before = look(other), look(net)
        assert (after.blocks, after.stacks, after.signature) == (before.blocks, before.stacks, before.signature)
        assert after.findings == before.findings

    def test_outlined(self, net: ModelProto) -> None:
        size = len(net.graph.node)
        assert look(outlined(net, size // 4, size // 2), original=outside) == look(net)

    def test_inlined(self) -> None:
        model = loaded("functions")
        assert model.functions
        assert look(onnx.inliner.inline_local_functions(model)) == look(model)


PAIRS = (
    ("resnet18", "resnet18_ts"),
    ("bert_small", "bert_small_ts"),
    ("resnet18", "resnet18_ort_basic"),
    ("resnet18", "resnet18_ort_all"),
    ("resnet18", "resnet18_qdq"),
    ("resnet18", "resnet18_qoperator"),
    ("bert_small_ts", "bert_small_ort_basic"),
    ("bert_small_ts", "bert_small_ort_extended"),
    ("bert_small_ts", "bert_small_fp16"),
    ("bert_small_ts", "bert_small_fused"),
    ("resnet18", "resnet18_ort_extended"),
    ("bert_small_ts", "bert_small_ort_all"),
    ("bert_small_ts", "bert_small_int8"),
    ("llama", "llama_fp16"),
    ("llama", "llama_int4"),
    ("llama", "llama_opset23"),
)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_one_network_in_two_forms(one: str, other: str) -> None:
    """The same network through two exporters, optimizers, quantizers and precisions."""

    def rows(anatomy: Anatomy) -> list[tuple[str, str, int, int]]:
        return [(str(b.kind), str(b.normalization), b.depth, b.stack) for b in anatomy.blocks]

    a, b = (dissect(from_proto(loaded(name), FIXTURES / "model.onnx")) for name in (one, other))
    assert rows(a) == rows(b)
    assert skeleton(a) == skeleton(b)
    assert [(len(s.blocks), s.period) for s in a.stacks] == [(len(s.blocks), s.period) for s in b.stacks]
    assert (a.depth.weighted, a.depth.residual) == (b.depth.weighted, b.depth.residual)
    assert identities(a.blocks) == identities(b.blocks)


class TestPages:
    """The graphs of the pages, with findings that must stay where they are."""

    @pytest.mark.parametrize(("name", "configured", "model"), PAGES, ids=[name for name, _, _ in PAGES])
    def test_renamed_and_the_other_way_round(self, name: str, configured: Settings, model: ModelProto) -> None:
        other, back = renamed(onnx.inliner.inline_local_functions(model))
        assert look(swapped(other), configured, back) == look(model, configured)

    @PROPERTY
    @given(page=st.sampled_from(PAGES), seed=st.integers(0, 99))
    def test_reordered(self, page: tuple[str, Settings, ModelProto], seed: int) -> None:
        _, configured, model = page
        model = onnx.inliner.inline_local_functions(model)
        assert look(reordered(model, random.Random(seed)), configured) == look(model, configured)

    @PROPERTY
    @given(page=st.sampled_from(PAGES), data=st.data())
    def test_identity_on_edges(self, page: tuple[str, Settings, ModelProto], data: st.DataObject) -> None:
        _, configured, model = page
        model = onnx.inliner.inline_local_functions(model)
        every = edges_of(model)
        edges = data.draw(st.lists(st.sampled_from(every), unique=True)) if every else []
        assert look(on_edges(model, edges, ("Identity", 0)), configured) == look(model, configured)

    @PROPERTY
    @given(page=st.sampled_from(PAGES), data=st.data())
    def test_constants_that_nobody_folded(self, page: tuple[str, Settings, ModelProto], data: st.DataObject) -> None:
        _, configured, model = page
        every = weights_of(model)
        names = data.draw(st.lists(st.sampled_from(every), unique=True)) if every else []
        assert look(unfolded(model, names), configured) == look(model, configured)

    @PROPERTY
    @given(page=st.sampled_from(PAGES), data=st.data())
    def test_outlined(self, page: tuple[str, Settings, ModelProto], data: st.DataObject) -> None:
        _, configured, model = page
        model, _ = renamed(onnx.inliner.inline_local_functions(model))  # names that no inlining has numbered yet
        first = data.draw(st.integers(0, len(model.graph.node) - 1))
        last = data.draw(st.integers(first + 1, len(model.graph.node)))
        assert look(outlined(model, first, last), configured, outside) == look(model, configured)
