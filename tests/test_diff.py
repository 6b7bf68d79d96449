"""What a comparison of two skeletons says: on real conversions nothing, on each kind of damage what was done."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Run, Write, parsed
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, version_converter
from test_properties import PAIRS, copied, loaded, renamed, reordered

from reslint.anatomy import Anatomy, dissect
from reslint.comparison import Change, Difference, Fate, compare
from reslint.net import from_proto

FIXTURES = Path(__file__).parent.parent / "fixtures"
BLOCKS = {
    "conv": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Relu (f{n})\n x{n} = Add (x{p}, r{n})",
    "bare": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n x{n} = Relu (f{n})",
    "wide": "f{n} = Conv <pads = [2, 2, 2, 2]> (x{p}, v)\n r{n} = Relu (f{n})\n x{n} = Add (x{p}, r{n})",
    "scaled": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Relu (f{n})\n g{n} = Mul (r{n}, half)\n"
    " x{n} = Add (x{p}, g{n})",
    "half": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Relu (f{n})\n g{n} = Mul (x{p}, half)\n"
    " x{n} = Add (g{n}, r{n})",
    "projection": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Relu (f{n})\n"
    " s{n} = Conv (x{p}, u)\n x{n} = Add (s{n}, r{n})",
    "normed": "m{n} = InstanceNormalization (x{p}, b, b)\n f{n} = Conv <pads = [1, 1, 1, 1]> (m{n}, w)\n r{n} = Relu (f{n})\n"
    " x{n} = Add (x{p}, r{n})",
    "mixing": "t{n} = Transpose <perm = [0, 1, 3, 2]> (x{p})\n q{n} = MatMul (x{p}, t{n})\n s{n} = Softmax (q{n})\n"
    " m{n} = MatMul (s{n}, x{p})\n x{n} = Add (x{p}, m{n})",
    "gelu": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Sigmoid (f{n})\n x{n} = Add (x{p}, r{n})",
}


def model(kinds: Sequence[str], width: int = 8) -> ModelProto:
    body = "\n".join(BLOCKS[kind].format(n=at + 1, p=at) for at, kind in enumerate(kinds))
    graph = f"""agraph (float[1, 8, 4, 4] x0) => (float[1, 8, 4, 4] x{len(kinds)})
        <float[8, 8, 3, 3] w, float[8, 8, 5, 5] v, float[8, 8, 1, 1] u, float[8] b, float half = {{0.5}}> {{ {body} }}"""
    return parsed(graph.replace("8", str(width)))


def beside(first: Sequence[str], second: Sequence[str]) -> ModelProto:
    """Two rows of blocks on one input, joined at the end."""
    rows = [
        "\n".join(
            BLOCKS[kind].format(n=f"{row}{at + 1}", p=f"{row}{at}" if at else "0") for at, kind in enumerate(kinds)
        )
        for row, kinds in (("a", first), ("b", second))
    ]
    return parsed(f"""agraph (float[1, 8, 4, 4] x0) => (float[1, 16, 4, 4] y)
        <float[8, 8, 3, 3] w, float[8, 8, 5, 5] v, float[8, 8, 1, 1] u, float[8] b, float half = {{0.5}}>
        {{ {rows[0]} {rows[1]} y = Concat <axis = 1> (xa{len(first)}, xb{len(second)}) }}""")


def anatomy(graph: ModelProto) -> Anatomy:
    return dissect(from_proto(graph, FIXTURES / "model.onnx"))


@cache
def fixture(name: str) -> Anatomy:
    return anatomy(loaded(name))


def between(old: Sequence[str], new: Sequence[str]) -> Difference:
    return compare(anatomy(model(old)), anatomy(model(new)))


def cut(graph: ModelProto, *merges: str) -> ModelProto:
    """The model with only the branches left of some merges."""
    other = copied(graph)
    known = {b.merge.id: b.sides[1] for b in anatomy(graph).blocks}
    for node in other.graph.node:
        if node.output[0] in merges:
            branch = known[node.output[0]]
            node.op_type = "Identity"
            del node.input[:]
            node.input.append(branch)
    return other


class TestConversions:
    @pytest.mark.parametrize(("one", "other"), PAIRS)
    def test_one_network_in_two_forms(self, one: str, other: str) -> None:
        """Exporters, optimizers, quantizers, precisions and opsets leave the skeleton as it is."""
        found = compare(fixture(one), fixture(other))
        assert found.same, found
        assert found.matched == len(fixture(one).blocks)

    @pytest.mark.parametrize("name", ["resnet18", "resnet18_ts", "llama", "bert_small_ts"])
    def test_opset(self, name: str) -> None:
        converted = version_converter.convert_version(loaded(name), 21)
        assert compare(fixture(name), anatomy(converted)).same

    def test_folded_normalization_is_told(self) -> None:
        found = compare(fixture("resnet18_bn"), fixture("resnet18_qdq"))
        assert found.matched == len(found.changed) == 8
        assert {one.changes for one in found.changed} == {(Change("normalization", "branch-end", "folded?"),)}
        assert (found.lost, found.gained, found.outside) == ((), (), {})

    @pytest.mark.parametrize("name", ["unet", "swin_t", "densenet121", "gnn", "mamba", "loop_ts"])
    def test_other_names_and_order(self, name: str) -> None:
        other, _ = renamed(loaded(name))
        assert compare(fixture(name), anatomy(reordered(other, random.Random(3)))).same


class TestLostShortcut:
    @pytest.mark.parametrize("name", ["resnet18", "resnet18_ts", "llama", "bert_small_ts"])
    def test_with_every_tensor_renamed(self, name: str) -> None:
        graph = loaded(name)
        blocks = fixture(name).blocks
        at = next(n for n, b in enumerate(blocks) if n > 1 and b.kind.value == "identity")
        other, back = renamed(cut(graph, blocks[at].merge.id))
        found = compare(fixture(name), anatomy(other))
        assert [(s.block.merge.id, s.number, s.fate) for s in found.lost] == [(blocks[at].merge.id, at + 1, Fate.BARE)]
        assert not found.gained
        assert not found.outside
        (lost,) = found.lost_shortcuts
        assert back(lost.at) in {op.id for op in blocks[at].branch}

    def test_in_the_quantized_model(self) -> None:
        """What a conversion changes does not hide what it lost."""
        merge = fixture("resnet18_qdq").blocks[5].merge.id
        found = compare(fixture("resnet18"), anatomy(cut(loaded("resnet18_qdq"), merge)))
        assert [s.number for s in found.lost_shortcuts] == [6]
        assert found.matched == 7

    @pytest.mark.parametrize("at", range(5))
    def test_of_like_siblings_the_right_one(self, at: int) -> None:
        kinds = ["conv"] * 5
        found = between(kinds, [*kinds[:at], "bare", *kinds[at + 1 :]])
        assert [(s.number, s.fate) for s in found.lost] == [(at + 1, Fate.BARE)]

    def test_several(self) -> None:
        found = between(["conv"] * 6, ["conv", "bare", "bare", "conv", "bare", "conv"])
        assert len(found.lost_shortcuts) == 3
        assert found.matched == 3
        assert not found.outside

    def test_gained(self) -> None:
        found = between(["conv", "bare", "conv"], ["conv"] * 3)
        assert [(s.number, s.fate) for s in found.gained] == [(2, Fate.BARE)]
        assert (found.lost, found.outside) == ((), {})

    def test_beside_a_pruning(self) -> None:
        """Layers of another width are the same layers when it comes to what became of them."""
        found = compare(anatomy(model(["conv"] * 4)), anatomy(model(["conv", "bare", "conv", "conv"], width=6)))
        assert [s.number for s in found.lost_shortcuts] == [2]
        assert [one.number for one in found.changed] == [1, 3, 4]
        assert {one.changes for one in found.changed} == {(Change("branch", "Conv[8, 8, 3, 3]", "Conv[6, 6, 3, 3]"),)}

    def test_nobody_knows_where_there_are_no_layers(self) -> None:
        """Better a shortcut too many that is said to be lost than one too few."""
        found = between(["conv", "mixing", "conv"], ["conv", "conv"])
        assert [(s.number, s.fate) for s in found.lost] == [(2, Fate.UNKNOWN)]
        assert found.lost_shortcuts == found.lost

    def test_a_block_that_was_removed_lost_none(self) -> None:
        found = between(["conv", "wide", "conv"], ["conv", "conv"])
        assert [(s.number, s.fate) for s in found.lost] == [(2, Fate.GONE)]
        assert not found.lost_shortcuts

    def test_a_block_in_place_of_another_is_no_work_left(self) -> None:
        """The layers that a new block brings are its own."""
        found = between(["conv", "conv", "wide"], ["conv", "wide", "projection"])
        assert not found.lost_shortcuts


class TestChanges:
    @pytest.mark.parametrize(
        ("kind", "change"),
        [
            ("scaled", Change("branch scale", "none", "0.5")),
            ("normed", Change("normalization", "none", "pre")),
            ("wide", Change("branch", "Conv[8, 8, 3, 3]", "Conv[8, 8, 5, 5]")),
        ],
    )
    def test_of_one_block(self, kind: str, change: Change) -> None:
        found = between(["conv"] * 4, ["conv", "conv", kind, "conv"])
        assert [one.number for one in found.changed] == [3]
        assert change in found.changed[0].changes
        assert (found.lost, found.gained) == ((), ())

    def test_kind(self) -> None:
        found = between(["conv"] * 3, ["conv", "projection", "half"])
        changes = [change for one in found.changed for change in one.changes]
        assert Change("kind", "identity", "projection") in changes
        assert Change("kind", "identity", "scaled") in changes
        assert Change("shortcut scale", "none", "0.5") in changes
        assert Change("shortcut", "nothing", "Conv[8, 8, 1, 1]") in changes

    def test_what_is_no_layer_is_no_difference(self) -> None:
        assert between(["conv", "conv"], ["conv", "gelu"]).same

    def test_final_norm(self) -> None:
        found = compare(fixture("llama"), anatomy(model(["conv"])))
        assert found.final_norm == (True, False)

    def test_numbers(self) -> None:
        found = between(["conv"] * 3, ["conv"] * 2)
        assert found.numbers["residual_blocks"] == (3, 2)
        assert found.numbers["weighted_layers"] == (3, 2)
        assert found.numbers["macs"] == (3 * 9216, 2 * 9216)


kinds = st.lists(st.sampled_from(sorted({*BLOCKS} - {"bare", "gelu"})), min_size=1, max_size=6)


class TestProperties:
    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(old=kinds, new=kinds)
    def test_each_block_is_told_once_and_both_ways_alike(self, old: list[str], new: list[str]) -> None:
        there, back = between(old, new), between(new, old)
        assert there.matched + len(there.lost) == len(old)
        assert there.matched + len(there.gained) == len(new)
        assert there.same is back.same is (old == new)

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(old=kinds, kind=st.sampled_from(sorted(BLOCKS)), at=st.integers(0, 6))
    def test_an_inserted_block_is_all_that_is_told(self, old: list[str], kind: str, at: int) -> None:
        found = between(old, [*old[:at], kind, *old[at:]])
        assert (found.lost, found.changed) == ((), ())
        assert len(found.gained) == (kind != "bare")

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 99), kind=st.sampled_from(["conv", "wide", "projection"]), at=st.integers(0, 3))
    def test_rows_side_by_side(self, seed: int, kind: str, at: int) -> None:
        """Whatever the order in the file, and though a block that is inserted in one row is beside the other."""
        first, second = ["conv", "conv", "projection"], ["wide", "wide", "wide"]
        more = [*first[:at], kind, *first[at:]]
        old, new = beside(first, second), reordered(beside(more, second), random.Random(seed))
        assert compare(anatomy(old), anatomy(reordered(old, random.Random(seed)))).same
        found = compare(anatomy(old), anatomy(new))
        assert (len(found.gained), found.lost, found.changed) == (1, (), ())


class TestCommand:
    def test_no_difference(self, run: Run, write: Write) -> None:
        write("a.onnx")
        write("b.onnx", SOUND.replace("f = ", "k = ").replace("(f)", "(k)").replace("y", "z"))
        ran = run("diff", "a.onnx", "b.onnx", "--fail-on-lost-shortcut")
        assert (ran.status, ran.err) == (0, "")
        assert ran.out.startswith("a.onnx -> b.onnx: no difference: 1 residual block in both\n")

    def test_lost_shortcut(self, run: Run, here: Path) -> None:
        onnx.save(model(["conv"] * 4), here / "a.onnx")
        onnx.save(model(["conv", "bare", "conv", "conv"]), here / "b.onnx")
        ran = run("diff", "a.onnx", "b.onnx")
        assert ran.status == 0
        assert "1 shortcut lost; 4 residual blocks before, 3 after" in ran.out
        assert "  - conv 3x3: block 2 (x2): lost the shortcut" in ran.out
        assert run("diff", "--fail-on-lost-shortcut", "a.onnx", "b.onnx").status == 1
        assert run("diff", "--fail-on-lost-shortcut", "b.onnx", "a.onnx").status == 0

    def test_json(self, run: Run, here: Path) -> None:
        onnx.save(model(["conv", "conv", "scaled"]), here / "a.onnx")
        onnx.save(model(["conv", "bare", "half"]), here / "b.onnx")
        ran = run("diff", "a.onnx", "b.onnx", "--format", "json")
        found = json.loads(ran.out)
        assert found["schema"] == "reslint.diff/1"
        assert found["old"] == {"path": "a.onnx", "blocks": 3, "signature": "3 x [conv 3x3]"}
        assert found["same"] is False
        assert [(s["merge"], s["number"], s["layers"]) for s in found["lost"]] == [("x2", 2, "bare")]
        assert [c["what"] for c in found["changed"][0]["changes"]] == ["kind", "shortcut scale", "branch scale"]
        assert found["numbers"]["residual_blocks"] == [3, 2]
        assert found["summary"] == {"matched": 2, "lost_shortcuts": 1, "lost_blocks": 0, "gained": 0, "changed": 1}
        assert run("diff", "a.onnx", "b.onnx", "--format", "json").out == ran.out

    def test_markdown_escapes_names(self, run: Run, here: Path) -> None:
        graph, _ = renamed(model(["conv", "conv", "wide"]))
        old = graph.graph.node[2].output[0]
        for node in graph.graph.node:
            for names in (node.input, node.output):
                names[:] = ["|<b>@x" if name == old else name for name in names]
        onnx.save(graph, here / "a.onnx")
        onnx.save(model(["conv", "wide"]), here / "b.onnx")
        ran = run("diff", "a.onnx", "b.onnx", "--format", "markdown")
        assert ran.status == 0
        assert "### reslint diff: 1 block gone" in ran.out
        assert "<b>" not in ran.out

    @pytest.mark.parametrize("paths", [("gone.onnx", "a.onnx"), ("a.onnx", "empty.onnx"), ("a.onnx", ".")])
    def test_unreadable(self, run: Run, write: Write, here: Path, paths: tuple[str, str]) -> None:
        write("a.onnx")
        (here / "empty.onnx").write_bytes(b"")
        ran = run("diff", *paths)
        assert (ran.status, ran.out) == (2, "")
        assert ": error: " in ran.err

    def test_code_against_what_was_exported_before(self, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The export itself has its own tests."""
        made = anatomy(model(["conv", "bare", "conv"]))
        monkeypatch.setattr("reslint.look._exported", lambda *asked: (made, (), ("as deployed",)))
        onnx.save(model(["conv"] * 3), here / "a.onnx")
        ran = run("diff", "a.onnx", "nets:build", "--fail-on-lost-shortcut")
        assert ran.status == 1
        assert "a.onnx -> nets:build: 1 shortcut lost" in ran.out
        assert ran.err == "nets:build: note: as deployed\n"

    def test_written(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        ran = run("diff", "a.onnx", "a.onnx", "--output", "d.txt")
        assert (ran.status, ran.out) == (0, "")
        assert "no difference" in (here / "d.txt").read_text()
