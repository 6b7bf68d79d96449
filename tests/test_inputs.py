"""What is fed: made up by what each input is for, or read from files and stored for a replay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import Run, Write, parsed
from onnx import TensorProto, helper, numpy_helper

from reslint.anatomy import dissect
from reslint.errors import RunFailed
from reslint.measure import Referred
from reslint.net import from_proto, read
from reslint.runtime import Wanted, measured
from reslint.runtime.feeds.files import given, store
from reslint.runtime.feeds.kinds import kinds
from reslint.runtime.feeds.synthesize import synthesized
from reslint.runtime.protocol.job import Feed

GRAPH_NET = """
agraph (float[nodes, 8] x, int64[2, edges] edges_of, float[edges, 1] weight) => (float[nodes, 8] y)
<float[8, 8] w, int64 zero = {0}, int64 one = {1}, int64[1] last = {-1}>
{
    source = Gather <axis = 0> (edges_of, zero)
    target = Gather <axis = 0> (edges_of, one)
    messages = Gather <axis = 0> (x, source)
    scaled = Mul (messages, weight)
    shape = Shape (x)
    empty = ConstantOfShape (shape)
    t = Unsqueeze (target, last)
    s = Shape (scaled)
    index = Expand (t, s)
    sums = ScatterElements <axis = 0, reduction = "add"> (empty, index, scaled)
    f = MatMul (sums, w)
    y = Add (x, f)
}
"""
SEQUENCES = """
agraph (seq(float[2, 3]) many, optional(float[2, 3]) maybe, string[2] words, int64 which)
    => (float[2, 3] y, seq(float[2, 3]) z, bool there, string[2] said)
{
    y = SequenceAt (many, which)
    z = SequenceInsert (many, y)
    there = OptionalHasElement (maybe)
    said = Identity (words)
}
"""
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"


def made(graph: str, sizes: Mapping[str, int] | None = None) -> Feed:
    """The first feed for a graph in ONNX text."""
    model = parsed(graph)
    net = from_proto(model)
    return synthesized(net, sizes or {}, 0, kinds(model)).feeds[0][0]


def integers(body: str, declared: str = "", shape: str = "2, 6") -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """What an int64 input `i` is fed where a graph uses it so."""
    fed = made(f"agraph (int64[{shape}] i, float[2, 6, 8] x) => (float[n] y) <{declared}> {{ {body} }}")["i"]
    assert isinstance(fed, np.ndarray)
    return fed.astype(np.int64, casting="no")


class TestUses:
    def test_edges_stay_below_the_number_of_nodes(self) -> None:
        fed = made(GRAPH_NET, {"nodes": 5, "edges": 40})["edges_of"]
        assert not isinstance(fed, list)
        assert fed.shape == (2, 40)
        assert fed.max() == 4
        assert fed.min() == 0

    def test_a_net_of_nodes_and_edges_runs(self, write: Write) -> None:
        ran = measured(dissect(read(write("a.onnx", GRAPH_NET))), Wanted())
        assert len(ran.feeds) == 2
        for feed, told in zip(ran.feeds, ran.fed, strict=True):
            nodes = feed["x"]
            assert not isinstance(nodes, list)
            assert f"integers below {len(nodes)}" in told

    def test_edges_that_are_selected_first(self) -> None:
        body = (
            "s = Gather (i, zero) t = Gather (i, one) e = Equal (s, t) n = Not (e) k = NonZero (n) p = Transpose (k)"
            " c = Transpose <perm = [1, 0]> (i) d = GatherND (c, p) f = Transpose <perm = [1, 0]> (d)"
            " g = Gather (f, zero) y = Gather (z, g)"
        )
        fed = integers(body, "float[5, 8] z, int64 zero = {0}, int64 one = {1}", "2, 40")
        assert fed.max() == 4

    def test_an_offset_narrows_the_range(self) -> None:
        fed = integers("k = Add (i, two) y = Gather (t, k)", "float[5, 8] t, int64 two = {2}")
        assert fed.max() == 2

    def test_a_table_that_only_a_body_reads(self) -> None:
        fed = integers(
            "y = If (go) <then_branch = a () => (float[2, 6, 8] p) { p = Gather (t, i) },"
            " else_branch = b () => (float[2, 6, 8] q) { q = Identity (x) }>",
            "float[3, 8] t, bool go = {1}",
        )
        assert 0 <= fed.max() <= 2

    def test_several_axes_at_once(self) -> None:
        fed = integers("y = GatherND (t, i)", "float[9, 3, 8] t", "4, 2")
        assert fed.max() <= 2

    @pytest.mark.parametrize(
        "body",
        [
            "c = Cast <to = 9> (i) n = Not (c) c2 = Cast <to = 1> (n) y = ReduceSum (c2)",
            "z = Sub (one, i) y = Cast <to = 1> (z)",
        ],
    )
    def test_masks_are_ones_whatever_their_name(self, body: str) -> None:
        assert (integers(body, "int64 one = {1}") == 1).all()

    def test_counts_are_small(self) -> None:
        assert (integers("y = Expand (x, i)", shape="3") == 1).all()
        assert (integers("y = Reshape (x, i)", shape="3") == 0).all()

    def test_a_mask_over_a_cache_and_what_follows_it(self, write: Write) -> None:
        graph = """agraph (float[batch, past, 4] cache, float[batch, length, 4] x, float[batch, total, 1] keep)
        => (float[batch, total, 4] y) { all = Concat <axis = 1> (cache, x) y = Mul (all, keep) }"""
        ran = measured(dissect(read(write("a.onnx", graph))), Wanted())
        cache, x, keep = (ran.feeds[0][name] for name in ("cache", "x", "keep"))
        assert not isinstance(cache, list)
        assert not isinstance(x, list)
        assert not isinstance(keep, list)
        assert cache.shape[1] + x.shape[1] == keep.shape[1]


class TestKinds:
    def test_sequences_and_optional_inputs(self, run: Run, here: Path) -> None:
        onnx.save(parsed(SEQUENCES), here / "a.onnx")
        ran = run("run", "a.onnx")
        assert ran.status == 0, ran.err
        assert "many sequence of float32 2x3, 2x3 normal numbers" in ran.out
        assert "words string 2 the letter a" in ran.out

    def test_stored_and_fed_again(self, run: Run, here: Path) -> None:
        onnx.save(parsed(SEQUENCES), here / "a.onnx")
        for target, source in (("fed.npz", "fed.npz"), ("fed", "fed/a"), ("again", "again/a/test_data_set_0")):
            assert run("run", "a.onnx", "--store", target).status == 0
            ran = run("run", "a.onnx", "--inputs", source, "--store", f"from-{target}")
            assert ran.status == 0, ran.err
        first, again = (np.load(here / name) for name in ("fed.npz", "from-fed.npz"))
        assert sorted(first.files) == ["many[0]", "many[1]", "maybe", "which", "words"]
        assert all((first[name] == again[name]).all() for name in first.files)

    def test_an_optional_input_may_be_left_out(self, here: Path) -> None:
        model = parsed(SEQUENCES)
        net = from_proto(model)
        feed = dict(synthesized(net, {}, 0, kinds(model)).feeds[0][0])
        del feed["maybe"]
        store(here / "set", [feed], net, kinds(model))
        (back,), _ = given(net, here / "set", kinds(model))
        assert sorted(back) == ["many", "which", "words"]

    def test_an_input_of_unknown_rank(self, write: Write, here: Path) -> None:
        model = parsed("agraph (float[2, 8] x) => (float[2, 8] y) <float[8, 8] w> { f = MatMul (x, w) y = Add (x, f) }")
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, None))
        onnx.save(model, here / "a.onnx")
        (feed, *_) = measured(dissect(read(here / "a.onnx")), Wanted()).feeds
        x = feed["x"]
        assert not isinstance(x, list)
        assert x.shape[-1] == 8


class TestFiles:
    def test_all_sets_of_a_folder_are_run(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
        for at, right in enumerate((1.0, 3.0)):
            (here / "data" / f"test_data_set_{at}").mkdir(parents=True)
            for name, values in (("input_0", [-1.0, 1.0]), ("output_0", [0.0, right])):
                tensor = numpy_helper.from_array(np.array(values, np.float32))
                (here / "data" / f"test_data_set_{at}" / f"{name}.pb").write_bytes(tensor.SerializeToString())
        ran = run("run", "a.onnx", "--inputs", "data", "--format", "json")
        assert [f["rule"] for f in ran.json["findings"]] == ["reference-mismatch"]  # of the second set only
        (here / "data" / "test_data_set_1" / "output_0.pb").unlink()
        assert run("run", "a.onnx", "--inputs", "data").status == 0

    @pytest.mark.parametrize(
        ("files", "says"),
        [
            ((), "holds neither input_0.pb"),
            (("input_0.pb", "input_1.pb"), "holds 2 files input_*.pb, but the model has 1"),
        ],
    )
    def test_one_line_on_a_folder_that_does_not_fit(
        self, run: Run, write: Write, here: Path, files: tuple[str, ...], says: str
    ) -> None:
        write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
        (here / "data").mkdir()
        for name in files:
            (here / "data" / name).write_bytes(numpy_helper.from_array(np.ones(2, np.float32)).SerializeToString())
        ran = run("run", "a.onnx", "--inputs", "data")
        assert ran.status == 2
        assert says in ran.err

    def test_one_file_is_not_for_several_models(self, run: Run, write: Write) -> None:
        write("a.onnx")
        write("b.onnx")
        ran = run("run", "a.onnx", "b.onnx", "--store", "fed.npz")
        assert ran.status == 2
        assert "name a folder" in ran.err

    def test_what_fails_is_stored(self, run: Run, write: Write, here: Path) -> None:
        graph = "agraph (float[2] x) => (float[2] y) <int64[1] s = {3}> { y = Reshape (x, s) }"
        onnx.save(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>{graph}'), here / "a.onnx")
        assert run("run", "a.onnx", "--store", "fed").status == 2
        assert (here / "fed" / "a" / "test_data_set_0" / "input_0.pb").is_file()

    @pytest.mark.parametrize(
        "name",
        [
            "simple/test_sequence_model4",
            "simple/test_expand_shape_model1",
            "simple/test_single_relu_model",
            "simple/test_sequence_model1",
        ],
    )
    def test_what_the_wheel_of_onnx_ships(self, name: str) -> None:
        folder = DATA / name
        ran = measured(dissect(read(folder / "model.onnx")), Wanted(inputs=folder))
        against = [s for s in ran.subjects if isinstance(s, Referred)]
        assert against
        for subject in against:
            assert subject.differences
            assert all(d.agrees for d in subject.differences)


def test_inputs_that_are_missing(write: Write, here: Path) -> None:
    net = read(write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }"))
    np.savez(here / "in.npz", z=np.ones(2))
    with pytest.raises(RunFailed, match=r"needs the input 'x', which in\.npz does not hold"):
        given(net, Path("in.npz"), {})


def test_a_recurrent_state_has_the_batch_of_the_input(run: Run, write: Write) -> None:
    graph = "agraph (float[?, 8] x, float[2, ?, 8] state) => (float[?, ?] y) { y = Add (x, state) }"
    graph = graph.replace(
        "{ y = Add (x, state) }", "{ h = ReduceMax <axes = [0], keepdims = 0> (state) y = Add (x, h) }"
    )
    write("a.onnx", graph)
    ran = run("run", "a.onnx")
    assert ran.status == 0, ran.err
    fed = [line for line in ran.out.splitlines() if line.startswith("  fed")]
    assert [line.split("state float32 ")[1].split()[0] for line in fed] == ["2x2x8", "2x3x8"]


def test_many_sets_have_percentiles(run: Run, write: Write, here: Path) -> None:
    write("a.onnx", "agraph (float[2] x) => (float[2] y) { y = Relu (x) }")
    for at in range(6):
        folder = here / "sets" / f"test_data_set_{at}"
        folder.mkdir(parents=True)
        given = np.array([1, 2], np.float32)
        (folder / "input_0.pb").write_bytes(numpy_helper.from_array(given).SerializeToString())
        wanted = given * np.float32(1 + 0.01 * at)
        (folder / "output_0.pb").write_bytes(numpy_helper.from_array(wanted).SerializeToString())
    words = ("run", "a.onnx", "--inputs", "sets", "--fail-on", "never")
    rows = run(*words, "--format", "json").json["measurements"][0]["over_inputs"]
    assert isinstance(rows, list)
    (row,) = (row for row in rows if row["against"] == "the saved outputs")
    assert (row["inputs"], row["agree"]) == (6, 1)
    assert row["relative"]["p50"] == pytest.approx(0.02 / 1.02, rel=1e-3)
    assert row["relative"]["p99"] == pytest.approx(0.05 / 1.05, rel=1e-3)
    assert row["snr_db"]["p1"] < row["snr_db"]["p50"]
    assert "y, the saved outputs: 1 of 6 inputs agree" in run(*words).out
