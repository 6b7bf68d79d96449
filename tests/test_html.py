"""The page: what stands in it, that it asks the network for nothing, and that nothing in a model breaks out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import SOUND, Run, Write
from test_formats import ABOUT, EVIL, FULL, with_text
from test_report import FINDING, REPORT, dissected

from reslint.anatomy import Anatomy, Kind, dissect
from reslint.finding import Finding, Severity
from reslint.measure import Difference as Far
from reslint.measure import (
    GradientFlow,
    Latency,
    Measurement,
    Optimized,
    Passage,
    Range,
    Ratio,
    Reach,
    Referred,
    Share,
    Signal,
    Tap,
)
from reslint.net import read
from reslint.portrait import Portrait
from reslint.report.anatomy.portrait import portrait
from reslint.report.html import render
from reslint.report.html.charts import Chart, Scale, Strip, columns, curve, growth, linear, logarithmic, places
from reslint.report.html.embed import embedded
from reslint.report.html.numbers import amount, decade, measured
from reslint.report.html.picture import picture, where_found
from reslint.report.html.ran import run_charts
from reslint.report.html.shape import shape_charts
from reslint.result import Looked, Report

FIXTURES = Path(__file__).parents[1] / "fixtures"
EMPTY = {"meta", "link", "input", "br", "img", "hr"}


def shown(name: str) -> Portrait:
    return portrait(dissect(read(FIXTURES / f"{name}.onnx")))


def page(anatomy: Anatomy, *findings: Finding, path: str = "m.onnx") -> str:
    """The page of one model."""
    kinds = {str(kind): sum(b.kind is kind for b in anatomy.blocks) for kind in Kind}
    looked = Looked(path, kinds={k: n for k, n in kinds.items() if n}, portrait=portrait(anatomy))
    return render(Report("1", (looked,), tuple(replace(f, path=path) for f in findings), rules=(ABOUT,)))


class Read(HTMLParser):
    """A page as a browser reads it: its elements, its text outside of scripts, its scripts; all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.styles: list[str] = []
        self.text = ""
        self.comments: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self.open[-1:] == ["style"]:
            self.styles.append(data)
        else:
            self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {key.replace("_", "-").rstrip("-"): value for key, value in attributes.items()}
        return [has for name, has in self.elements if name == tag and wanted.items() <= has.items()]


