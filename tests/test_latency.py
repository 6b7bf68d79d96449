"""Times: percentiles and ratios with their intervals, shares of blocks, budgets by provider, and what stays undecided."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, Write

from reslint.anatomy import Anatomy, dissect
from reslint.config import load
from reslint.measure import Latency, Ratio
from reslint.net import read
from reslint.report.run.latency import lines
from reslint.rules import Settings
from reslint.rules.latency_budget import latency_budget
from reslint.rules.latency_regression import latency_regression
from reslint.runtime import Measured, Wanted
from reslint.runtime.child.profile import events
from reslint.runtime.child.stopwatch import goes_on
from reslint.runtime.model.marks import marked
from reslint.runtime.model.runnable import runnable
from reslint.runtime.protocol.job import Event, Timing
from reslint.runtime.timing.latency import latency
from reslint.runtime.timing.ratio import ratio
from reslint.runtime.timing.shares import shares

STACK = """
agraph (float[4, 8] x) => (float[4, 8] z) <float[8, 8] w, float[8, 8] v, float[8, 8] u>
{
    e = MatMul (x, u)
    f = MatMul (e, w) g = Relu (f) a = Add (e, g)
    h = MatMul (a, v) k = Relu (h) y = Add (a, k)
    z = MatMul (y, u)
}
"""


Groups = tuple[tuple[float, ...], ...]


def turns(seed: int, factor: float = 1.0, groups: int = 10) -> tuple[Groups, Groups]:
    """Runs of two models in turns; the first is slower by a factor, each session by some percent of its own.

    The machine is slow for a while every now and then.
    """
    random = np.random.default_rng(seed)
    spell = np.repeat(random.choice([1.0, 3.0], (groups, 2), p=[0.8, 0.2]), 20, axis=1)
    own, other = (
        spell * random.lognormal(0, 0.03, (groups, 1)) * random.lognormal(0, 0.05, (groups, 40)) for _ in range(2)
    )
    return tuple(map(tuple, own * factor)), tuple(map(tuple, other))


class TestRatio:
    def test_of_a_model_against_itself_it_holds_1(self) -> None:
        held = [low <= 1 <= high for _, low, high in (ratio(*turns(seed)) for seed in range(100))]
        assert sum(held) >= 87  # 95 expected; fewer than 87 by chance in one of a thousand

    def test_what_is_slower_is_seen(self) -> None:
        found, low, high = ratio(*turns(0, 1.3))
        assert 1.15 < low < found < high < 1.45

    def test_a_few_sessions_decide_nothing(self) -> None:
        found, low, high = ratio(*turns(0, 1.3, groups=4))
        assert 1.2 < found < 1.4
        assert (low, high) == (0.0, math.inf)

    @pytest.mark.parametrize(
        ("low", "high", "decision"), [(1.06, 1.2, "slower"), (0.9, 1.04, "not slower"), (1.0, 1.1, "undecided")]
    )
    def test_what_it_decides(self, write: Write, low: float, high: float, decision: str) -> None:
        anatomy = dissect(read(write("a.onnx")))
        found = Latency(anatomy, "cpu", 1, 400, 1, 1, 1, 1, Ratio("old", 1.05, low, high, 1.05))
        assert found.ratio is not None
        assert found.ratio.decision == decision
        assert list(lines(found))[-1].endswith(f"; may be 1.05: {decision}")
        assert bool(list(latency_regression(found, Settings()))) is (decision == "slower")


class TestPercentiles:
    def test_intervals(self, write: Write) -> None:
        anatomy = dissect(read(write("a.onnx")))
        groups = tuple(tuple((n + 10 * g) / 1000 for n in range(1, 41)) for g in range(10))
        found = latency(anatomy, "cpu", 1, (groups,))
        assert found.intervals["p50"] == (30.5, 100.5)  # the second least and the second largest median of a group
        few = latency(anatomy, "cpu", 1, (tuple((n / 1000, n / 900) for n in range(1, 11)),))
        assert few.intervals["p99"][1] == math.inf
        assert any("p99" in line and "(95 percent: at least 2.22)" in line for line in lines(few))
        one = latency(anatomy, "cpu", 1, ((tuple(n / 1000 for n in range(1, 401)),),))
        assert one.intervals["p50"] == (0, math.inf)  # one session is one witness

    def test_intervals_hold_what_they_say(self, write: Write) -> None:
        anatomy = dissect(read(write("a.onnx")))
        runs = [turns(seed)[0] for seed in range(200)]
        truth = np.percentile(np.concatenate([np.concatenate(groups) for groups in runs]) * 1000, (50, 90, 95, 99))
        found = [latency(anatomy, "cpu", 1, (groups,)).intervals for groups in runs]
        for name, value in zip(("p50", "p90", "p95"), truth, strict=False):
            held = sum(low <= value <= high for low, high in (intervals[name] for intervals in found))
            assert held >= 180, (name, held)  # 190 and more expected

    @pytest.mark.parametrize(
        ("between", "severity", "status"), [((5, 7), "error", 1), ((1, 7), "note", 3), ((1, 3), None, 0)]
    )
    def test_a_budget_uses_the_interval(
        self,
        between: tuple[float, float],
        severity: str | None,
        status: int,
        run: Run,
        write: Write,
        here: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        write("a.onnx")
        (here / "reslint.toml").write_text("latency = { p50-ms = 4 }\n")

        def slow(anatomy: Anatomy, wanted: Wanted) -> Measured:
            found = Latency(anatomy, "cpu", 1, 400, 4.5, 5, 6, 7, intervals={"p50": between})
            return Measured((found,), (), ())

        monkeypatch.setattr("reslint.cli.actions.run.measured", slow)
        ran = run("run", "a.onnx", "--format", "json")
        assert ran.status == status
        assert [f["severity"] for f in ran.json["findings"]] == ([severity] if severity else [])
        if severity == "note":
            assert "undecided: p50 is 4.5 ms (95 percent: 1 to 7)" in run("run", "a.onnx").out
            assert run("run", "a.onnx", "--fail-on", "note").status == 1
            assert run("run", "a.onnx", "--fail-on", "never").status == 0

    def test_budgets_by_model_and_provider(self, write: Write, here: Path) -> None:
        (here / "reslint.toml").write_text(
            "[[latency]]\np50-ms = 1\n[[latency]]\nprovider = 'cuda'\np95-ms = 2\n"
            "[[latency]]\nmatch = 'big*'\np50-ms = 9\n"
        )
        config = load(None, here)
        anatomy = dissect(read(write("a.onnx")))

        def says(path: str, provider: str) -> list[str]:
            found = Latency(anatomy, provider, 1, 400, 3, 4, 5, 6)
            return [draft.message for draft in latency_budget(found, config.settings(path))]

        assert says("a.onnx", "cpu") == ["p50 is 3 ms; the budget is 1 ms"]
        assert says("a.onnx", "cuda") == ["p95 is 5 ms; the budget is 2 ms"]
        assert says("big.onnx", "cpu") == []

    def test_one_table_is_for_all(self, here: Path) -> None:
        (here / "pyproject.toml").write_text("[tool.reslint.latency]\np50-ms = 5\nprovider = 'cpu'\n")
        assert load(None, here).settings("a.onnx").latency == {"cpu": {"p50": 5.0}}


class TestShares:
    def test_of_blocks(self, write: Write) -> None:
        anatomy = dissect(read(write("a.onnx", STACK)))
        marks = marked(runnable(anatomy.net))
        names = {tensor: f"reslint.{at}." for at, tensor in enumerate(marks.outputs)}
        told = (
            Event(names["e"], 1.0),
            Event(f"{names['f']}/MatMulAddFusion", 2.0),
            Event("SkipLayerNormalization_token_7", 1.0),
            Event("k_nchwc", 3.0),
            Event(names["y"], 1.0),
            Event(names["z"], 2.0),
        )
        found = shares(anatomy, marks, told)
        assert [(s.block.merge.id if s.block else s.rest, round(s.share, 6)) for s in found] == [
            ("a", 0.3),
            ("y", 0.4),
            ("outside of blocks", 0.3),
        ]

    def test_a_body_counts_once_and_a_first_run_not_at_all(self) -> None:
        def node(name: str, start: int, length: int) -> dict[str, object]:
            return {"cat": "Node", "name": f"{name}_kernel_time", "ts": start, "dur": length}

        def run(start: int) -> list[dict[str, object]]:
            inner = [node("inner", start + 2, 3), node("inner", start + 6, 3)]
            return [{"name": "model_run", "ts": start, "dur": 20}, node("loop", start + 1, 10), *inner]

        late = {"cat": "Node", "name": "loop_kernel_time", "ts": 15, "dur": 900}
        found = {e.name: round(e.seconds * 1e6) for e in events([*run(0), late, *run(1000), *run(2000)])}
        assert found == {"loop": 4, "inner": 6}


class TestRun:
    def test_all_that_is_told(self, run: Run, write: Write) -> None:
        write("a.onnx", STACK)
        write("b.onnx", STACK)
        arguments = ("--time", "--runs", "20", "--seconds", "0", "--threads", "1", "--against", "b.onnx")
        ran = run("run", "a.onnx", *arguments, "--max-ratio", "1000", "--format", "json")
        assert ran.status == 0, ran.err
        (measured,) = ran.json["measurements"]
        assert isinstance(measured["latency"], list)
        (found,) = measured["latency"]
        assert (found["provider"], found["threads"], found["runs"]) == ("cpu", 1, 20)
        assert list(found["ms"]) == ["p50", "p90", "p95", "p99"]
        assert found["ratio"]["decision"] == "not slower"
        assert {"fed", "cpu", "cores", "onnxruntime"} <= set(found["where"])
        assert found["cold_ms"]["session"] > 0 < found["cold_ms"]["first"]
        assert found["peak_memory"] > 1 << 20
        assert [s.get("merge", s.get("rest")) for s in found["shares"]] == ["a", "y", "outside of blocks"]
        assert sum(s["share"] for s in found["shares"]) == pytest.approx(1, abs=1e-3)

    def test_when_it_ends(self) -> None:
        timing = Timing(400, seconds=1.0, most=10.0)
        assert goes_on(0, 99.0, timing)  # once at the least
        assert goes_on(399, 5.0, timing)
        assert goes_on(5000, 0.5, timing)
        assert not goes_on(400, 1.0, timing)
        assert not goes_on(20, 10.0, timing)

    def test_other_formats_and_a_baseline(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx", STACK)
        slow = (
            "run",
            "a.onnx",
            "--time",
            "--runs",
            "20",
            "--seconds",
            "0",
            "--against",
            "a.onnx",
            "--max-ratio",
            "0.01",
        )
        assert run(*slow, "--report", "sarif=out.sarif", "--write-baseline", "known.json").status == 0
        assert "latency-regression" in (here / "out.sarif").read_text()
        assert run(*slow, "--baseline", "known.json").status == 0
        assert run(*slow, "--format", "github").status == 1

    def test_the_phase_is_told_where_someone_watches(
        self, run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write("[red]a.onnx", STACK)
        arguments = ("run", "[red]a.onnx", "--time", "--runs", "20", "--seconds", "0")
        assert "timing" not in run(*arguments).err
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "200")
        ran = run(*arguments)
        assert ran.status == 0
        for phase in ("running", "measuring the signal", "timing 20 runs"):
            assert f"[red]a.onnx: {phase}" in ran.err
        assert ran.out.splitlines()[0] == "[red]a.onnx: ok, 2 residual blocks (2 identity)"
