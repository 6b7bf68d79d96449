"""Files in, nets or one line out: triage, skimming, external data, folding, what is seen through, bodies; and damaged files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import SOUND, Write, parsed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, numpy_helper

import reslint
from reslint.errors import NotFetched, ReslintError, UnreadableModel
from reslint.look import files
from reslint.net import Net, from_proto, read
from reslint.net.functions import means_the_same
from reslint.net.skim import skim
from reslint.net.weights import array, integers, scalar

WIDE = "agraph (float[1, 64] x) => (float[1, 64] y) <float[64, 64] w> { y = MatMul (x, w) }"
IF = """
agraph (float[1, 8] x, bool which) => (float[1, 8] y)
<float[8, 8] w, float[8, 8] v>
{
    h = MatMul (x, w)
    y = If (which) <
        then_branch = yes () => (float[1, 8] a) { a = MatMul (h, v) },
        else_branch = no () => (float[1, 8] b) { b = Relu (h) }
    >
}
"""
LOOP = """
agraph (float[1, 8] x, bool on) => (float[1, 8] y)
<float[8, 8] w, int64 times = {3}>
{
    y = Loop (times, on, x) <body = step (int64 i, bool go, float[1, 8] h) => (bool goes, float[1, 8] next) {
        goes = Identity (go)
        f = MatMul (h, w)
        next = Tanh (f)
    }>
}
"""
SCAN = """
agraph (float[8] x, float[steps, 8] given) => (float[8] y)
{
    y = Scan <num_scan_inputs = 1, body = step (float[8] h, float[8] now) => (float[8] next) { next = Add (h, now) }>
        (x, given)
}
"""
CALLED = """
<ir_version: 8, opset_import: ["": 17, "net": 1]>
agraph (float[1, 8] x, float[8, 8] w) => (float[1, 8] y) { h = net.twice (x, w) y = net.twice (h, w) }
<domain: "net", opset_import: ["": 17]>
twice (x, w) => (y) { f = MatMul (x, w) g = Relu (f) y = Add (x, g) }
"""
QDQ = """
agraph (float[1, 8] x) => (float[1, 8] y)
<float[8, 8] w, float scale = {0.1}, int8 zero = {0}>
{
    q = QuantizeLinear (x, scale, zero)
    d = DequantizeLinear (q, scale, zero)
    y = MatMul (d, w)
}
"""


def net_of(graph: str) -> Net:
    return from_proto(parsed(graph))


def types(net: Net) -> list[str]:
    return [op.type for op in net.ops]


def zipped() -> bytes:
    into = BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("data.pkl", "x")
    return into.getvalue()


class TestTriage:
    """What is no ONNX model is named for what it is, and the message says what to do."""

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is empty"),
            (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
            (b"\n  <html lang='en'>", "web page"),
            (pickle.dumps({"state": [1, 2]}, 2), "pickle"),
            (pickle.dumps({"state": [1, 2]}, 5), "pickle"),
            (zipped(), "zip archive"),
            (gzip.compress(b"a model", mtime=0), "gzip archive"),
            (b"\x18\x00\x00\x00ORTM" + bytes(64), "ORT format"),
            (b"\x1c\x00\x00\x00TFL3" + bytes(64), "TensorFlow Lite"),
            (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
            (b"{'a': 'dictionary'}", "no ONNX model|truncated|damaged"),
            (b"\xef\xbb\xbf<!DOCTYPE html><html>", "web page"),
            (b"<!-- saved from a site -->\n<html>", "web page"),
            (b"<head><title>Sign in</title></head>", "web page"),
            (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD">\n<html>', "web page"),
            (
                b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
                r"storage server's .*\(AccessDenied\)",
            ),
            (b'<?xml version="1.0" ?>\n<net name="resnet" version="11">', "OpenVINO"),
            (b'<?xml version="1.0"?>\n<!-- a picture -->\n<svg>', "is XML"),
            (b'{"message": "Not Found"}', "is JSON"),
            (pickle.dumps({"state": [1, 2]}, 0), "pickle"),
            (pickle.dumps(OrderedDict(a=1), 0), "pickle"),
            (pickle.dumps([1, 2], 1), "pickle"),
            (lzma.compress(b"a model"), "xz archive"),
            (bz2.compress(b"a model"), "bzip2 archive"),
            (b"\x28\xb5\x2f\xfd\x04\x00" + bytes(64), "Zstandard"),
            (bytes(257) + b"ustar\x0000", "tar archive"),
            (b"\x40\x00\x00\x00\x00\x00\x00\x00" + b'{"w":{"dtype":"F32"}}', "safetensors"),
            (b"GGUF\x03\x00\x00\x00" + bytes(64), "GGUF"),
            (b"\x89PNG\r\n\x1a\n" + bytes(64), "picture"),
            (bytes(5000), "^is not an ONNX model, or is damaged: its bytes are not protobuf$"),
            (b"\x08\x08\x3a\x05\x0a\x02ab", "extends 1 byte beyond the end"),
            (b"\x08\x08\x12\x07pytorch", "has no graph"),
        ],
    )
    def test_named_for_what_it_is(self, tmp_path: Path, content: bytes, says: str) -> None:
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        with pytest.raises(UnreadableModel, match=says) as raised:
            read(path)
        assert "\n" not in str(raised.value)

    @pytest.mark.parametrize(
        "version",
        ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"],
    )
    def test_pointer_of_git_lfs(self, tmp_path: Path, version: str) -> None:
        path = tmp_path / "a model.onnx"
        path.write_text(f"version {version}\noid sha256:00\nsize 12\n")
        with pytest.raises(NotFetched, match=r"git lfs pull --include 'a model\.onnx'"):
            read(path)

    def test_missing_file_and_folder(self, tmp_path: Path) -> None:
        for path in (tmp_path / "none.onnx", tmp_path):
            with pytest.raises(UnreadableModel, match="can't be opened"):
                read(path)

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
    def test_truncated(self, tmp_path: Path, share: float) -> None:
        whole = parsed(WIDE).SerializeToString()
        path = tmp_path / "model.onnx"
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableModel, match="truncated or damaged"):
            read(path)


def held_raw(model: ModelProto, values: np.ndarray) -> str:
    return "w"


def held_typed(model: ModelProto, values: np.ndarray) -> str:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.float_data.extend(values.reshape(-1).tolist())
    return "w"


def held_integers(model: ModelProto, values: np.ndarray) -> str:
    tensor = model.graph.initializer.add(name="n", data_type=TensorProto.INT64, dims=values.shape)
    tensor.int64_data.extend(range(values.size))
    return "n"


def held_constant(model: ModelProto, values: np.ndarray) -> str:
    node = onnx.helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(values, "k"))
    model.graph.node.insert(0, node)
    return "k"


class TestSkimming:
    """Large payloads stay in the file, wherever they are, and are read on demand."""

    @pytest.mark.parametrize("held", [held_raw, held_typed, held_integers, held_constant])
    def test_stepped_over_and_read_on_demand(self, tmp_path: Path, held: Callable[..., str]) -> None:
        model = parsed(WIDE)
        weight = numpy_helper.to_array(model.graph.initializer[0])
        name = held(model, weight)
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        assert len(skim(path.read_bytes())) < path.stat().st_size - 2048
        net = read(path)
        assert net.unread == ()
        expected = np.arange(64 * 64).reshape(64, 64) if name == "n" else weight
        found = array(net, name)
        assert found is not None
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
        assert net.shape(name) == (64, 64)
        assert array(net, name, most=64 * 64 - 1) is None

    def test_inside_a_body(self, tmp_path: Path) -> None:
        model = parsed(IF.replace("8", "64"))
        weight = numpy_helper.to_array(model.graph.initializer[1])
        body = next(a.g for n in model.graph.node for a in n.attribute if a.name == "then_branch")
        body.initializer.append(model.graph.initializer.pop(1))
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        assert len(skim(path.read_bytes())) < path.stat().st_size / 2
        _, then, _ = read(path).nets()
        found = array(then, "v")
        assert found is not None
        assert np.array_equal(found, weight)

    def test_what_is_left_is_the_same_model(self) -> None:
        model = parsed(SOUND)
        light = ModelProto.FromString(skim(model.SerializeToString()))
        assert [t.name for t in light.graph.initializer] == [t.name for t in model.graph.initializer]
        assert list(light.graph.node) == list(model.graph.node)
        assert light.graph.input == model.graph.input

    def test_small_tensors_are_kept(self) -> None:
        model = parsed("agraph (float[4] x) => (float[4] y) <float[4] w> { y = Add (x, w) }")
        assert skim(model.SerializeToString()) == model.SerializeToString()

    def test_hostile_nesting(self, tmp_path: Path) -> None:
        inner = b"\x00" * 3000
        for _ in range(60):  # graph in attribute in node in graph
            for number in (1, 5, 6):
                inner = bytes([number << 3 | 2]) + _length(len(inner)) + inner
        path = tmp_path / "model.onnx"
        path.write_bytes(b"\x3a" + _length(len(inner)) + inner)
        with pytest.raises(UnreadableModel):
            read(path)


def _length(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


class TestExternalData:
    """Weights beside the model are read on demand; what can't be read is said, and stops nothing."""

    @pytest.fixture
    def external(self, tmp_path: Path) -> Path:
        path = tmp_path / "model.onnx"
        onnx.save(parsed(WIDE), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
        return path

    @staticmethod
    def moved(path: Path, **entries: str) -> Net:
        """The model with other entries for its external data."""
        model = onnx.load(path, load_external_data=False)
        tensor = model.graph.initializer[0]
        kept = {e.key: e.value for e in tensor.external_data} | entries
        del tensor.external_data[:]
        for key, value in kept.items():
            tensor.external_data.add(key=key, value=value)
        path.write_bytes(model.SerializeToString())
        return read(path)

    def test_read_on_demand(self, external: Path) -> None:
        net = read(external)
        assert net.unread == ()
        found = array(net, "w")
        assert found is not None
        assert np.array_equal(found, numpy_helper.to_array(parsed(WIDE).graph.initializer[0]))

    def test_missing(self, external: Path) -> None:
        (external.parent / "weights.bin").unlink()
        net = read(external)
        assert net.unread == ("external data 'weights.bin' is missing; put it beside the model",)
        assert array(net, "w") is None
        assert types(net) == ["MatMul"]

    def test_truncated(self, external: Path) -> None:
        weights = external.parent / "weights.bin"
        weights.write_bytes(weights.read_bytes()[:5000])
        (said,) = read(external).unread
        assert "truncated: 5000 bytes where the model needs 16384" in said

    def test_pointer(self, external: Path) -> None:
        (external.parent / "weights.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
        (said,) = read(external).unread
        assert "git lfs pull --include 'weights.bin'" in said

    @pytest.mark.parametrize("location", ["/etc/hostname", "../weights.bin", "inside/../../weights.bin"])
    def test_outside_the_folder(self, external: Path, location: str) -> None:
        net = self.moved(external, location=location)
        (said,) = net.unread
        assert "lies outside the model's folder" in said
        assert array(net, "w") is None

    @pytest.mark.parametrize("where", ["outside", "beside"])
    def test_symbolic_links(self, external: Path, tmp_path_factory: pytest.TempPathFactory, where: str) -> None:
        target = (tmp_path_factory.mktemp("far") if where == "outside" else external.parent) / "target.bin"
        (external.parent / "weights.bin").rename(target)
        (external.parent / "weights.bin").symlink_to(target)
        net = read(external)
        (said,) = net.unread
        assert "is not opened" in said
        assert array(net, "w") is None

    def test_pipe_is_not_waited_for(self, external: Path) -> None:
        (external.parent / "weights.bin").unlink()
        os.mkfifo(external.parent / "weights.bin")
        (said,) = read(external).unread
        assert "is a pipe, not a file" in said

    def test_folder(self, external: Path) -> None:
        (external.parent / "weights.bin").unlink()
        (external.parent / "weights.bin").mkdir()
        (said,) = read(external).unread
        assert "'weights.bin' is a folder, not a file" in said

    def test_name_that_is_no_text(self, external: Path) -> None:
        external.write_bytes(external.read_bytes().replace(b"weights.bin", b"w\xff\xfeghts.bin"))
        net = read(external)
        (said,) = net.unread
        assert said == r"external data 'w\udcff\udcfeghts.bin' is missing; put it beside the model"
        assert len(files(str(external), reslint.dissect(net))) == 2

    def test_unnamed_file(self, external: Path) -> None:
        (said,) = self.moved(external, location="").unread
        assert "in a file that the model does not name" in said

    @pytest.mark.parametrize(
        ("entries", "says"),
        [
            ({"length": ""}, "truncated: 100 bytes where the model needs 16384"),
            ({"length": "", "offset": "4096"}, "truncated: 100 bytes where the model needs 20480"),
            ({"length": "10"}, "'weights.bin' has 10 bytes for the tensor 'w', whose type and shape take 16384"),
            ({"offset": "-5", "length": ""}, "'weights.bin' has the offset '-5', which is not a number of bytes"),
        ],
    )
    def test_shape_tells_what_is_needed(self, external: Path, entries: Mapping[str, str], says: str) -> None:
        (external.parent / "weights.bin").write_bytes(b"\1" * 100)
        net = self.moved(external, **entries)
        (said,) = net.unread
        assert says in said
        assert array(net, "w") is None

    def test_elements_that_share_a_byte(self, tmp_path: Path) -> None:
        model = parsed(WIDE)
        tensor = model.graph.initializer.add(name="n", data_type=TensorProto.INT4, dims=[3])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="n.bin")
        (tmp_path / "n.bin").write_bytes(b"\1\1")
        assert from_proto(model, tmp_path / "model.onnx").unread == ()

    def test_inside_bodies_and_constants(self, tmp_path: Path) -> None:
        model = parsed(IF)
        body = model.graph.node[1].attribute[0].g
        constant = onnx.helper.make_node("Constant", [], ["k"], value=TensorProto(name="k", data_type=1, dims=[8]))
        model.graph.node.insert(0, constant)
        inner = body.initializer.add(name="u", data_type=1, dims=[8])
        for tensor, location in ((model.graph.node[0].attribute[0].t, "k.bin"), (inner, "u.bin")):
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value=location)
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        said = read(path).unread
        assert [line.split("'")[1] for line in said] == ["k.bin", "u.bin"]
        assert all("is missing" in line for line in said)

    @pytest.mark.parametrize("location", ["a\0b", "n" * 5000, "loop", "."])
    def test_strange_names(self, external: Path, location: str) -> None:
        (external.parent / "loop").symlink_to("loop")
        net = self.moved(external, location=location)
        (said,) = net.unread
        assert repr(location)[:100] in said
        assert len(said) < 400
        assert array(net, "w") is None

    @pytest.mark.parametrize(
        "entries", [{"offset": "²"}, {"offset": "9" * 30}, {"length": "9" * 30}, {"length": "-5"}, {"length": "7"}]
    )
    def test_strange_numbers(self, external: Path, entries: Mapping[str, str]) -> None:
        net = self.moved(external, **entries)
        assert types(net) == ["MatMul"]
        array(net, "w")