class TestPage:
    def test_is_one_well_formed_document(self) -> None:
        text = page(dissected(24), FINDING)
        read_again = Read(text)
        assert not read_again.open
        ids = [has["id"] for _, has in read_again.elements if "id" in has]
        assert len(ids) == len(set(ids))
        targets = {has["href"] for has in read_again.all("a")} | {has["href"] for has in read_again.all("use")}
        assert {f"#{name}" for name in ids} >= targets

    def test_refers_to_nothing_outside(self) -> None:
        read_again = Read(render(FULL))
        attributes = [value for _, has in read_again.elements for key, value in has.items() if key in ("src", "href")]
        assert all((value or "").startswith(("#", "data:,")) for value in attributes)
        assert not re.search(r"url\(|@import|fetch\(|XMLHttp|import\(", "".join(read_again.styles))
        assert not [
            name for name, has in read_again.elements if any(key.startswith("on") or key == "style" for key in has)
        ]

    def test_policy_allows_its_own_script_and_style_alone(self) -> None:
        read_again = Read(page(dissected(2)))
        (policy,) = read_again.all("meta", http_equiv="Content-Security-Policy")
        allowed = dict(part.split(" ", 1) for part in (policy["content"] or "").split("; "))
        assert allowed["default-src"] == "'none'"
        (script,) = (text for kind, text in read_again.scripts if kind is None)
        for source, text in (("script-src", script), ("style-src", "".join(read_again.styles))):
            known = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert allowed[source] == f"'sha256-{known}'"

    def test_same_bytes(self) -> None:
        slower = replace(FULL, seconds=99.0)
        assert render(FULL) == render(slower)

    def test_says_what_came_out(self) -> None:
        read_again = Read(render(FULL))
        assert "1 error, 1 note, 1 model could not be read" in read_again.text.lower()
        assert "is empty" in read_again.text
        assert len(read_again.all("li", data_severity="error")) == 1
        assert "16 residual blocks" in read_again.text
        assert "Nothing was found." in Read(render(Report("1", (Looked("a.onnx"),), ()))).text
        assert "No model was looked at." in Read(render(Report("1", (), ()))).text

    def test_finding_of_no_model_is_told_as_well(self) -> None:
        read_again = Read(render(Report("1", (), (FINDING,))))
        assert read_again.all("li", data_rule="shortcut-broadcast", data_model="")

    def test_worst_comes_first(self) -> None:
        findings = [
            replace(FINDING, severity=severity) for severity in (Severity.NOTE, Severity.ERROR, Severity.WARNING)
        ]
        found = re.findall(r'data-severity="(\w+)"', page(dissected(2), *findings))
        assert found == ["error", "warning", "note"]

    @pytest.mark.parametrize("evil", [*EVIL, "</script><script>alert(1)</script>", "<!--<script>", "\u2028'\"&`{{x}}"])
    def test_nothing_breaks_out(self, evil: str) -> None:
        anatomy = dissected(2)
        for op in anatomy.net.ops:
            op.proto.name = evil.encode("utf-8", "replace").decode()
        sound = Read(page(dissected(2), replace(FINDING, tensor="x1")))
        read_again = Read(page(anatomy, with_text(evil), path=evil))
        assert not read_again.open
        assert not read_again.comments
        assert {name for name, _ in read_again.elements} <= {name for name, _ in sound.elements} | {"option"}
        assert {key for _, has in read_again.elements for key in has} <= {
            key for _, has in sound.elements for key in has
        }
        assert [kind for kind, _ in read_again.scripts] == ["application/json", None]
        data = json.loads(read_again.scripts[0][1])
        assert len(data["blocks"]) == 2
        assert not {"\x1b", "\u202e", "\ufffe", "\u2028", "\x00"} & set(page(anatomy, with_text(evil), path=evil))

    def test_embedded_json_has_no_markup_in_it(self) -> None:
        text = embedded({"a": "</script><!--&\u2028'"})
        assert not set("<>&'\u2028") & set(text)
        assert json.loads(text) == {"a": "</script><!--&\u2028'"}


class TestPicture:
    def test_folds_what_repeats(self) -> None:
        (rows,) = picture(portrait(dissected(24)), ()).rows
        assert [(len(fold.blocks), fold.times, fold.end) for fold in rows.shown[0].folds] == [(2, 12, 24)]

    def test_a_finding_breaks_the_run_and_marks_its_block(self) -> None:
        seen, finding = portrait(dissected(24)), replace(FINDING, tensor="x12", related=())
        assert where_found(seen, [finding]) == ((11,),)
        (rows,) = picture(seen, [finding]).rows
        assert [fold.times for fold in rows.shown[0].folds] == [5, 1, 1, 6]
        marked = [one for fold in rows.shown[0].folds for one in fold.blocks if one.worst]
        assert [(one.number, one.worst) for one in marked] == [(11, Severity.ERROR)]
        assert marked[0].says == "identity shortcut, branch mlp, norm pre, 1 finding: shortcut-broadcast"

    def test_a_finding_on_a_branch_marks_its_block(self) -> None:
        assert where_found(portrait(dissected(4)), [replace(FINDING, tensor="f2", related=("nowhere",))]) == ((2,),)

    def test_rows_say_where_their_stream_comes_from(self) -> None:
        rows = [row for rows in picture(shown("unet"), ()).rows for row in rows.shown]
        assert [row.joins for row in rows] == [(), (), (), ("down.1", "stage 3"), ("down.0", "up.0")]
        assert [row.begins for row in rows] == [True, False, False, False, False]
        assert [row.ends for row in rows] == [False, False, False, False, True]

    def test_rows_that_repeat_are_kept_aside(self) -> None:
        (rows,) = picture(shown("mamba"), ()).rows
        assert (len(rows.shown), len(rows.more), rows.times) == (2, 2, 2)

    def test_blocks_of_one_look_share_a_drawing(self) -> None:
        text = page(dissect(read(FIXTURES / "resnet152.onnx")))
        assert len(set(re.findall(r'<symbol id="(g\w+)"', text))) == 2
        assert len(re.findall(r'class="block"', text)) == 8  # of fifty

    def test_details_are_kept_for_each_block(self) -> None:
        (_, data), _ = Read(page(dissect(read(FIXTURES / "resnet50_broken.onnx")))).scripts
        held = json.loads(data)
        block = held["blocks"][11]
        said = {held["texts"][key]: held["texts"][value] for key, value in block["facts"]}
        assert said["module"] == "layer3.4"
        assert said["source"] == "fixtures/nets.py:21"
        branch = [[held["texts"][cell] for cell in row] for row in block["branch"]]
        assert branch[0][:4] == ["Conv", "1 × 256 × 14 × 14", "256 × 1024 × 1 × 1", "51.4 M"]


