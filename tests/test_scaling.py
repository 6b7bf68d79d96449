"""Sizes over depth and width, and batches of the user's own."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import onnx
import pytest
from conftest import Run

from reslint.anatomy import dissect
from reslint.errors import BadConfiguration
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import Scaling, Sizes, Trend
from reslint.net import from_proto
from reslint.report.flow.verdicts import verdicts
from reslint.rules import ALL, Settings

GRAPH = '<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] y) { y = Relu (x) }'
FLAT = (1.0, 1.0)


def trend(*streams: tuple[float, ...], deepens: bool = True, moves: float = 0.0) -> Trend:
    values = tuple(4.0**at for at in range(1, len(streams) + 1))
    kept = tuple(Sizes(s, FLAT, FLAT, (v**moves,) * 2) for v, s in zip(values, streams, strict=True))
    return Trend("depth", values, deepens, kept, ())


def scaling(*trends: Trend) -> Scaling:
    return Scaling(dissect(from_proto(onnx.parser.parse_model(GRAPH))), trends, 3, 1e-3)


class TestTrend:
    def test_exponent_is_the_slope_of_the_logarithms(self) -> None:
        found = trend((1.0, 3.0), (2.0, 6.0), (4.0, 12.0))
        assert found.exponent("stream").mean == pytest.approx(0.5)
        assert (found.verdict, found.drifting) == ("drifts", ("stream",))
        assert found.remedy == pytest.approx(-0.5)

    @pytest.mark.parametrize(
        ("streams", "verdict"),
        [
            (((1.0, 1.0), (1.1, 1.2)), "holds"),
            (((1.0, 1.0), (4.0, 1.0)), "undecided"),  # seeds part
            (((1.0, 1.0), (4.0, 0.25)), "undecided"),
            (((1.0, 1.0), (0.25, 0.25)), "drifts"),
            (((math.nan, math.nan), (math.nan, math.nan)), "holds"),  # no stream
            (((1.0, 1.0), (math.inf, math.inf)), "holds"),
        ],
    )
    def test_verdict(self, streams: tuple[tuple[float, ...], ...], verdict: str) -> None:
        assert trend(*streams).verdict == verdict

    def test_width_is_held_by_the_rate(self) -> None:
        found = trend((1.0, 1.0), (1.0, 1.0), deepens=False, moves=1.0)
        (finding,) = lint(scaling(found).anatomy, ALL, Settings(), "m", Confidence.POSSIBLE, (scaling(found),))
        assert finding.rule == "depth-scaling"
        assert "depth^1.00, from 4 to 16" in finding.message
        assert "rate of the hidden weights by depth^-1.00" in finding.help

    def test_the_worst_trend_is_the_verdict(self) -> None:
        steady, drifts = trend((1.0, 1.0), (1.0, 1.0)), trend((1.0, 1.0), (2.0, 2.0))
        (verdict,) = verdicts([scaling(steady, drifts)])
        assert verdict.word == "drifts"
        assert "branches times depth^-0.50 would hold it" in verdict.says


@pytest.mark.parametrize("text", ["depth", "depth=4", "depth=4,4", "depth=0,4", "depth=4,x"])
def test_what_is_no_scale(text: str, run: Run) -> None:
    ran = run("flow", "m:build", "--scale", text)
    assert ran.status == 2
    assert "depth=6,12,24" in ran.err


def test_scaling_alone_needs_values(run: Run) -> None:
    ran = run("flow", "m:build", "--only", "scaling")
    assert ran.status == 2
    assert "needs --scale" in ran.err


OWN = """
import torch

def batch():
    return torch.ones(3, 4), torch.tensor([0, 1, 1])

def numbers():
    return {"x": torch.ones(3, 4)}, torch.zeros(3, 2)

def bare():
    return torch.ones(3, 4)

def loader():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(6, 4), torch.zeros(6).long()), 3)

def loss(outputs, targets):
    return (outputs.argmax() + targets.sum()).float()

def many(outputs, targets):
    return outputs
"""


@pytest.mark.torch
class TestData:
    @pytest.fixture(autouse=True)
    def own(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (here / "own_batch.py").write_text(OWN)
        monkeypatch.syspath_prepend(here)
        monkeypatch.delitem(sys.modules, "own_batch", raising=False)

    @pytest.mark.parametrize(
        ("name", "loss", "says", "value"),
        [
            ("batch", "", "cross-entropy", math.log(2)),
            ("numbers", "", "squares", 1.0),
            ("loader", "", "cross-entropy", math.log(2)),
            ("batch", "own_batch:loss", "own_batch:loss", 2.0),
        ],
    )
    def test_a_batch_and_its_loss(self, name: str, loss: str, says: str, value: float) -> None:
        import torch

        from reslint.export.data import Data, batched

        found = batched(Data(f"own_batch:{name}", loss), 0)
        assert found.says == f"{says} of a batch of own_batch:{name}"
        assert found.loss is not None
        assert float(found.loss(torch.ones(3, 2))) == pytest.approx(value, abs=1e-6)
        assert found.called is not None
        args, kwargs = found.called
        assert [t.shape for t in (*args, *kwargs.values()) if isinstance(t, torch.Tensor)] == [(3, 4)]

    def test_inputs_alone_have_labels_that_are_made_up(self) -> None:
        from reslint.export.data import Data, batched

        assert batched(Data("own_batch:bare"), 0).loss is None

    def test_what_can_not_be_is_one_line(self) -> None:
        import torch

        from reslint.errors import ExportFailed
        from reslint.export.data import Data, batched

        for batch, loss in (("no batch", ""), ("", "squares"), ("own_batch:batch", "hinge")):
            with pytest.raises(BadConfiguration):
                Data(batch, loss)
        with pytest.raises(ExportFailed, match="gives no targets"):
            batched(Data("own_batch:bare", "squares"), 0)
        own = batched(Data("own_batch:batch", "own_batch:many"), 0).loss
        assert own is not None
        with pytest.raises(ExportFailed, match="single number"):
            own(torch.ones(3, 2))