class TestConstants:
    """What is made of constants alone is a constant."""

    def test_initializers_listed_as_inputs(self) -> None:
        model = parsed(WIDE)
        model.ir_version = 3
        model.graph.input.append(onnx.helper.make_tensor_value_info("w", TensorProto.FLOAT, [64, 64]))
        net = from_proto(model)
        assert net.inputs == ("x",)
        assert net.is_constant("w")
        assert not net.is_data("w")

    def test_folded_arithmetic_gives_shapes(self) -> None:
        net = net_of("""
            agraph (float[2, 12] x) => (float[a, b, c] y) <int64[1] two = {2}, int64[1] three = {3}, int64[1] rest = {-1}>
            {
                six = Mul (two, three)
                shape = Concat <axis = 0> (two, six, rest)
                y = Reshape (x, shape)
            }
        """)
        assert types(net) == ["Reshape"]
        assert integers(net, "shape") == (2, 6, -1)
        assert net.shape("y") == (2, 6, 2)

    def test_shape_arithmetic_is_no_data(self) -> None:
        net = net_of("""
            agraph (float[batch, 12] x) => (float[a, b] y)
            {
                shape = Shape (x)
                y = Reshape (x, shape)
            }
        """)
        assert not net.is_data("shape")
        assert not net.is_constant("shape")
        assert [op.type for op in net.live] == ["Reshape"]

    def test_computed_weights(self) -> None:
        net = net_of("""
            agraph (float[1, 4] x) => (float[1, 4] y) <float[4] w = {1, 2, 3, 4}, float two = {2}>
            {
                bias = Mul (w, two)
                y = Add (x, bias)
            }
        """)
        assert types(net) == ["Add"]
        found = array(net, "bias")
        assert found is not None
        assert found.tolist() == [2, 4, 6, 8]
        assert scalar(net, "bias") is None
        assert scalar(net, "two") == 2

    @pytest.mark.parametrize("large", ["100000, 100000", "10000000000, 10000000000"])
    def test_few_bytes_ask_for_no_memory(self, large: str) -> None:
        net = net_of(f"""
            agraph (float[1, 4] x) => (float[1, 4] y) <int64[2] shape = {{{large}}}, int64[1] one = {{1}}>
            {{
                big = Expand (one, shape)
                size = Size (big)
                y = Relu (x)
            }}
        """)
        assert array(net, "big") is None

    def test_outer_product_asks_for_no_memory(self) -> None:
        model = parsed("agraph (float[4] x) => (float[4] y) <float w> { y = Relu (x) }")
        long = np.zeros(1 << 19, np.float32)
        model.graph.initializer.extend(
            (numpy_helper.from_array(long.reshape(-1, 1), "rows"), numpy_helper.from_array(long, "columns"))
        )
        model.graph.node.append(onnx.helper.make_node("Add", ["rows", "columns"], ["all"]))
        assert array(from_proto(model), "all", most=1 << 40) is None

    def test_constant_whose_bytes_do_not_fit(self) -> None:
        model = parsed("agraph (float[4] x) => (float[a, b] y) <int64[2] shape = {2, 2}> { y = Reshape (x, shape) }")
        tensor = model.graph.initializer[0]
        tensor.ClearField("int64_data")
        tensor.raw_data = b"abc"
        net = from_proto(model)
        assert types(net) == ["Reshape"]
        assert array(net, "shape") is None


