"""What reports say, to the byte where a person or a program reads it."""

from __future__ import annotations

import json as stdlib_json
from dataclasses import replace

import pytest
from conftest import SOUND, parsed

from reslint.anatomy import Anatomy, Cost, Depth, Kind, Merge, Placement, Role, Stack, dissect
from reslint.anatomy.describe.signature import signature
from reslint.anatomy.values import Paths, Scale
from reslint.finding import Confidence, Finding, Severity
from reslint.net import from_proto
from reslint.report.anatomy import json as anatomy_json
from reslint.report.anatomy import signature as anatomy_signature
from reslint.report.anatomy import text as anatomy_text
from reslint.report.check import concise, json, text
from reslint.report.common.extent import dims
from reslint.report.common.plain import plain
from reslint.result import Dissected, Looked, Report, Suppressed

FINDING = Finding(
    rule="shortcut-broadcast",
    family="shortcut",
    severity=Severity.ERROR,
    confidence=Confidence.PROVEN,
    message="branch stretched 1 -> 14 over axis 3",
    path="models/resnet50.onnx",
    tensor="add_12",
    node="node_add_12",
    help="use layer3.3's kernel 3x3, pads 1",
    related=("a", "b", "c", "d", "e", "f"),
    module="layer3.4",
    file="nets/resnet.py",
    line=146,
    code="out += identity",
    fingerprint="7f3a09d2c4b5e6f7",
    evidence={"branch_shape": [1, 1024, 14, 1]},
    lines=(("shortcut", "[1,1024,14,14]  relu_37"), ("branch", "[1,1024,14, 1]  conv2d_42")),
)
REPORT = Report(
    "1.2.3",
    (
        Looked("models/a.onnx", kinds={"projection": 4, "identity": 12}),
        Looked("models/b.onnx", error="is empty", fails=True),
        Looked("models/c.onnx"),
        Looked("models/resnet50.onnx", unread=("external data 'w' is missing",), kinds={"identity": 1}),
    ),
    (FINDING, replace(FINDING, severity=Severity.NOTE, module=None, file=None, related=(), lines=())),
    suppressed=(Suppressed(replace(FINDING, path="models/c.onnx"), "known"),) * 2,
    seconds=0.44,
)

TEXT = """\
models/c.onnx: 2 suppressed, no residual blocks

models/resnet50.onnx: layer3.4: error[shortcut-broadcast] branch stretched 1 -> 14 over axis 3
    shortcut  [1,1024,14,14]  relu_37
    branch    [1,1024,14, 1]  conv2d_42
    also at   a, b, c, d and 2 more
    nets/resnet.py:146            out += identity
    help: use layer3.3's kernel 3x3, pads 1
    proven · 7f3a09 · tensor add_12

models/resnet50.onnx: node_add_12: note[shortcut-broadcast] branch stretched 1 -> 14 over axis 3
    help: use layer3.3's kernel 3x3, pads 1
    proven · 7f3a09 · tensor add_12

4 models, 17 residual blocks (13 identity, 4 projection): \
1 error, 1 note, 2 suppressed, 1 without weights, 1 could not be read (0.4 s)
"""


class TestText:
    def test_whole(self) -> None:
        assert text.render(REPORT) == TEXT

    def test_color_changes_nothing_else(self) -> None:
        colored = text.render(REPORT, text.Style(color=True))
        assert "\x1b[31m\x1b[1merror\x1b[0m[shortcut-broadcast]" in colored
        import click

        assert click.unstyle(colored) == TEXT

    def test_verbose_shows_the_numbers(self) -> None:
        assert "    branch_shape  [1, 1024, 14, 1]\n" in text.render(REPORT, text.Style(verbose=True))

    @pytest.mark.parametrize(
        ("message", "shown"),
        [
            ("the branch of layer3.4 gives 1", "the branch gives 1"),
            ("the branch of layer3.42 gives 1", "the branch of layer3.42 gives 1"),
            ("the branch of layer3.4.conv gives 1", "the branch of layer3.4.conv gives 1"),
            ("the branch of layer334 gives 1", "the branch of layer334 gives 1"),
        ],
    )
    def test_module_is_said_once(self, message: str, shown: str) -> None:
        said = text.render(Report("1", (Looked(FINDING.path),), (replace(FINDING, message=message),)))
        assert said.splitlines()[0].endswith(f"layer3.4: error[shortcut-broadcast] {shown}")

    def test_long_help_gets_a_line_of_its_own(self) -> None:
        long = Report("1", (Looked(FINDING.path),), (replace(FINDING, help="h" * 80),))
        lines = text.render(long).splitlines()
        at = lines.index(f"    help: {'h' * 80}")
        assert lines[at + 1].strip() == "proven · 7f3a09 · tensor add_12"

    @pytest.mark.parametrize("field", ["message", "help", "tensor", "module", "code", "file", "path"])
    def test_nothing_from_a_model_reaches_the_terminal(self, field: str) -> None:
        evil = replace(FINDING, **{field: "a\x1b[31m\u202eb\nc"})  # type: ignore[arg-type]
        said = text.render(Report("1", (Looked(evil.path),), (evil,)))
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "a\\x1b[31m\\u202eb\\x0ac" in said


