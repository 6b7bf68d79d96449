"""How modules begin to train: those on the rules' pages, and networks that the literature speaks of."""

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
from reslint.export.curvature import curvature
from reslint.export.flow import Asked
from reslint.export.flow import measured as everything
from reslint.export.gradients import gradient_flow
from reslint.export.initialization import initialization
from reslint.export.learning import learning
from reslint.export.spec import spec
from reslint.export.start import Prepared, prepared
from reslint.export.task import made_up
from reslint.export.trainable import trainable
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import GradientFlow, Passage, Reach, geometric
from reslint.net import from_proto
from reslint.report.flow import svg as flow_svg
from reslint.report.flow.text import notes
from reslint.result import Looked, Report
from reslint.rules import ALL, Settings

pytestmark = pytest.mark.torch

PROGRAMS = tuple(program for page in pages() for program in programs(page))


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_page(program: Program, here: Path) -> None:
    name = f"page_{program.page.replace('-', '_')}_{program.line}"
    (here / f"{name}.py").write_text(program.text)
    rates = ("learning_rate",) if program.page == "narrow-learning-rate" else ()  # the one that takes seconds
    scale = {"depth": (2, 4, 8)} if program.page == "depth-scaling" else {}
    asked = Asked((0, 1), ("gradient", "initialization", *rates, *(("scaling",) if scale else ())), math.inf, scale)
    measured = everything(spec(f"{name}:build"), asked, print)
    found = lint(measured[0].anatomy, ALL, Settings(profile="design"), name, Confidence.POSSIBLE, measured)
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


def start(target: str, seeds: int = 2, **kwargs: object) -> Prepared:
    return prepared(spec(target, kwargs=json.dumps(kwargs)), range(seeds))