class TestSeenThrough:
    """No-ops leave the graph, and stay on the edge as `via`."""

    @pytest.mark.parametrize(
        ("line", "gone"),
        [
            ("i = Identity (h)", True),
            ("i = Dropout (h)", True),
            ("i = Dropout (h, ratio)", True),
            ("i = Dropout (h, ratio, off)", True),
            ("i = Dropout (h, ratio, on)", False),
            ("i = Cast <to = 1> (h)", True),
            ("i = Abs (h)", False),
        ],
    )
    def test_no_ops(self, line: str, gone: bool) -> None:
        net = net_of(f"""
            agraph (float[1, 4] x) => (float[1, 4] y) <float ratio = {{0.5}}, bool on = {{1}}, bool off = {{0}}>
            {{
                h = Relu (x)
                {line}
                y = Sigmoid (i)
            }}
        """)
        last = net.ops[-1]
        assert last.inputs == (("h",) if gone else ("i",))
        assert [op.id for op in net.via(last, 0)] == (["i"] if gone else [])
        assert net.canonical("i") == ("h" if gone else "i")
        assert len(net.ops) == (2 if gone else 3)

    def test_cast_to_another_type_stays(self) -> None:
        net = net_of(
            "agraph (float[4] x) => (float[4] y) { h = Relu (x) c = Cast <to = 10> (h) y = Cast <to = 1> (c) }"
        )
        assert types(net) == ["Relu", "Cast", "Cast"]

    def test_quantize_dequantize_pair(self) -> None:
        net = net_of(QDQ)
        assert types(net) == ["MatMul"]
        (last,) = net.ops
        assert last.inputs[0] == "x"
        assert [op.type for op in net.via(last, 0)] == ["DequantizeLinear", "QuantizeLinear"]

    def test_quantizer_that_is_read_stays(self) -> None:
        net = net_of(QDQ.replace("y)\n<", "y, int8[1, 8] q)\n<"))
        assert types(net) == ["QuantizeLinear", "MatMul"]

    def test_chain(self) -> None:
        net = net_of(
            "agraph (float[4] x) => (float[4] y) { a = Identity (x) b = Identity (a) c = Dropout (b) y = Relu (c) }"
        )
        assert types(net) == ["Relu"]
        assert net.ops[0].inputs == ("x",)
        assert [op.id for op in net.via(net.ops[0], 0)] == ["c", "b", "a"]

    def test_dropout_before_its_switch_is_inference(self) -> None:
        model = onnx.parser.parse_model(
            '<ir_version: 6, opset_import: ["": 11]> agraph (float[4] x) => (float[4] y)'
            "{ d = Dropout <ratio = 0.5> (x) y = Relu (d) }"
        )
        assert types(from_proto(model)) == ["Relu"]