class TestShape:
    def test_charts_of_a_model(self) -> None:
        paths, depth, cost = shape_charts(shown("resnet50"))
        assert paths.says == "2^16 paths of 6 to 50 weighted layers: 28 on average, 28 most often."
        assert sum(float(share.split()[0]) for _, share in paths.rows) == pytest.approx(100, abs=0.1)
        assert depth.says.startswith("50 weighted layers on the longest path, at most 4 in a row")
        assert [row[2] for row in depth.rows] == ["3"] * 16
        assert cost.rows[0][1:] == ("layer1.0", "231 M")

    def test_nothing_for_a_model_without_blocks(self) -> None:
        assert list(shape_charts(shown("vgg19"))) == []

    @pytest.mark.parametrize(
        ("scale", "ticks"),
        [
            (linear([0, 7.2]), (0, 2, 4, 6, 8)),
            (linear([3, 3], least=1), (0, 1, 2, 3)),
            (linear([]), (0, 1)),
            (logarithmic([0.02, 300]), (0.01, 0.1, 1, 10, 100, 1000)),
            (logarithmic([2, 7]), (1, 2, 5, 10)),
            (logarithmic([0, float("inf")]), (1, 2, 5, 10)),
        ],
    )
    def test_axes_have_round_numbers(self, scale: Scale, ticks: tuple[float, ...]) -> None:
        assert scale.ticks == pytest.approx(ticks)

    def test_bars_stand_on_the_axis(self) -> None:
        bars = columns([1, 2], linear([1, 2]), ["a", "b"])
        assert [(bar.y, bar.high) for bar in bars] == [(50, 50), (0, 100)]
        assert all(bar.x >= 0 and bar.x + bar.wide <= 100 for bar in bars)

    def test_lines_break_where_there_is_no_value(self) -> None:
        line = curve("a", "a", [1, None, 10, float("nan"), 1], logarithmic([1, 10]))
        assert line.parts == ("10,100", "50,0", "90,100")

    def test_growth(self) -> None:
        assert growth([1, 2, 4, 8]) == pytest.approx(2)
        assert growth([1]) is None

    def test_marks_along_many_columns_are_few(self) -> None:
        assert [tick.says for tick in places(1, 1000)] == ["200", "400", "600", "800", "1000"]
        assert [tick.says for tick in places(1, 1)] == ["1"]

    @pytest.mark.parametrize(
        ("number", "says"),
        [(25_557_032, "25.6 M"), (999, "999"), (0, "0"), (1500, "1.5 k"), (5e15, "5000 T")],
    )
    def test_amounts(self, number: float, says: str) -> None:
        assert amount(number) == says

    @pytest.mark.parametrize(
        ("number", "says"),
        [(None, "\u2013"), (0, "0"), (0.01234567, "0.01235"), (3.4e-7, "3.40 × 10⁻⁷"), (float("inf"), "∞")],
    )
    def test_measured(self, number: float | None, says: str) -> None:
        assert measured(number) == says

    def test_decades(self) -> None:
        assert [decade(10.0**n) for n in (-9, -3, 0, 4, 6)] == ["10⁻⁹", "0.001", "1", "10000", "10⁶"]


