"""A block's identity and a finding's fingerprint: what keeps them, and what must change them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest
from conftest import parsed
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import version_converter

from reslint.anatomy import dissect
from reslint.anatomy.views.fingerprint import identities
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.net import from_proto, read
from reslint.rules import ALL, Settings

FIXTURES = Path(__file__).parent.parent / "fixtures"
BLOCKS = {
    "conv": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Relu (f{n})\n x{n} = Add (x{p}, r{n})",
    "wide": "f{n} = Conv <pads = [2, 2, 2, 2]> (x{p}, v)\n r{n} = Relu (f{n})\n x{n} = Add (x{p}, r{n})",
    "projection": "f{n} = Conv <pads = [1, 1, 1, 1]> (x{p}, w)\n r{n} = Relu (f{n})\n"
    " s{n} = Conv (x{p}, u)\n x{n} = Add (s{n}, r{n})",
    "stretched": "f{n} = Conv (x{p}, z)\n x{n} = Add (x{p}, f{n})",
}


def graph(kinds: list[str]) -> str:
    body = "\n".join(BLOCKS[kind].format(n=at + 1, p=at) for at, kind in enumerate(kinds))
    return f"""agraph (float[1, 8, 4, 4] x0) => (float[1, 8, 4, 4] x{len(kinds)})
        <float[8, 8, 3, 3] w, float[8, 8, 5, 5] v, float[8, 8, 1, 1] u, float[8, 8, 4, 4] z> {{ {body} }}"""


def known(model: onnx.ModelProto) -> tuple[Counter[str], Counter[str]]:
    """The identities of a model's blocks and the fingerprints of its findings."""
    anatomy = dissect(from_proto(model, FIXTURES / "model.onnx"))
    found = lint(anatomy, ALL, Settings("design"), "m", Confidence.POSSIBLE)
    return Counter(identities(anatomy.blocks)), Counter(f"{f.rule} {f.fingerprint}" for f in found)


kinds = st.lists(st.sampled_from(sorted(BLOCKS)), min_size=1, max_size=6)


class TestInsertion:
    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(before=kinds, kind=st.sampled_from(sorted(BLOCKS)), at=st.integers(0, 6))
    def test_an_inserted_block_shifts_no_other(self, before: list[str], kind: str, at: int) -> None:
        after = [*before[:at], kind, *before[at:]]
        (old, found), (new, then) = known(parsed(graph(before))), known(parsed(graph(after)))
        assert old <= new
        assert (new - old).total() == 1
        stretched = {f for f in found if f.startswith("shortcut-broadcast")}
        assert stretched <= {*then}

    def test_findings_stay_known(self) -> None:
        _, old = known(parsed(graph(["conv", "stretched", "conv"])))
        _, new = known(parsed(graph(["wide", "conv", "conv", "stretched", "conv"])))
        stretched = {f for f in old if f.startswith("shortcut-broadcast")}
        assert stretched
        assert stretched <= set(new)

    def test_a_second_one_is_new(self) -> None:
        _, old = known(parsed(graph(["stretched", "conv"])))
        _, new = known(parsed(graph(["stretched", "conv", "stretched"])))
        first, second = ({f for f in found if f.startswith("shortcut-broadcast")} for found in (old, new))
        assert first < second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("resnet18", "resnet18_ts"),
        ("resnet18", "resnet18_qdq"),
        ("resnet18", "resnet18_bn"),
        ("resnet18", "resnet18_ort_basic"),
        ("resnet18", "resnet18_ort_extended"),
        ("resnet18", "resnet18_ort_all"),
    ],
)
def test_findings_of_one_network_in_two_forms(one: str, other: str) -> None:
    """The exporter, quantization, folding and the optimizer leave the fingerprints alone."""

    def prints(name: str) -> set[str]:
        anatomy = dissect(read(FIXTURES / f"{name}.onnx"))
        return {f.fingerprint for f in lint(anatomy, ALL, Settings("design"), "m", Confidence.POSSIBLE)}

    assert prints(one)
    assert prints(one) == prints(other)


@pytest.mark.parametrize("kind", sorted(BLOCKS))
def test_opset(kind: str) -> None:
    model = parsed(graph([kind, "conv", kind]))
    assert known(version_converter.convert_version(model, 21)) == known(model)


def test_kinds_are_told_apart() -> None:
    assert len(known(parsed(graph(sorted(BLOCKS))))[0]) == len(BLOCKS)