class TestPlain:
    """Networks without shortcuts are measured by layers."""

    def test_gradient_of_a_plain_network_is_what_autograd_gives(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (here / "deep_net.py").write_text(DEEP)
        monkeypatch.syspath_prepend(here)
        flow = measured("deep_net:build", seeds=1)
        assert flow.plain
        assert flow.unit == "layer"
        torch.manual_seed(0)
        net, (x,) = importlib.import_module("deep_net").build()
        seen = []
        for layer in net[::2]:
            x = layer(x)
            seen.append(x)
            x = torch.relu(x) if layer is not net[-1] else x
        grads = torch.autograd.grad(projected(x), [*seen, *(layer.weight for layer in net[::2])])
        assert [p.reach.input[0] for p in flow.layers] == pytest.approx([float(g.norm()) for g in grads[:13]], rel=1e-4)
        assert [p.reach.parameters[0] for p in flow.layers] == pytest.approx(
            [float(g.norm()) for g in grads[13:]], rel=1e-4
        )
        assert flow.lost is not None
        assert 4 < flow.lost < 13

    def test_a_plain_network_is_not_ok(self, run: Run, here: Path) -> None:
        (here / "shallow_net.py").write_text(DEEP.replace("range(12)", "range(2)"))
        ran = run("flow", "shallow_net:build", "--only", "gradient", "--seeds", "1")
        assert ran.out.splitlines()[0] == "shallow_net:build: no residual blocks"
        assert "gradient at 3 layers at initialization" in ran.out


DEEP = """
import torch
from torch import nn

def build():
    layers = [layer for _ in range(12) for layer in (nn.Linear(16, 16), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(16, 4)), (torch.randn(8, 16),)
"""


def never() -> bool:
    return False


class TestStart:
    """Initialization, curvature and rates."""

    def test_weights_of_a_plain_network_without_normalization_count_once_a_layer(self) -> None:
        """He et al. 2015: 19 convolutions before the last weight's own gradient, and the head; with a norm none counts."""
        bare, normed = (
            initialization(
                start("flow_nets:cifar", blocks=3, width=4, size=8, batch=4, norm=norm, shortcut=False), never
            )
            for norm in (False, True)
        )
        assert bare.kept.of_gradient.mean == pytest.approx(19, abs=0.1)
        assert bare.cut is None
        assert bare.verdict == "sensitive"
        assert abs(normed.kept.of_gradient.mean) < 1
        assert normed.verdict == "robust"

    def test_shortcuts_take_some_of_it(self) -> None:
        found = initialization(start("flow_nets:stack", blocks=12, width=16), never)
        assert found.cut is not None
        assert found.kept.of_gradient.most < found.cut.of_gradient.least

    def test_curvature_is_the_largest_eigenvalue(self) -> None:
        """By all rows of the Jacobian of a small network, and the softmax's own Hessian."""
        made = start("flow_nets:stack", seeds=1, blocks=2, width=6, batch=5)
        (value,) = curvature(made, never).kept
        net, first = trainable(made.program, made.cuts, cut=False), made.starts[0]
        first.give(made.program)
        logits = torch.utils._pytree.tree_leaves(net(*first.leaves))[0]
        parameters = [*made.program.parameters()]
        rows = [
            torch.cat(
                [torch.zeros(p.numel()) if g is None else g.flatten() for g, p in zip(found, parameters, strict=True)]
            )
            for number in logits.flatten()
            for found in [torch.autograd.grad(number, parameters, retain_graph=True, allow_unused=True)]
        ]
        shares = logits.detach().softmax(1)
        hessian = torch.block_diag(*(torch.diag(s) - torch.outer(s, s) for s in shares)) / len(shares)
        jacobian = torch.stack(rows)
        assert value == pytest.approx(float(torch.linalg.eigvals(hessian @ jacobian @ jacobian.T).real.max()), rel=0.03)

    def test_cut_twins_give_what_zeros_at_the_shortcuts_give(self, odd: ModuleType) -> None:
        made = start("odd_net:build", seeds=1)
        torch.manual_seed(0)
        net, (x,) = odd.build()
        for cut, how in ((False, torch.clone), (True, torch.zeros_like)):
            made.starts[0].give(made.program)
            (got,) = torch.utils._pytree.tree_leaves(
                trainable(made.program, made.cuts, cut=cut)(*made.starts[0].leaves)
            )
            assert torch.allclose(got, odd.Odd.forward(net, x, how), atol=1e-5)

    def test_rates(self) -> None:
        """A pre-norm stack learns at many rates; with its shortcuts cut, at fewer. Each seed says so."""
        found = learning(start("flow_nets:stack", blocks=20, width=16, norm=True, batch=16), never)
        assert found is not None
        best = found.widest
        without = found.without(best)
        assert without is not None
        assert found.verdict == "trains"
        assert found.wider == "narrower"
        assert best.fastest is not None
        assert len(best.learned) > len(without.learned)
        assert not found.left_out

    def test_where_time_is_over_whole_rounds_count(self) -> None:
        made = start("flow_nets:stack", blocks=2, width=8, norm=True, batch=8)
        assert learning(made, lambda: True) is None
        calls = iter(range(10**6))
        found = learning(made, lambda: next(calls) > 700)
        assert found is not None
        assert all(len(rates.tried) == 4 for rates in (*found.kept, *found.cut))
        assert found.left_out.startswith("every second rate (3)")

    def test_labels_that_are_made_up_can_be_learned(self) -> None:
        """Equal tokens have equal labels, and the loss of guessing is the labels' entropy."""
        ids = torch.tensor([[0, 1, 1, 5]])
        task = made_up(torch.zeros(1, 4, 8, requires_grad=True), (ids,), 0)
        a, b, c, d = task.targets[0].wanted.tolist()
        assert b == c
        assert len({a, b, d}) == 3
        assert task.chance == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))


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
    product: torch.Tensor = (output * weights).sum() / weights.norm()
    return product


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
        ran = run("flow", "texted:build", "--only", "gradient", "--fail-on", "warning", "--plot", "curves.svg")
        assert ran.status == 1
        first, *_ = ran.out.splitlines()
        assert re.match(r"texted:build: \S+: warning\[vanishing-gradient\] the gradient at the first of 14", first)
        assert "gradient at 14 residual blocks at initialization · seeds 0, 1, 2 · fed 8x16" in ran.out
        assert "texted.py:11" in ran.out
        assert ran.err == ""
        drawn = ElementTree.parse(here / "curves.svg")
        curves = [p for p in drawn.iter("{http://www.w3.org/2000/svg}path") if p.get("class") in ("kept", "cut")]
        assert max((p.get("d") or "").count("L") for p in curves) == 13

    def test_json(self, run: Run, here: Path) -> None:
        (here / "jsoned.py").write_text(page("shortcut-carries-nothing"))
        ran = run("flow", "jsoned:build", "--format", "json", "--seeds", "2", "--budget", "120")
        assert ran.status == 0
        found = json.loads(ran.out)
        assert found["schema"] == "reslint.flow/1"
        assert [f["rule"] for f in found["findings"]] == ["shortcut-carries-nothing"]
        (model,) = found["models"]
        assert model["seeds"] == [0, 1]
        (block,) = model["blocks"]
        assert block["by_shortcut"] == [0, 0]
        assert len(block["with"]["input"]) == len(block["cut"]["parameters"]) == 2
        for name in ("initialization", "learning_rate", "curvature", "convergence", "gradient"):
            assert {"with", "cut", "verdict", "says"} <= set(model[name]), name
        assert model["initialization"]["verdict"] == "robust"
        assert model["learning_rate"]["with"]["sgd"]["tried"] == [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]
        assert model["curvature"]["with"]["stable_rate"] == pytest.approx(
            2 / max(model["curvature"]["with"]["eigenvalue"]), rel=1e-3
        )

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
        ran = run("flow", "paged:build", "--only", "gradient", "--seeds", "1", "--format", "html")
        assert ran.status == 0, ran.err
        assert '<button type="button" class="block"' in ran.out
        assert {"Gradient at the blocks", "Carried by the shortcuts"} <= set(re.findall(r"<b>([\w ]+)</b>", ran.out))

    def test_a_model_that_the_configuration_names(self, run: Run, here: Path) -> None:
        (here / "named_net.py").write_text(NET.format(layer="nn.Linear(4, 4)", result="x + self.f(x)"))
        (here / "reslint.toml").write_text('[models.mine]\nfactory = "named_net:Net"\ninput = ["3x4"]\n')
        ran = run("flow", "mine", "--only", "gradient", "--seeds", "1")
        assert ran.status == 0, ran.err
        assert "fed 3x4" in ran.out
        assert "fed 5x4" in run("flow", "--only", "gradient", "--seeds", "1", "--input", "5x4").out

    def test_what_is_no_factory(self, run: Run) -> None:
        assert "a saved program, which can't be initialized again" in run("flow", "model.pt2").err
        assert "is neither module:factory" in run("flow", "model.onnx").err
        assert "no model given" in run("flow").err

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
        "1 batch normalization used batch statistics",
        "the parameters are the same for each seed: only the inputs and the projection differ",
        "no gradient reaches any block: does a layer after them start at zero?",
        "not cut: y, it is dense",
    ]
    bare = replace(passed(1.0), passages=(replace(passed(1.0).passages[0], cut=Reach((0.0,), (0.0,))),))
    assert list(notes(bare))[-1] == "with all shortcuts cut, no gradient arrives: do the branches start at zero?"


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