def charts(measurements: Iterable[Measurement]) -> tuple[Chart, ...]:
    """The charts of measurements that have no strips."""
    found = tuple(run_charts(measurements))
    drawn = tuple(chart for chart in found if isinstance(chart, Chart))
    assert len(drawn) == len(found)
    return drawn


def strips(measurements: Iterable[Measurement]) -> tuple[Strip, ...]:
    """The strips of measurements that have no other charts."""
    found = tuple(run_charts(measurements))
    drawn = tuple(chart for chart in found if isinstance(chart, Strip))
    assert len(drawn) == len(found)
    return drawn


class TestRan:
    @pytest.fixture
    def anatomy(self) -> Anatomy:
        return dissected(4)

    def test_signal(self, anatomy: Anatomy) -> None:
        taps = tuple(
            Tap(block, Range(2.0**n, 4.0**n), Range(1, 1), Range(2.0 ** (n + 1), 4.0 ** (n + 1)))
            for n, block in enumerate(anatomy.blocks)
        )
        stream, branches = charts([Signal(anatomy, taps)])
        assert "from 2 to 16, changing by a factor of 2 from block to block; its peak is 16." in stream.says
        assert [row[4] for row in stream.rows] == ["2", "4", "8", "16"]
        assert not stream.levels
        assert "Least: 0.125 at layers.3." in branches.says

    def test_the_end_of_half_precision_is_drawn_where_it_is_near(self, anatomy: Anatomy) -> None:
        tap = Tap(anatomy.blocks[0], Range(1, 1), Range(1, 1), Range(60_000, 1))
        stream, _ = charts([Signal(anatomy, (tap,))])
        assert [level.says for level in stream.levels] == ["largest half-precision number"]
        assert "3 blocks could not be tapped" in stream.says

    def test_what_is_not_finite_breaks_nothing(self, anatomy: Anatomy) -> None:
        nan = float("nan")
        taps = (Tap(anatomy.blocks[0], Range(0, 0), Range(nan, nan), Range(nan, nan)),)
        assert "NaN" in Read(self.page(anatomy, Signal(anatomy, taps))).text

    def test_agreement_tells_the_worst_of_each(self, anatomy: Anatomy) -> None:
        near = Far("y", 1e-6, 1e-6, 1e-4, (0,), 1.0, 1.0, 1.0, 120.0)
        far = replace(near, absolute=0.5, relative=0.5)
        (strip,) = strips(
            [Optimized(anatomy, "itself", (replace(near, absolute=0.0, relative=0.0),))]
            + [Referred(anatomy, "old.onnx", (one,)) for one in (near, far)]
        )
        assert strip.says == "1 of 2 comparisons exceed the tolerance (the mark)."
        assert [(track.name, track.says, track.kind) for track in strip.tracks] == [
            ("y, itself", "equal", ""),
            ("y, old.onnx", "0.5", "bad"),
        ]
        (equal,), (differs,) = (track.dots for track in strip.tracks)
        assert equal < (strip.tracks[0].mark or 0) < differs

    def test_latency(self, anatomy: Anatomy) -> None:
        sure = {"p50": (4.0, 6.0), "p99": (8.0, float("inf"))}
        timed = Latency(anatomy, "cpu", 2, 400, 5, 6, 7, 10, Ratio("old.onnx", 1.2, 1.1, 1.3, most=1.05), sure)
        times, ratio = strips([timed])
        assert [track.dots for track in times.tracks] == [(50,), (60,), (70,), (100,)]
        assert [track.spread for track in times.tracks] == [(40, 60), None, None, (80, 100)]
        assert times.rows[0] == ("cpu", "p50", "5", "4", "6")
        assert ratio.tracks[0].kind == "bad"
        assert ratio.says.endswith("between 1.1 and 1.3; it may be 1.05: slower.")
        assert (ratio.tracks[0].mark or 0) < ratio.tracks[0].dots[0]

    def test_shares_of_the_time(self, anatomy: Anatomy) -> None:
        shares = (Share(anatomy.blocks[0], "", 0.25), Share(anatomy.blocks[1], "", 0.5), Share(None, "the head", 0.25))
        _, chart = run_charts([Latency(anatomy, "cpu", 2, 400, 5, 6, 7, 10, shares=shares)])
        assert isinstance(chart, Chart)
        assert chart.says == "On cpu. Most: layers.1 takes 50.0 %."
        assert [row[1:] for row in chart.rows][-1] == ("the head", "25.00 %")
        assert [bar.high for bar in chart.bars] == pytest.approx([41.667, 83.333, 41.667])  # of 60 %

    def test_gradient_flow(self, anatomy: Anatomy) -> None:
        passages = tuple(
            Passage(block, Reach((4.0 / 2**n,), (1.0,) if n else (0.0,)), Reach((0.0,), (0.5,)), (0.25 * (n + 1),))
            for n, block in enumerate(anatomy.blocks[:3])
        )
        flow = GradientFlow(anatomy, passages, (0,), left=((anatomy.blocks[3], "in a loop"),))
        reaching, learning, carried = charts([flow])
        assert reaching.says.startswith(
            "The gradient at the first block is 4 times that at the last; with all shortcuts cut, NaN times, over 1 seed."
        )
        assert reaching.says.endswith("1 block could not be measured.")
        kept, cut = reaching.lines
        assert (len(kept.parts), cut.parts) == (1, ())  # zero has no place on a logarithmic axis
        assert [row[:3] for row in learning.rows] == [("1", "layers.1", "1"), ("2", "layers.2", "1")]
        assert [bar.high for bar in carried.bars] == [25, 50, 75]
        assert not Read(self.page(anatomy, flow)).open
        assert list(run_charts([GradientFlow(anatomy, (), (0,))])) == []

    def test_stand_on_the_page(self, anatomy: Anatomy) -> None:
        read_again = Read(self.page(anatomy, Latency(anatomy, "cpu", 2, 400, 5, 6, 7, 10)))
        assert not read_again.open
        assert "cpu, 2 threads: half of 400 runs took up to 5 ms." in read_again.text

    @staticmethod
    def page(anatomy: Anatomy, *measurements: Signal | Latency | GradientFlow) -> str:
        looked = Looked("m.onnx", kinds={"identity": 4}, portrait=portrait(anatomy), measured=measurements)
        return render(Report("1", (looked,), ()))