class TestPlain:
    @pytest.mark.parametrize(
        ("given", "shown"),
        [
            ("layer3.4 -> ünï 层", "layer3.4 -> ünï 层"),
            ("\x1b[0m\r\n\t\x7f\x9b", "\\x1b[0m\\x0d\\x0a\\x09\\x7f\\x9b"),
            ("\u202e\u2066\u200b\u2028\ufeff", "\\u202e\\u2066\\u200b\\u2028\\ufeff"),
            ("\udc80", "\\udc80"),
            ("\U000e0041", "\\U000e0041"),
            ("\ufffe\uffff", "\\ufffe\\uffff"),
            ("x" * 301, "x" * 300 + "..."),
        ],
    )
    def test_escapes(self, given: str, shown: str) -> None:
        assert plain(given) == shown
        shown.encode()


class TestJson:
    def test_whole(self) -> None:
        document = stdlib_json.loads(json.render(REPORT))
        assert document["schema"] == "reslint.findings/1"
        assert document["reslint"] == "1.2.3"
        assert document["files"][1:] == [
            {"path": "models/b.onnx", "status": "failed", "error": "is empty", "unread": []},
            {"path": "models/c.onnx", "status": "checked", "error": None, "unread": []},
            {
                "path": "models/resnet50.onnx",
                "status": "checked",
                "error": None,
                "unread": ["external data 'w' is missing"],
            },
        ]
        assert document["findings"][0] == {
            "rule": "shortcut-broadcast",
            "family": "shortcut",
            "severity": "error",
            "confidence": "proven",
            "message": "branch stretched 1 -> 14 over axis 3",
            "path": "models/resnet50.onnx",
            "tensor": "add_12",
            "node": "node_add_12",
            "related": ["a", "b", "c", "d", "e", "f"],
            "module": "layer3.4",
            "class": None,
            "source": {"file": "nets/resnet.py", "line": 146},
            "fingerprint": "7f3a09d2c4b5e6f7",
            "evidence": {"branch_shape": [1, 1024, 14, 1]},
            "help": "use layer3.3's kernel 3x3, pads 1",
        }
        assert document["findings"][1]["source"] is None
        assert document["summary"] == {
            "error": 1,
            "warning": 0,
            "note": 1,
            "suppressed": 2,
            "without_weights": 1,
            "unreadable": 1,
            "unread": 2,
        }

    def test_no_time_and_only_ascii(self) -> None:
        odd = replace(REPORT, seconds=9.9, findings=(replace(FINDING, tensor="\x1b\u202e\udc80"),))
        assert json.render(odd).isascii()
        assert "\x1b" not in json.render(odd)
        assert json.render(replace(REPORT, seconds=9.9)) == json.render(REPORT)


def dissected(count: int, *, kinds: tuple[Kind, ...] = (), placement: Placement = Placement.PRE) -> Anatomy:
    """A chain of blocks with an attention and an mlp branch in turn; of the given kinds, whatever the graph says."""
    body = ["x0 = Relu (x)"]
    for n in range(count):
        between = f"s{n} = {'Relu' if n % 2 else 'Softmax'} (a{n})"
        body += [f"a{n} = MatMul (x{n}, w)", between, f"f{n} = MatMul (s{n}, w)", f"x{n + 1} = Add (x{n}, f{n})"]
    graph = f"agraph (float[1, 8, 16] x) => (float[1, 8, 16] x{count}) <float[16, 16] w> {{ {' '.join(body)} }}"
    model = parsed(graph)
    for node in model.graph.node:
        node.name = f"/layers.{int(node.output[0][1:]) - (node.op_type == 'Add')}/{node.op_type}"
    found = dissect(from_proto(model))
    assert [block.merge.id for block in found.blocks] == [f"x{n + 1}" for n in range(count)]
    blocks = tuple(
        block._replace(
            kind=kinds[n] if kinds else Kind.IDENTITY,
            normalization=placement,
            stack=0,
            depth=2,
            reason="made so",
        )
        for n, block in enumerate(found.blocks)
    )
    first = found.net.ops[min(1, count)]  # a0, where there are blocks
    return counted(
        replace(found, blocks=blocks, merges=(Merge(found.net, first, Role.FUSE, "why not"),), stacks=(Stack(blocks),))
    )