class TestBodies:
    """Functions are inlined; bodies of control flow are nets of their own."""

    def test_functions(self) -> None:
        model = onnx.parser.parse_model(CALLED)
        before = model.SerializeToString()
        net = from_proto(model)
        assert types(net) == ["MatMul", "Relu", "Add"] * 2
        assert net.ops[2].id == "h"
        assert model.SerializeToString() == before

    def test_function_of_another_opset(self) -> None:
        model = onnx.parser.parse_model(
            CALLED.replace('"net", opset_import: ["": 17]', '"net", opset_import: ["": 18]')
        )
        net = from_proto(model)
        assert types(net) == ["MatMul", "Relu", "Add"] * 2
        assert net.clashes == {}

    def test_function_that_means_something_else_here(self) -> None:
        text = CALLED.replace('"net", opset_import: ["": 17]', '"net", opset_import: ["": 11]')
        net = from_proto(onnx.parser.parse_model(text.replace("Relu", "Softmax")))
        assert types(net) == ["twice", "twice"]
        assert net.clashes == {"net.twice": ("", 11, 17)}

    @pytest.mark.parametrize(
        ("text", "one", "other", "same"),
        [
            ("y = Relu (x)", 13, 14, True),
            ("y = Concat <axis = 1> (x, x, x)", 11, 13, True),
            ("y = Cast <to = 1> (x)", 13, 19, True),
            ("y = Cast <to = 1, saturate = 0> (x)", 19, 13, False),
            ("y = Pad (x, p)", 13, 18, True),
            ("y = ReduceMean <axes = [1]> (x)", 13, 18, False),
            ("y = ReduceMean (x, axes)", 18, 13, False),
            ("y = Softmax (x)", 11, 13, False),
            ("y = Softmax <axis = 1> (x)", 11, 13, False),
            ("y = GroupNormalization <num_groups = 2> (x, s, b)", 18, 21, False),
            ("y = DFT (x)", 17, 20, False),
            ("a, b = Split (x)", 13, 18, False),
            ("a, b = Split (x, sizes)", 13, 18, True),
            ("y = Upsample (x, s)", 9, 10, False),
            ("y = Relu (x)", 14, 9999, False),
            ("y = Nothing (x)", 13, 14, False),
        ],
    )
    def test_what_means_the_same(self, text: str, one: int, other: int, same: bool) -> None:
        node = onnx.parser.parse_node(text)
        assert means_the_same(node, one, other) is same

    @pytest.mark.parametrize(
        ("name", "version"), [("Rel\x00", 18), ("Relu", 1 << 62), ("Relu", -(1 << 62)), ("Relu", 0)]
    )
    def test_damaged_function(self, name: str, version: int) -> None:
        model = onnx.parser.parse_model(CALLED)
        model.functions[0].opset_import[0].version = version
        model.functions[0].node[1].op_type = name
        content = model.SerializeToString().replace(b"Rel\x00", b"Rel\xff")
        assert types(from_proto(ModelProto.FromString(content))) == ["twice", "twice"]

    def test_call_with_too_much(self) -> None:
        model = onnx.parser.parse_model(CALLED.replace("y = net.twice (h, w)", "y = net.twice (h, w, w)"))
        with pytest.raises(UnreadableModel, match=r"twice 'y' has 3 inputs and 1 outputs, its function 2 and 1"):
            from_proto(model)

    def test_function_that_calls_itself(self) -> None:
        model = onnx.parser.parse_model(CALLED.replace("g = Relu (f)", "g = net.twice (f, w)"))
        model.functions[0].opset_import.add(domain="net", version=1)
        with pytest.raises(UnreadableModel, match="recursive"):
            from_proto(model)

    def test_if(self) -> None:
        net = net_of(IF)
        outer, then, other = net.nets()
        assert outer is net
        assert types(then) == ["MatMul"]
        assert types(other) == ["Relu"]
        choice = net.producer["y"]
        assert set(choice.captured) == {"h", "v"}
        assert then.is_constant("v")
        assert then.is_data("h")
        assert array(then, "v") is not None

    def test_loop(self) -> None:
        _, body = net_of(LOOP).nets()
        assert types(body) == ["MatMul", "Tanh"]
        assert body.inputs == ("i", "go", "h")
        assert body.canonical("goes") == "go"
        assert body.owner is not None
        assert body.owner.op_type == "Loop"

    def test_scan(self) -> None:
        _, body = net_of(SCAN).nets()
        assert types(body) == ["Add"]