class TestCommands:
    def test_check_draws_the_models(self, run: Run, write: Write) -> None:
        write("a.onnx")
        write("b.onnx", SOUND.replace("Relu", "Sigmoid"))
        ran = run("check", ".", "--format", "html")
        assert (ran.status, ran.err) == (0, "")
        assert [kind for kind, _ in Read(ran.out).scripts] == ["application/json"] * 2 + [None]
        assert ran.out == run("check", ".", "--format", "html").out

    def test_anatomy_draws_them_too_and_never_fails(self, run: Run) -> None:
        ran = run("anatomy", str(FIXTURES / "resnet50_broken.onnx"), "--format", "html", "-q")
        assert ran.status == 0
        assert 'class="block found error"' in ran.out
        assert run("anatomy", "nowhere.onnx", "--format", "html").status == 2

    def test_a_report_beside_another_format(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        ran = run("check", "a.onnx", "--report", "html=page.html")
        assert ran.out.startswith("1 model, ")
        assert '<button type="button" class="block"' in (here / "page.html").read_text("utf-8")

    def test_run_shows_what_it_measured(self, run: Run, write: Write) -> None:
        pytest.importorskip("onnxruntime", reason="ONNX Runtime is not there")
        write("a.onnx")
        ran = run("run", "a.onnx", "--format", "html")
        assert {"Signal", "Branch to stream", "Agreement"} <= set(re.findall(r"<b>([\w ]+)</b>", ran.out))

    def test_no_other_format_pays(self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        write("a.onnx")

        def never(anatomy: Anatomy) -> Portrait:
            raise AssertionError(anatomy)

        monkeypatch.setattr("reslint.report.anatomy.portrait.portrait", never)
        assert run("check", "a.onnx", "--format", "sarif", "--no-cache").status == 0
        assert run("check", "a.onnx", "--format", "html", "--no-cache").status == 2


def test_report_without_portraits_is_a_page_as_well() -> None:
    assert not Read(render(REPORT)).open