def counted(found: Anatomy) -> Anatomy:
    """The anatomy with depth and cost as a large model has them."""
    vars(found).update(
        depth=Depth(9, 8, 7, 6),
        cost=Cost(25_557_032, 4_100_000_000, unknown=("Odd",), by_op={"f0": 2_050_000_000}),
    )
    return found


class TestAnatomyText:
    def test_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = dissected(3, kinds=(Kind.PROJECTION, Kind.IDENTITY, Kind.GATED))
        finding = replace(FINDING, tensor="x2", rule="empty-branch")
        paths = Paths(3.0, 0, 3.25, 6, 2, 1.0, 0, (1.0,))
        vars(found)["paths"] = paths
        assert anatomy_text.render([Dissected("m.onnx", found, findings=(finding,))]) == (
            "m.onnx: 3 residual blocks · 25.6 M params · 4.1 GMAC at 1x8x16\n"
            "        blocks   out   branch     norm  MAC   finding\n"
            "layers  P I ! G  8x16  attn, mlp  pre   50 %  .1 empty-branch\n"
            "depth: 8 weighted layers, 7 residual, 9 ops; at most 6 layers that no shortcut bypasses\n"
            "paths: 2^3 of 0..6 weighted layers, mean 3.25, most have 2\n"
            "other merges: 1 fuse\n"
            "P projection  I identity  G gated  ! finding\n"
        )

    @pytest.mark.parametrize(
        ("placement", "term"),
        [
            (Placement.PRE, "+attn(norm x)  +mlp(norm x)"),
            (Placement.POST, "norm(x + attn(x))  norm(x + mlp(x))"),
            (Placement.SANDWICH, "+norm(attn(norm x))  +norm(mlp(norm x))"),
            (Placement.NONE, "+attn(x)  +mlp(x)"),
        ],
    )
    def test_blocks_that_repeat_are_one_line(self, placement: Placement, term: str) -> None:
        said = anatomy_text.render([Dissected("m.onnx", dissected(24, placement=placement))])
        assert said.splitlines()[1] == f"layers: 12 x {{ {term} }}  out 8x16      identity 24, period 2"

    def test_finding_in_a_folded_row(self) -> None:
        said = anatomy_text.render([Dissected("m.onnx", dissected(24), findings=(replace(FINDING, tensor="x2"),))])
        assert "!  layer3.4: branch stretched 1 -> 14 over axis 3  shortcut-broadcast\n" in said

    def test_one_that_does_not_fit_is_seen(self) -> None:
        kinds = (Kind.IDENTITY,) * 12 + (Kind.SCALED,) + (Kind.IDENTITY,) * 11
        said = anatomy_text.render([Dissected("m.onnx", dissected(24, kinds=kinds))])
        assert "layers  I x12 S I x11" in said

    def test_folded_norm_is_explained(self) -> None:
        said = anatomy_text.render([Dissected("m.onnx", dissected(2, placement=Placement.FOLDED))])
        assert "folded?: no normalization left" in said

    def test_verbose_gives_reasons_in_order(self) -> None:
        said = anatomy_text.render([Dissected("m.onnx", dissected(2))], verbose=True)
        assert said.splitlines()[-3:] == [
            "a0  MatMul  fuse: why not",
            "x1  Add  residual, identity: made so",
            "x2  Add  residual, identity: made so",
        ]