class TestOrder:
    """Ops come in topological order, whatever the file's."""

    def test_unsorted_file(self) -> None:
        model = parsed(SOUND)
        nodes = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(reversed(nodes))
        assert types(from_proto(model)) == ["Conv", "Relu", "Conv", "Add"]

    def test_body_whose_capture_comes_late(self) -> None:
        model = parsed(IF)
        nodes = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(reversed(nodes))
        assert types(from_proto(model)) == ["MatMul", "If"]

    def test_cycle(self) -> None:
        model = parsed(SOUND)
        model.graph.node[0].input[0] = "y"
        with pytest.raises(UnreadableModel, match=r"cyclic: '[fghy]' depends on itself"):
            from_proto(model)

    def test_names_are_left_alone(self) -> None:
        model = parsed(SOUND)
        for node in model.graph.node:
            node.name = "same"
        before = model.SerializeToString()
        net = from_proto(model)
        assert [op.id for op in net.ops] == ["f", "g", "h", "y"]
        assert model.SerializeToString() == before


class TestText:
    """ONNX text and text protobuf are models, too."""

    @pytest.mark.parametrize("suffix", [".onnxtxt", ".textproto"])
    def test_read(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"model{suffix}"
        model = parsed(SOUND)
        text = onnx.printer.to_text(model) if suffix == ".onnxtxt" else str(model)
        path.write_text(text)
        net = read(path)
        assert types(net) == ["Conv", "Relu", "Conv", "Add"]
        assert net.shape("y") == (1, 8, 4, 4)

    @pytest.mark.parametrize("suffix", [".onnxtxt", ".textproto"])
    @pytest.mark.parametrize("text", ["agraph (", "\x00\xff binary", "graph { node { ] }", "hello"])
    def test_damaged(self, tmp_path: Path, suffix: str, text: str) -> None:
        path = tmp_path / f"model{suffix}"
        path.write_text(text)
        with pytest.raises(UnreadableModel):
            read(path)

    @pytest.mark.parametrize(
        ("suffix", "text", "says"),
        [
            (".onnxtxt", "<ir_version: 3> foo", "line 1, column 20: Expected character = not found"),
            (".onnxtxt", "<ir_version: 99999999999999999999>\nagraph () => () {}", "a number in it is out of range"),
            (".textproto", "graph {\n  node { foo: 3 } }", 'line 2, column 10: .* has no field named "foo"'),
        ],
    )
    def test_place_of_the_damage(self, tmp_path: Path, suffix: str, text: str, says: str) -> None:
        path = tmp_path / f"model{suffix}"
        path.write_text(text)
        with pytest.raises(UnreadableModel, match=f"^can't be parsed as ONNX text: {says}$"):
            read(path)

    def test_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "model.textproto"
        path.write_bytes(b"graph {\xff}")
        with pytest.raises(UnreadableModel, match="is not text: byte 7 is not UTF-8"):
            read(path)


class TestDamage:
    """What protobuf accepts and ONNX does not is one line, since everything behind counts on it."""

    @pytest.mark.parametrize("name", ["Conv", "f", "agraph", "x"])
    def test_name_that_is_no_text(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / "model.onnx"
        content = parsed(SOUND).SerializeToString()
        encoded = _length(len(name)) + name.encode()
        assert encoded in content
        path.write_bytes(content.replace(encoded, _length(len(name)) + b"\xff" + name.encode()[1:]))
        with pytest.raises(UnreadableModel, match=r"not text|has no graph"):
            read(path)

    @pytest.mark.parametrize("inputs", [[], ["x"]])
    def test_fewer_inputs_than_the_operator_has(self, inputs: list[str]) -> None:
        model = parsed(SOUND)
        del model.graph.node[0].input[:]
        model.graph.node[0].input.extend(inputs)
        with pytest.raises(UnreadableModel, match=rf"Conv 'f' has {len(inputs)} inputs?\b"):
            from_proto(model)

    def test_no_output(self) -> None:
        model = parsed(SOUND)
        del model.graph.node[-1].output[:]
        with pytest.raises(UnreadableModel, match="Add '' has 2 inputs and 0 outputs"):
            from_proto(model)

    def test_body_that_lacks_a_state(self) -> None:
        model = parsed(LOOP)
        body = next(a.g for n in model.graph.node for a in n.attribute if a.HasField("g"))
        del body.output[1:]
        with pytest.raises(UnreadableModel, match="the body of Loop 'y'"):
            from_proto(model)

    def test_type_that_does_not_exist(self) -> None:
        model = parsed("agraph (float[4] x) => (float[4] y) <float[4] w> { y = Add (x, w) }")
        model.graph.initializer[0].data_type = 77
        model.graph.input[0].type.tensor_type.elem_type = 78
        net = from_proto(model)
        assert array(net, "w") is None
        assert net.value("w").type == net.value("x").type == 0

    def test_chain_of_doublings_is_walked_once(self) -> None:
        model = parsed("agraph (float[4] x) => (float[4] y) <float[1] c0 = {1}> { y = Relu (x) }")
        for k in range(60):
            model.graph.node.append(onnx.helper.make_node("Add", [f"c{k}", f"c{k}"], [f"c{k + 1}"]))
        found = array(from_proto(model), "c60")
        assert found is not None
        assert found.tolist() == [2.0**60]


def test_sound_file(write: Write) -> None:
    net = read(write("a.onnx"))
    assert (net.inputs, net.outputs) == (("x",), ("y",))
    assert net.opsets == {"": 17}


SMALL = tuple(
    (onnx.parser.parse_model(text) if text.lstrip().startswith("<") else parsed(text)).SerializeToString()
    for text in (SOUND, IF, LOOP, SCAN, CALLED, QDQ, WIDE)
)
FUZZED = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def looked_at(folder: Path, content: bytes) -> None:
    """Read a file that may be anything: a net or an error of ours, and nothing else."""
    path = folder / "fuzzed.onnx"
    path.write_bytes(content)
    try:
        net = read(path)
    except ReslintError as error:
        assert str(error)  # noqa: PT017
        return
    for inner in net.nets():
        for name in (*inner.constants, *inner.values):
            array(inner, name)
            inner.value(name)
        assert len(inner.graph) == len(inner.ops)


@FUZZED
@given(content=st.sampled_from(SMALL), share=st.floats(0, 1))
def test_fuzz_truncated(tmp_path_factory: pytest.TempPathFactory, content: bytes, share: float) -> None:
    looked_at(tmp_path_factory.getbasetemp(), content[: int(share * len(content))])


@FUZZED
@given(content=st.sampled_from(SMALL), flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7))))
def test_fuzz_flipped(tmp_path_factory: pytest.TempPathFactory, content: bytes, flips: list[tuple[float, int]]) -> None:
    flipped = bytearray(content)
    for share, bit in flips:
        flipped[int(share * len(flipped))] ^= 1 << bit
    looked_at(tmp_path_factory.getbasetemp(), bytes(flipped))


@FUZZED
@given(content=st.binary(max_size=200))
def test_fuzz_noise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    looked_at(tmp_path_factory.getbasetemp(), content)
