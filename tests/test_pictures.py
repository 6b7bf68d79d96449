"""The pictures: what is drawn and folded, that graphviz and XML accept it, and that nothing in a model breaks out."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_report import FINDING, dissected

from reslint.anatomy import Kind, dissect
from reslint.net import read
from reslint.report.anatomy import dot, svg
from reslint.report.anatomy.drawing import Repeat, drawing, folded
from reslint.result import Dissected

FIXTURES = Path(__file__).parents[1] / "fixtures"
EVIL = '"]; evil [label=<b>\\N\\G &lt; </text><script>\x1b[31m\n\ufffe\u202e'
KINDS = tuple(Kind)


def shown(name: str) -> Dissected:
    return Dissected(f"{name}.onnx", dissect(read(FIXTURES / f"{name}.onnx")))


def texts(document: str) -> list[str]:
    """The texts that an SVG shows; it must be XML to begin with."""
    root = ElementTree.fromstring(document)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


class TestFolding:
    @pytest.mark.parametrize(
        ("signs", "repeats"),
        [
            ("", []),
            ("a", [(0, 1, 1)]),
            ("aaa", [(0, 1, 3)]),
            ("abab", [(0, 2, 2)]),
            ("aabaab", [(0, 3, 2)]),
            ("paaa", [(0, 1, 1), (1, 1, 3)]),
            ("ababa", [(0, 2, 2), (4, 1, 1)]),
        ],
    )
    def test_repeats(self, signs: str, repeats: list[tuple[int, int, int]]) -> None:
        assert list(folded(signs)) == [Repeat(*repeat) for repeat in repeats]

    def test_a_transformer_is_one_unit(self) -> None:
        (row,) = drawing(Dissected("m", dissected(24))).rows
        assert [(len(unit.blocks), unit.times) for unit in row.units] == [(2, 12)]

    def test_a_finding_breaks_the_run(self) -> None:
        finding = replace(FINDING, tensor="x12", related=())
        drawn = drawing(Dissected("m", dissected(24), findings=(finding,)))
        assert [(len(unit.blocks), unit.times) for unit in drawn.rows[0].units] == [(2, 5), (1, 1), (1, 1), (2, 6)]
        assert (drawn.marks, drawn.unplaced) == ({"x12": ("shortcut-broadcast",)}, ())

    def test_a_finding_in_all_of_them_does_not(self) -> None:
        finding = replace(FINDING, tensor="x1", related=tuple(f"f{n}" for n in range(1, 24)))
        (row,) = drawing(Dissected("m", dissected(24), findings=(finding,))).rows
        assert [(len(unit.blocks), unit.times) for unit in row.units] == [(2, 12)]

    def test_a_finding_outside_of_blocks_is_kept(self) -> None:
        assert drawing(Dissected("m", dissected(2), findings=(FINDING,))).unplaced == (FINDING,)

    def test_rows_know_where_their_stream_comes_from(self) -> None:
        assert [row.after for row in drawing(shown("unet")).rows] == [(), (0,), (1,), (1, 2), (0, 3)]

    def test_rows_repeat(self) -> None:
        drawn = drawing(shown("mamba"))
        assert (len(drawn.rows), drawn.repeats) == (2, (Repeat(0, 2, 2),))

    def test_dense_blocks_are_folded_though_they_grow(self) -> None:
        assert [row.units[0].times for row in drawing(shown("densenet121")).rows] == [6, 12, 24, 16]


class TestDot:
    def test_whole(self) -> None:
        said = dot.render([Dissected("m.onnx", dissected(2, kinds=(Kind.SCALED, Kind.IDENTITY)))])
        assert said.startswith('digraph "m.onnx" {\n  label="m.onnx"; ')
        assert '    r0 [shape=plaintext, label="layers\\n8x16"];\n' in said
        assert '    r0_1_f [label="attn\\nnorm pre"];\n' in said
        assert '    r0_0 -> r0_1 [style=dashed, arrowtail=odot, dir=both, color="#8250df", label="scaled"];\n' in said
        assert "    r0_1 -> r0_2 [style=solid, penwidth=1.6];\n" in said

    def test_repeated_blocks_stand_in_brackets(self) -> None:
        said = dot.render([Dissected("m.onnx", dissected(24))])
        assert 'label="12 x ["' in said
        assert said.count("_f [label=") == 2

    def test_finding(self) -> None:
        finding = replace(FINDING, tensor="x1")
        said = dot.render([Dissected("m.onnx", dissected(2), findings=(finding, FINDING))])
        assert 'label="attn\\nnorm pre\\n! shortcut-broadcast", color="#cf222e"' in said
        assert 'label="m.onnx\\n! shortcut-broadcast at layer3.4"' in said

    def test_kinds_differ_without_colour(self) -> None:
        said = dot.render([Dissected("m.onnx", dissected(5, kinds=KINDS))])
        arcs = re.findall(r"^    (r\d_\d -> r\d_\d \[(?:style|color).*\]);$", said, re.MULTILINE)
        assert len({re.sub(r'r\d_\d|color="[^:"]*"', "", arc) for arc in arcs}) == len(KINDS)

    @pytest.mark.parametrize(
        ("given", "quoted"),
        [
            ('a"b', '"a\\"b"'),
            ("a\\", '"a\\\\"'),
            ("\\N", '"\\\\N"'),
            ("a\nb", '"a\\\\x0ab"'),
            ("<b>x</b>", '"<b>x</b>"'),
            ("&lt;", '"&amp;lt;"'),
        ],
    )
    def test_quoting(self, given: str, quoted: str) -> None:
        assert dot.quoted(given) == quoted

    def test_nothing_to_draw(self) -> None:
        assert dot.render([Dissected("n.onnx", error="is empty")]) == ""
        assert "no residual blocks" in dot.render([Dissected("m.onnx", dissected(0))])

    @pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not there")
    @pytest.mark.parametrize("name", ["resnet50", "bert", "unet", "densenet121", "mamba", "highway"])
    def test_graphviz_reads_it(self, name: str) -> None:
        text = dot.render([shown(name)])
        ran = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)
        assert ran.stderr == ""
        assert f"{name}.onnx" in texts(ran.stdout)

    @pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not there")
    def test_graphviz_shows_hostile_names_as_they_are(self) -> None:
        model = Dissected(EVIL, dissected(2), findings=(replace(FINDING, module=EVIL, tensor="nowhere"),))
        ran = subprocess.run(["dot", "-Tsvg"], input=dot.render([model]), capture_output=True, text=True, check=True)
        assert texts(ran.stdout)[0] == '"]; evil [label=<b>\\N\\G &lt; </text><script>\\x1b[31m\\x0a\\ufffe\\u202e'


class TestSvg:
    def test_is_accessible(self) -> None:
        finding = replace(FINDING, tensor="x2")
        root = ElementTree.fromstring(svg.render([Dissected("m.onnx", dissected(24), findings=(finding,))]))
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-labelledby"] == "title desc"
        said = {element.attrib["id"]: element.text or "" for element in root if "id" in element.attrib}
        assert said["desc"].splitlines() == [
            "m.onnx: 12 x [pre attn, pre mlp]",
            "error shortcut-broadcast at layer3.4: branch stretched 1 -> 14 over axis 3",
        ]
        assert said["title"]

    def test_shows_blocks_counts_and_findings(self) -> None:
        finding = replace(FINDING, tensor="x24", module="layers.23")
        said = texts(svg.render([Dissected("m.onnx", dissected(24), findings=(finding,))]))
        for text in ("m.onnx", "layers", "8x16", "× 11", "attn", "mlp", "shortcut-broadcast", "!", "identity"):
            assert text in said
        assert "! layers.23: error shortcut-broadcast" in said

    def test_a_finding_in_many_blocks_is_named_once(self) -> None:
        finding = replace(FINDING, tensor="x1", related=tuple(f"f{n}" for n in range(1, 24)))
        said = texts(svg.render([Dissected("m.onnx", dissected(24), findings=(finding,))]))
        assert (said.count("!"), said.count("shortcut-broadcast")) == (2, 1)

    @pytest.mark.parametrize("name", ["resnet50", "bert", "densenet121", "unet", "resnet152", "t5", "vgg19"])
    def test_real_models_stay_on_the_page(self, name: str) -> None:
        root = ElementTree.fromstring(svg.render([shown(name)]))
        wide, high = float(root.attrib["width"]), float(root.attrib["height"])
        boxes = [e.attrib for e in root.iter("{http://www.w3.org/2000/svg}rect")]
        assert all(float(b["x"]) + float(b["width"]) <= wide for b in boxes)
        assert all(float(b["y"]) + float(b["height"]) <= high for b in boxes)
        assert wide < 1300

    def test_streams_that_pass_over_rows_are_drawn(self) -> None:
        document = svg.render([shown("unet")])
        assert document.count('class="skip"') == 2 + 1
        assert "passes over rows" in texts(document)

    def test_many_findings_are_cut(self) -> None:
        said = texts(svg.render([Dissected("m.onnx", dissected(2), findings=(FINDING,) * 20)]))
        assert said[-1] == "and 8 more findings"

    def test_kinds_differ_without_colour(self) -> None:
        """Three have a sign on the shortcut or a merge of their own, and their lines are dashed or doubled."""
        said = svg.render([Dissected("m.onnx", dissected(5, kinds=KINDS))])
        assert {"×", "gate", "proj"} <= set(texts(said))
        assert [said.count(f'class="arc {kind}"') for kind in KINDS] == [2] * 5  # one in the picture, one in the legend
        assert "stroke-dasharray: 8 4" in said

    def test_long_rows_go_on_below(self) -> None:
        kinds = tuple(Kind.SCALED if f"{n:b}".count("1") % 2 else Kind.IDENTITY for n in range(60))  # no period
        root = ElementTree.fromstring(svg.render([Dissected("m.onnx", dissected(60, kinds=kinds))]))
        assert float(root.attrib["width"]) < 1300
        assert float(root.attrib["height"]) > 400

    def test_nothing_breaks_out(self) -> None:
        model = Dissected(EVIL, dissected(2), findings=(replace(FINDING, module=EVIL, message=EVIL),))
        document = svg.render([model])
        root = ElementTree.fromstring(document)
        assert not [e for e in root.iter() if "script" in e.tag or e.tag.endswith("}b")]
        assert not {"\x1b", "\u202e", "\ufffe"} & set(document)

    def test_several_models_stand_below_each_other(self) -> None:
        models = [Dissected("m.onnx", dissected(2)), Dissected("n.onnx", error="no"), Dissected("o.onnx", dissected(0))]
        said = texts(svg.render(models))
        assert said.index("m.onnx") < said.index("o.onnx")
        assert "n.onnx" not in said

    def test_follows_the_colour_scheme(self) -> None:
        assert "@media (prefers-color-scheme: dark)" in svg.render([])
        ElementTree.fromstring(svg.render([]))


def test_the_readme_shows_a_picture() -> None:
    root = FIXTURES.parent
    (link,) = re.findall(r"!\[[^\]]+\]\((docs/[^)]+\.svg)\)", (root / "README.md").read_text("utf-8"))
    assert {"layer3", "shortcut-broadcast"} <= set(texts((root / link).read_text("utf-8")))