class TestAnatomyJson:
    def test_whole(self) -> None:
        found = dissected(1)
        scales = {"scale_shortcut": Scale(0.5), "scale_branch": Scale(float("nan"))}
        found = counted(replace(found, blocks=(found.blocks[0]._replace(**scales),)))  # type: ignore[arg-type]
        models = [Dissected("m.onnx", found), Dissected("n.onnx", error="is empty")]
        told = found.paths
        paths = {key: getattr(told, key) for key in ("log2_count", "min", "mean", "max", "mode")}
        document = stdlib_json.loads(anatomy_json.render(models))
        assert document["schema"] == "reslint.anatomy/1"
        assert document["models"][0] == {
            "path": "m.onnx",
            "error": None,
            "blocks": [
                {
                    "merge": "x1",
                    "node": "/layers.0/Add",
                    "op": "Add",
                    "kind": "identity",
                    "normalization": "pre",
                    "shortcut": [],
                    "fork": "x0",
                    "branch_ops": 3,
                    "module": "layers.0",
                    "source": None,
                    "stack": 0,
                    "depth": 2,
                    "scale_shortcut": {"value": 0.5},
                    "scale_branch": {"value": None},
                    "activation": None,
                    "nonnegative": False,
                    "reason": "made so",
                    "signature": str(signature(found.blocks[0])),
                }
            ],
            "merges": [
                {"merge": "a0", "node": "/layers.0/MatMul", "op": "MatMul", "role": "fuse", "reason": "why not"}
            ],
            "stacks": [{"blocks": ["x1"], "period": 1}],
            "depth": {"ops": 9, "weighted": 8, "residual": 7, "longest_plain": 6, "paths": paths},
            "cost": {"params": 25557032, "macs": 4100000000, "unknown": ["Odd"]},
        }
        assert document["models"][1] == {
            "path": "n.onnx",
            "error": "is empty",
            "blocks": [],
            "merges": [],
            "stacks": [],
            "depth": None,
            "cost": None,
        }


def test_signature_is_one_line_per_model_that_was_read() -> None:
    models = [
        Dissected("m\x1b.onnx", dissected(24)),
        Dissected("n.onnx", error="is empty"),
        Dissected("o.onnx", dissected(0)),
    ]
    assert anatomy_signature.render(models) == "m\\x1b.onnx: 12 x [pre attn, pre mlp]\no.onnx: no residual blocks\n"


@pytest.mark.parametrize(
    ("dim", "shown"),
    [
        ("batch", "batch x 4"),
        (7, "7x4"),
        (None, "?x4"),
        ("unk__12", "?x4"),
        ("2*n + 1", "2*n + 1 x 4"),
        ("floor(floor(height/2 - 1/2)/2) + 1", "~height/4 x 4"),
        ("floor(height - 1/2 + 1/2) + 1", "~height x 4"),
        ("floor(3*height/2 + 3*height/2) + 1", "~3*height x 4"),
        ("floor(height/2) + floor(width/2)", "?x4"),
        ("Min(17, 3*height, 2 - height)", "?x4"),
        ("a name with (brackets", "a name with (brackets x 4"),
    ],
)
def test_extents_are_said_in_short(dim: int | str | None, shown: str) -> None:
    net = from_proto(parsed(SOUND))
    assert dims((dim, 4), net) == shown
    assert dims(None, net) == "?"


class TestWidth:
    LONG = replace(
        FINDING,
        message="the branch gives [1, 1024, 14, 1], which is stretched over axis 3 of the shortcut [1, 1024, 14, 14]",
        help="make the branch as large as the shortcut on axis 3; it became 1 at Conv getitem_114",
    )

    @pytest.mark.parametrize("width", range(40, 201, 7))
    @pytest.mark.parametrize("verbose", [False, True])
    def test_lines_break_between_words_only(self, width: int, verbose: bool) -> None:
        report = Report("1", (Looked(FINDING.path, kinds={"identity": 12, "projection": 4}),), (self.LONG,))
        free = text.render(report, text.Style(verbose=verbose, width=10_000))
        laid = text.render(report, text.Style(verbose=verbose, width=width, wraps=True))
        assert laid.split() == free.split()
        longest = max(len(word) for word in free.split()) + 8
        assert all(len(line) <= max(width, longest) for line in laid.splitlines())
        assert "[1, 1024, 14, 14]" in laid  # a shape stays whole

    def test_a_pipe_gets_findings_as_one_line(self) -> None:
        first = text.render(Report("1", (Looked(FINDING.path),), (self.LONG,))).splitlines()[0]
        assert first.endswith("[1, 1024, 14, 14]")

    def test_quiet_leaves_findings_only(self) -> None:
        said = text.render(REPORT, text.Style(quiet=True))
        assert "suppressed" not in said
        assert "models," not in said
        assert said.count("[shortcut-broadcast]") == 2

    def test_hyperlinks(self) -> None:
        said = text.render(REPORT, text.Style(pages="https://x.org/rules"))
        assert "\x1b]8;;https://x.org/rules/shortcut-broadcast\x1b\\shortcut-broadcast\x1b]8;;\x1b\\" in said

    def test_a_suppressed_finding_is_never_ok(self) -> None:
        assert "ok" not in text.render(REPORT, text.Style(verbose=True)).split("models/c.onnx:")[1].splitlines()[0]


def test_concise() -> None:
    assert concise.render(REPORT).splitlines()[0] == (
        "models/resnet50.onnx:1:1: error[shortcut-broadcast] branch stretched 1 -> 14 over axis 3 (models/resnet50.onnx)"
    )
