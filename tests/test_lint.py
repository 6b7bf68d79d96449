"""What lint does with drafts: order, confidence, place and fingerprint; and where an op stands in the author's code."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Write, parsed
from stubs import ADD, CONV, DESIGN, EVERYWHERE, RELU, STUBS

import reslint
from reslint.anatomy import Anatomy, Source
from reslint.anatomy.views.source import module_of, source_of
from reslint.errors import UnknownRule, UnreadableModel
from reslint.finding import Confidence
from reslint.lint import choose, lint
from reslint.net import Op, from_proto
from reslint.report.anatomy import signature as anatomy_signature
from reslint.result import Dissected
from reslint.rules import ALL, Settings
from reslint.rules.skeleton_differs import differences, skeleton_differs, words

LOOP = """
agraph (float[4] x, bool go) => (float[4] y)
{
    n = Constant <value_int = 3> ()
    s = Add (x, x)
    z = Loop (n, go, s) <body = inner (int64 i, bool c, float[4] v) => (bool d, float[4] w) {
        d = Identity (c)
        r = Relu (v)
        w = Add (r, v)
    }>
    y = Relu (z)
}
"""


def anatomy_of(graph: str) -> Anatomy:
    return reslint.dissect(from_proto(parsed(graph)))


def op_of(name: str = "", **metadata: str) -> Op:
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name=name)
    for key, value in metadata.items():
        node.metadata_props.add(key=f"pkg.torch.onnx.{key}", value=value)
    return Op(node, 0, "Conv", "", ("x", "w"), ("y",))


class TestLint:
    def test_check_is_the_public_way(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reslint.look.ALL", (ADD,))
        (finding,) = reslint.check(write("a.onnx"))
        assert isinstance(finding, reslint.Finding)
        assert (finding.rule, finding.family, finding.tensor, finding.path) == (
            "merge-met",
            "stub",
            "y",
            str(write("a.onnx")),
        )

    def test_check_of_no_model(self, here: Path) -> None:
        (here / "a.onnx").write_bytes(b"")
        with pytest.raises(UnreadableModel):
            reslint.check("a.onnx")

    def test_order_is_by_place_then_rule(self) -> None:
        found = lint(anatomy_of(SOUND), reversed(STUBS), Settings(), "m", Confidence.POSSIBLE)
        assert [(f.tensor, f.rule) for f in found] == [
            ("f", "conv-met"),
            ("g", "activation-met"),
            ("g", "design-met"),
            ("h", "conv-met"),
            ("y", "merge-met"),
        ]

    def test_a_body_stands_at_its_owner(self) -> None:
        found = lint(anatomy_of(LOOP), [EVERYWHERE], Settings(), "m")
        assert [f.tensor for f in found] == ["s", "z", "r", "w", "y"]

    def test_fingerprints_tell_findings_apart_and_survive_new_names(self) -> None:
        def prints(graph: str) -> list[str]:
            return [f.fingerprint for f in lint(anatomy_of(graph), STUBS, Settings(), "m", Confidence.POSSIBLE)]

        first = prints(SOUND)
        assert len(set(first)) == len(first)
        assert prints(SOUND.replace("f = ", "renamed = ").replace("(f)", "(renamed)")) == first
        assert prints(SOUND.replace("4, 4", "5, 5")) == first  # the size of a picture is no part of the network
        assert prints(SOUND.replace("8", "9")) != first

    def test_what_is_unsure_is_left_out(self) -> None:
        found = lint(anatomy_of(SOUND), (CONV, RELU, ADD), Settings(), "m")
        assert [f.rule for f in found] == ["activation-met", "merge-met"]

    def test_related_places_go_by_node_name_or_tensor(self) -> None:
        named = SOUND.replace("f = Conv", "[first] f = Conv")
        (finding,) = lint(anatomy_of(named), [ADD], Settings(), "m")
        assert finding.related == ("first", "h")
        assert finding.node == "y"


class TestChoose:
    def test_unknown(self) -> None:
        with pytest.raises(UnknownRule, match=r"'activation-mt'; did you mean 'activation-met'\?"):
            choose(STUBS, ["activation-mt"])

    def test_nothing_close(self) -> None:
        with pytest.raises(UnknownRule, match=r"called 'xyz'$"):
            choose(STUBS, [], ["xyz"])

    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("nrom", "norm"),
            ("NORM", "norm"),
            ("dpeth", "depth"),
            ("brodcast", "shortcut-broadcast"),
            ("plain_depth", "plain-depth"),
            ("missing-norm", "missing-final-norm"),
            ("nope", ""),
            ("foo", ""),
            ("conv", ""),
            ("attention", ""),
            ("everything", ""),
        ],
    )
    def test_only_what_is_close_is_suggested(self, typed: str, meant: str) -> None:
        told = f"; did you mean {meant!r}?" if meant else ""
        with pytest.raises(UnknownRule, match=rf"called {typed!r}{re.escape(told)}$"):
            choose(ALL, [typed])

    def test_ignore_wins(self) -> None:
        assert choose(STUBS, ["stub"], ["merge-met", "conv"]) == (RELU,)

    def test_profiles(self) -> None:
        assert DESIGN not in choose(STUBS)
        assert DESIGN in choose(STUBS, profile="design")


class TestWhere:
    @pytest.mark.parametrize(
        ("name", "module"),
        [
            ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
            ("/levels/levels.2/encoder/encoder.11/mlp/fc2/Conv", "levels.2.encoder.11.mlp.fc2"),
            ("/layer10/layer1/Conv_3", "layer10.layer1"),
            ("/Conv_3", None),
            ("model/block/Conv", None),
            ("/a/b/Relu", None),
            ("node_Conv_4", None),
            ("", None),
        ],
    )
    def test_names_of_the_torchscript_exporter(self, name: str, module: str | None) -> None:
        assert module_of(op_of(name)) == module

    @pytest.mark.parametrize(
        ("scopes", "module"),
        [
            ("['', 'layer1', 'layer1.0', 'add']", "layer1.0"),
            ("['', 'add']", None),
            ("['add']", None),
            ("[]", None),
            ("no list", None),
            ("(" * 500, None),
            ("{'a': 1}", None),
            ("[1, 2]", None),
        ],
    )
    def test_scopes_of_the_dynamo_exporter(self, scopes: str, module: str | None) -> None:
        assert module_of(op_of(name_scopes=scopes)) == module

    def test_innermost_frame_outside_torch(self) -> None:
        trace = (
            'File "/home/me/nets/train.py", line 3, in forward\n    return self.block(x)\n'
            'File "/home/me/nets/resnet.py", line 146, in forward\n    out += identity\n'
            'File "/opt/venv/lib/python3.11/site-packages/torch/nn/modules/conv.py", line 565, in forward\n    return x'
        )
        assert source_of(op_of(stack_trace=trace)) == Source("/home/me/nets/resnet.py", 146, "out += identity")

    def test_installed_packages_lose_their_folder(self) -> None:
        trace = (
            'File "/opt/v/lib/python3.11/site-packages/timm/models/resnet.py", line 283, in forward\n    x += shortcut'
        )
        assert source_of(op_of(stack_trace=trace)) == Source("timm/models/resnet.py", 283, "x += shortcut")
        alike = trace.replace("timm", "torch_geometric")
        assert source_of(op_of(stack_trace=alike)) == Source("torch_geometric/models/resnet.py", 283, "x += shortcut")

    def test_frame_without_its_line(self) -> None:
        trace = 'File "a.py", line 1, in f\nFile "b.py", line 2, in g'
        assert source_of(op_of(stack_trace=trace)) == Source("b.py", 2, "")

    def test_only_torch(self) -> None:
        assert source_of(op_of(stack_trace='File "torch/nn/modules/conv.py", line 565, in forward\n    x')) is None


class TestSkeleton:
    """The expectations: how signatures are read and compared; the rule's page has the rest."""

    @pytest.mark.parametrize(
        ("signature", "blocks"),
        [
            ("2 x [pre attn, pre mlp], final-norm", ["pre attn", "pre mlp", "pre attn", "pre mlp", "final-norm"]),
            ("[projection conv 1x1 3x3], 2x[conv 3x3]", ["projection conv 1x1 3x3", "conv 3x3", "conv 3x3"]),
            ("no residual blocks", []),
            ("", []),
            ("final-norm", ["final-norm"]),
        ],
    )
    def test_words(self, signature: str, blocks: list[str]) -> None:
        assert list(words(signature)) == blocks

    def test_a_printed_signature_is_met(self, write: Write) -> None:
        found = reslint.dissect(reslint.read(write("a.onnx")))
        printed = anatomy_signature.render([Dissected("a.onnx", found)]).partition(": ")[2]
        assert not list(skeleton_differs(found, Settings(skeleton=printed)))
        assert list(skeleton_differs(found, Settings(skeleton="no residual blocks")))

    @pytest.mark.parametrize(
        ("expected", "found", "says"),
        [
            ("abc", "abc", []),
            ("abc", "axc", ["block 2: x; expected b"]),
            ("abc", "ac", ["after block 1: missing: b"]),
            ("bc", "abc", ["block 1: a; expected nothing"]),
            ("abcd", "abcdeee", ["blocks 5..7: e, e, e; expected nothing"]),
            ("abcdefg", "", ["at the start: missing: a, b, c, d and 3 more"]),
            ("abcdef", "xbcdez", ["block 1: x; expected a", "block 6: z; expected f"]),
        ],
    )
    def test_differences(self, expected: str, found: str, says: list[str]) -> None:
        assert [f"{d.place}: {d.says}" for d in differences(expected, found)] == says

    def test_one_finding_says_all(self) -> None:
        (draft,) = skeleton_differs(anatomy_of(SOUND), Settings(skeleton="[pre mlp], [mlp]"))
        assert draft.op.id == "y"
        assert draft.message == (
            "the skeleton differs from the expected one: block 1: conv 3x3 3x3; expected pre mlp, mlp"
        )
        assert draft.evidence["have"] == "[conv 3x3 3x3]"
