"""Gradients: what reaches the blocks of the modules on the rules' pages, and of networks that the literature speaks of."""

from __future__ import annotations

import importlib
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import torch
from conftest import SOUND, Run, Write, parsed
from pages import Program, pages, programs
from torchnets import NETS

from reslint.anatomy import dissect
from reslint.export.gradients import gradient_flow
from reslint.export.spec import spec
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import GradientFlow, Passage, Reach, geometric
from reslint.net import from_proto
from reslint.report.flow import svg as flow_svg
from reslint.report.flow.text import notes
from reslint.result import Looked, Report
from reslint.rules import ALL, Settings

PROGRAMS = tuple(program for page in pages() for program in programs(page))


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_page(program: Program, here: Path) -> None:
    name = f"page_{program.page.replace('-', '_')}_{program.line}"
    (here / f"{name}.py").write_text(program.text)
    flow = gradient_flow(spec(f"{name}:build"), (0, 1))
    found = lint(flow.anatomy, ALL, Settings(profile="design"), name, Confidence.POSSIBLE, (flow,))
    assert {finding.rule for finding in found} == program.expected


def measured(target: str, seeds: int = 2, **kwargs: object) -> GradientFlow:
    return gradient_flow(spec(target, kwargs=json.dumps(kwargs)), range(seeds))


class TestLiterature:
    def test_plain_networks_with_batch_normalization_explode_and_shortcuts_help(self) -> None:
        """Yang et al. 2019: about 1.2 times a layer, of which a block has two."""
        flow = measured("flow_nets:cifar", blocks=3, width=8, size=16, batch=8)
        assert flow.batch_normalizations == 19
        assert len(flow.passages) == 9
        assert flow.cut.least > 1.5 * flow.kept.most
        assert 1.3 < flow.cut.mean ** (1 / 8) < 1.6

    def test_without_normalization_each_block_doubles_the_gradient_square(self) -> None:
        """De and Smith 2020: exponential without normalization, a power of the depth with it."""
        bare, normed = (measured("flow_nets:stack", norm=norm) for norm in (False, True))
        assert 1.3 < bare.kept.mean ** (1 / 11) < 1.6
        assert normed.kept.most < 12
        assert bare.kept.least > 4 * normed.kept.most

    @pytest.mark.parametrize(("pre", "falls"), [(True, True), (False, False)])
    def test_last_layer_of_a_transformer(self, pre: bool, falls: bool) -> None:
        """Xiong et al. 2020, theorem 1: the last feed-forward network's gradient falls as 1/sqrt(L) with pre-norm only."""
        shallow, deep = (measured("flow_nets:transformer", layers=n, pre=pre).passages[-1] for n in (2, 8))
        ratio = geometric(shallow.kept.parameters) / geometric(deep.kept.parameters)
        assert (1.5 if falls else 0.85) < ratio < (2.2 if falls else 1.15)


ODD = """
import torch
from torch import nn
from torch.nn.functional import relu


class Odd(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.norm = nn.Linear(width, width), nn.BatchNorm1d(width)
        self.branches = nn.ModuleList(nn.Linear(width, width) for _ in range(5))
        self.gate, self.project, self.more = (nn.Linear(width, width) for _ in range(3))
        self.last = nn.Linear(2 * width, width)
        self.seen = []

    def forward(self, x, keep=lambda x: x):
        f = self.branches
        self.seen = []

        def see(x):
            self.seen.append(x)
            return x

        x = see(self.norm(self.first(x)))
        x = see(torch.add(relu(f[0](x)), keep(x), alpha=0.5))
        x = see(keep(x) - relu(f[1](x)))
        x = see(torch.addmm(keep(x), relu(x), f[2].weight))
        x = see(keep(self.project(x)) + relu(f[3](x)))
        g = torch.sigmoid(self.gate(x))
        x = g * relu(f[4](x)) + (1 - g) * keep(x)
        return self.last(torch.cat([x, relu(self.more(x))], 1))


class Kept(Odd):
    def forward(self, x):
        return super().forward(x)


def build():
    return Kept(6), (torch.randn(7, 6),)


def same():
    torch.manual_seed(5)
    return Kept(6), (torch.randn(7, 6),)
"""


@pytest.fixture
def odd(here: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (here / "odd_net.py").write_text(ODD)
    monkeypatch.syspath_prepend(here)
    return importlib.import_module("odd_net")


class TestMeasurement:
    def test_it_is_what_autograd_gives_for_the_network_by_hand(self, odd: ModuleType) -> None:
        """All ways to write a sum, batch statistics, and a plain twin that is written out."""
        flow = measured("odd_net:build", seeds=1)
        assert [str(p.block.kind) for p in flow.passages] == ["scaled", "identity", "identity", "projection", "gated"]
        assert [(block.merge.type, "concatenates" in why) for block, why in flow.left] == [("Concat", True)]
        torch.manual_seed(0)
        net, (x,) = odd.build()
        for how, of in (
            (torch.clone, [p.kept for p in flow.passages]),
            (torch.zeros_like, [p.cut for p in flow.passages]),
        ):
            loss = projected(odd.Odd.forward(net, x, how))
            inputs = torch.autograd.grad(loss, net.seen, retain_graph=True)
            own = torch.autograd.grad(loss, [*net.branches[:3].parameters()], allow_unused=True)
            assert [r.input[0] for r in of] == pytest.approx([float(g.norm()) for g in inputs], rel=1e-4)
            of_layers = [
                sum(float(g.square().sum()) for g in own[at : at + 2] if g is not None) ** 0.5 for at in (0, 2, 4)
            ]
            assert [r.parameters[0] for r in of[:3]] == pytest.approx(of_layers, rel=1e-4)

    def test_what_the_shortcut_brings_and_what_the_branch_brings_add_up(self, odd: ModuleType) -> None:
        flow = measured("odd_net:build", seeds=1)
        torch.manual_seed(0)
        net, (x,) = odd.build()
        output = net(x)
        before, after = net.seen[1:3]
        (arrives,) = torch.autograd.grad(projected(output), [after], retain_graph=True)
        (whole,) = torch.autograd.grad(projected(output), [before])
        assert flow.passages[1].carried[0] == pytest.approx(float(arrives.norm() / whole.norm()), rel=1e-4)

    def test_a_factory_that_ignores_the_seed_is_told(self, odd: ModuleType) -> None:
        assert measured("odd_net:build").fresh
        same = measured("odd_net:same")
        assert not same.fresh
        assert same.passages[0].kept.input[0] != same.passages[0].kept.input[1]  # another projection

    def test_attention_with_a_learned_bias(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (here / "biased_net.py").write_text(NETS)
        monkeypatch.syspath_prepend(here)
        (passage,) = measured("biased_net:biased", seeds=1).passages
        torch.manual_seed(0)
        net, (x,) = importlib.import_module("biased_net").biased()
        grads = torch.autograd.grad(projected(net(x)), [*net.parameters()])
        assert passage.kept.parameters[0] == pytest.approx(sum(float(g.square().sum()) for g in grads) ** 0.5, rel=1e-4)
        assert all(float(g.norm()) > 0 for g in grads)


def projected(output: torch.Tensor) -> torch.Tensor:
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(0))
    return (output * weights).sum() / weights.norm()


REFUSED = {
    "lerp": ("nn.Linear(4, 4)", "torch.lerp(x, self.f(x), torch.sigmoid(self.f(x)))", "can't be found"),
    "single": ("nn.BatchNorm1d(4)", "x[:1] + self.f(x[:1])", "a larger batch"),
    "integer": ("nn.Linear(4, 4)", "(x + torch.relu(self.f(x))).argmax()", "no floating-point output"),
    "fails": ("nn.Linear(5, 4)", "x + self.f(x)", "refused.py:8: def forward(self, x): return x + self.f(x)"),
}
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__(); self.f = {layer}
    def forward(self, x): return {result}

def build(): return Net(), (torch.randn(4, 4),)
"""


class TestCommand:
    def test_text(self, run: Run, here: Path) -> None:
        (here / "texted.py").write_text(page("vanishing-gradient"))
        ran = run("flow", "texted:build", "--fail-on", "warning", "--plot", "curves.svg")
        assert ran.status == 1
        first, *_ = ran.out.splitlines()
        assert re.match(
            r"texted:build: \S+: warning\[vanishing-gradient\] the gradient that reaches the first of 14", first
        )
        assert "gradient at 14 residual blocks at initialization · seeds 0, 1, 2 · fed 8x16" in ran.out
        assert "texted.py:11" in ran.out
        assert ran.err == ""
        drawn = ElementTree.parse(here / "curves.svg")
        curves = [p for p in drawn.iter("{http://www.w3.org/2000/svg}path") if p.get("class") in ("kept", "cut")]
        assert max((p.get("d") or "").count("L") for p in curves) == 13

    def test_json(self, run: Run, here: Path) -> None:
        (here / "jsoned.py").write_text(page("shortcut-carries-nothing"))
        ran = run("flow", "jsoned:build", "--format", "json", "--seeds", "2")
        assert ran.status == 0
        assert ran.json["schema"] == "reslint.flow/1"
        assert [f["rule"] for f in ran.json["findings"]] == ["shortcut-carries-nothing"]
        (model,) = ran.json["models"]
        assert model["seeds"] == [0, 1]
        (block,) = model["blocks"]
        assert block["by_shortcut"] == [0, 0]
        assert len(block["with"]["input"]) == len(block["cut"]["parameters"]) == 2

    @pytest.mark.parametrize("name", REFUSED)
    def test_what_can_not_be_measured_is_one_line(self, name: str, run: Run, here: Path) -> None:
        layer, result, says = REFUSED[name]
        (here / f"{name}_refused.py").write_text(NET.format(layer=layer, result=result))
        ran = run("flow", f"{name}_refused:build")
        assert ran.status == 2
        (line,) = ran.err.splitlines()
        assert line.startswith(f"{name}_refused:build: error: ")
        assert says in line

    def test_page(self, run: Run, here: Path) -> None:
        (here / "paged.py").write_text(NET.format(layer="nn.Linear(4, 4)", result="x + self.f(x)"))
        ran = run("flow", "paged:build", "--seeds", "1", "--format", "html")
        assert ran.status == 0, ran.err
        assert '<button type="button" class="block"' in ran.out
        assert {"Gradient at the blocks", "Carried by the shortcuts"} <= set(re.findall(r"<b>([\w ]+)</b>", ran.out))

    def test_a_model_that_the_configuration_names(self, run: Run, here: Path) -> None:
        (here / "named_net.py").write_text(NET.format(layer="nn.Linear(4, 4)", result="x + self.f(x)"))
        (here / "reslint.toml").write_text('[models.mine]\nfactory = "named_net:Net"\ninput = ["3x4"]\n')
        ran = run("flow", "mine", "--seeds", "1")
        assert ran.status == 0, ran.err
        assert "fed 3x4" in ran.out
        assert "fed 5x4" in run("flow", "--seeds", "1", "--input", "5x4").out

    def test_what_is_no_factory(self, run: Run) -> None:
        assert "a saved program, which can't be initialized anew" in run("flow", "model.pt2").err
        assert "no module:factory" in run("flow", "model.onnx").err
        assert "no model is named" in run("flow").err

    def test_rules_of_other_commands(self, run: Run, write: Write) -> None:
        ran = run("run", str(write("a.onnx")), "--select", "flow")
        assert (ran.status, ran.err) == (2, "error: the selected rules need: reslint flow\n")
        ran = run("flow", "a:b", "--select", "numerics,norm")
        assert (ran.status, ran.err) == (2, "error: the selected rules need: reslint check and reslint run\n")


def page(rule: str) -> str:
    return next(program.text for program in PROGRAMS if program.page == rule)


def passed(*inputs: float, carried: float = 0.5) -> GradientFlow:
    anatomy = dissect(from_proto(parsed(SOUND)))
    reach = [Reach((i,), (1.0,)) for i in inputs]
    return GradientFlow(anatomy, tuple(Passage(anatomy.blocks[0], r, r, (carried,)) for r in reach), (0,))


@pytest.mark.parametrize(
    ("inputs", "rule"),
    [
        ((1.0, 0.5), ""),
        ((2e-3, 1.0), ""),
        ((9e-4, 1.0), "vanishing-gradient"),
        ((0.0, 1.0), "vanishing-gradient"),
        ((999.0, 1.0), ""),
        ((1001.0, 1.0), "exploding-gradient"),
        ((math.inf, 1.0), "exploding-gradient"),
        ((math.nan, 1.0), "exploding-gradient"),
        ((1.0,), ""),
        ((0.0, 0.0), ""),
        ((), ""),
    ],
)
def test_thresholds(inputs: tuple[float, ...], rule: str) -> None:
    flow = passed(*inputs)
    found = lint(flow.anatomy, ALL, Settings(), "a", measured=(flow,))
    assert [finding.rule for finding in found] == ([rule] if rule else [])


def test_a_share_that_is_not_known_is_no_finding() -> None:
    for carried, fires in ((1e-4, True), (2e-3, False), (math.nan, False)):
        flow = passed(1.0, 1.0, carried=carried)
        found = list(lint(flow.anatomy, ALL, Settings(), "a", measured=(flow,)))
        assert bool(found) is fires


def test_what_is_told_below_the_table() -> None:
    flow = passed(0.0, 0.0, carried=math.nan)
    told = list(
        notes(replace(flow, fresh=False, batch_normalizations=1, left=((flow.anatomy.blocks[0], "it is dense"),)))
    )
    assert told[0].endswith("with shortcuts -; all cut -")
    assert told[3:] == [
        "1 batch normalization took the statistics of the batch",
        "the parameters are the same for each seed: only the inputs and the projection differ",
        "no gradient reaches any block: does a layer behind them start at zero?",
        "left alone: y, it is dense",
    ]
    bare = replace(passed(1.0), passages=(replace(passed(1.0).passages[0], cut=Reach((0.0,), (0.0,))),))
    assert list(notes(bare))[-1] == "with all shortcuts cut nothing arrives: do the branches start at zero?"


def test_curves_leave_out_what_has_no_logarithm() -> None:
    flow = passed(1.0, 2.0, 0.0, math.nan, 4.0, 5.0, 6.0)
    drawn = flow_svg.render(Report("0", (Looked("a&b", measured=(flow,)),), ()))
    ElementTree.fromstring(drawn)
    curves = re.findall(r'd="([^"]*)" class="kept"', drawn)
    assert [curve.count("L") for curve in curves[:2]] == [1, 2]
    assert "a&amp;b" in drawn


@pytest.mark.parametrize(
    ("numbers", "mean"),
    [((2.0, 8.0), 4.0), ((0.0, 8.0), 0.0), ((1.0, math.inf), math.inf), ((1.0, math.nan), math.nan), ((), math.nan)],
)
def test_geometric_mean(numbers: tuple[float, ...], mean: float) -> None:
    assert geometric(numbers) == pytest.approx(mean, nan_ok=True)
