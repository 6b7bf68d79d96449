"""Why a rule did not fire: each trap of a page has its reason, and asking for reasons changes no finding."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import onnx
import pytest
from conftest import SOUND, Run, Write
from pages import FOLDER, examples, pages

from reslint.anatomy import Anatomy, dissect
from reslint.net import from_proto, read
from reslint.rules import ALL, Draft, Rule, Settings

FIXTURES = Path(__file__).parent.parent / "fixtures"
RULES = {rule.name: rule for rule in ALL}
EXPLAINING = [rule for rule in ALL if rule.reasons]
TRAPS = [
    ("training-mode-op", "normal noise is intentional"),
    ("training-mode-op", "its mode is an input"),
    ("skeleton-differs", "as expected: 2 x [pre mlp]"),
    ("shortcut-broadcast", "a learned layer follows the op that reduced it"),
    ("shortcut-not-identity", "DeepNorm"),
    ("missing-shortcut", "its work is that of no block on a stream of its size"),
    ("repeated-shortcut", "it sums 2 blocks with the same fork"),
    ("captured-shortcut", "too few siblings start their branches alike"),
    ("stale-shortcut", "its layers differ from those in between"),
    ("dead-branch", "the model is untrained"),
    ("needless-projection", "the projection changes the shape"),
    ("missing-normalization", "the branch or the sum is scaled or gated"),
    ("missing-normalization", "normalization folded: a convolution has a bias"),
    ("inconsistent-normalization", "is the first block of its stack"),
    ("missing-final-norm", "the stream is normalized after its last merge"),
    ("missing-final-norm", "no learned layer reads the stream"),
    ("cost-budget", "1,040 parameters, within the budget of 2,000"),
    ("depth-limit", "blocks in a row: 2; 2 are allowed"),
    ("plain-depth", "layers in a row: 2, below the limit of 3"),
]


@cache
def shown(page: str) -> tuple[tuple[str, Settings, Anatomy], ...]:
    """The graphs of a page, each with its heading and settings."""
    found = (e for e in examples(FOLDER / f"{page}.md") if "invalid" not in e.words)
    return tuple((example.part, example.settings, dissect(from_proto(example.model()))) for example in found)


@pytest.mark.parametrize(("rule", "why"), TRAPS)
def test_a_trap_has_its_reason(rule: str, why: str) -> None:
    """The graphs that pass although they look like those that fail say why they do."""
    passing = [(settings, anatomy) for part, settings, anatomy in shown(rule) if part == "Passes"]
    reasons = {near.why for settings, anatomy in passing for near in RULES[rule].passes(anatomy, settings)}
    assert any(why in reason for reason in reasons), reasons


@pytest.mark.parametrize("rule", EXPLAINING, ids=lambda rule: rule.name)
def test_asking_for_reasons_changes_no_finding(rule: Rule) -> None:
    found = 0
    for page in pages():
        for _, settings, anatomy in shown(page.stem):
            plain = [(draft.op.id, draft.message) for draft in rule(anatomy, settings)]
            asked = rule.check(anatomy, replace(settings, explain=True))
            assert [(said.op.id, said.message) for said in asked if isinstance(said, Draft)] == plain
            found += len(plain)
    assert found


def test_the_rules_with_the_most_exemptions_give_reasons() -> None:
    wanted = {rule for rule, _ in TRAPS}
    assert wanted <= {rule.name for rule in EXPLAINING}
    assert len(wanted) >= 10


@pytest.mark.parametrize(
    ("fixture", "rule", "why", "places"),
    [
        (
            "resnet18",
            "missing-normalization",
            "normalization folded: a convolution has a bias, or the exporter recorded the folding",
            8,
        ),
        ("llama", "missing-normalization", "normalized: pre", 8),
        ("llama", "missing-final-norm", "the stream is normalized after its last merge", 1),
        ("resnet18_qdq", "one-sided-quantization", "quantized, but no target is configured", 8),
        ("resnet18", "plain-depth", "layers in a row: 3, below the limit of 21", 1),
    ],
)
def test_published_models(fixture: str, rule: str, why: str, places: int) -> None:
    anatomy = dissect(read(FIXTURES / f"{fixture}.onnx"))
    found = [near.why for near in RULES[rule].passes(anatomy, Settings())]
    assert found == [why] * places


class TestCommand:
    def test_text(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_bytes((FIXTURES / "resnet18.onnx").read_bytes())
        ran = run("check", "a.onnx", "--explain-passes", "missing-normalization", "--quiet")
        assert ran.status == 0
        assert ran.out.splitlines() == [
            "a.onnx: missing-normalization: nothing found, 8 near misses",
            "    normalization folded: a convolution has a bias, or the exporter recorded the folding",
            "        at layer1.0, layer1.1, layer2.0, layer2.1, layer3.0, layer3.1 and 2 more",
            "    looked at 8 residual blocks, 0 other merges, 0 normalizations, 49 ops",
        ]
        assert "layer4.1" in run("check", "a.onnx", "--explain-passes", "missing-normalization", "--verbose").out

    def test_one_is_no_plural(self, run: Run, write: Write) -> None:
        write("a.onnx")
        ran = run("check", "a.onnx", "--explain-passes", "missing-normalization")
        assert "looked at 1 residual block, 0 other merges" in ran.out

    def test_json(self, run: Run, write: Write) -> None:
        write("a.onnx")
        found = json.loads(run("check", "--explain-passes", "missing-normalization", "--format", "json", "a.onnx").out)
        assert found["schema"] == "reslint.passes/1"
        (model,) = found["models"]
        assert (model["findings"], model["reasons"]) == (0, True)
        assert model["looked_at"] == {"residual_blocks": 1, "other_merges": 0, "normalizations": 0, "ops": 4}
        (near,) = model["passes"]
        assert near["tensor"] == "y"

    def test_findings_are_told_beside(self, run: Run, write: Write) -> None:
        write("a.onnx", SOUND.replace("y = Add (x, h)", "z = Add (x, h) y = Add (z, z)"))
        ran = run("check", "--explain-passes", "empty-branch", "a.onnx")
        assert ran.status == 0
        assert (
            "a.onnx: empty-branch: 1 finding, and the rule reports no near misses\n    ! y: the merge adds z" in ran.out
        )

    def test_what_can_not_be_explained(self, run: Run, write: Write, here: Path) -> None:
        write("a.onnx")
        (here / "b.onnx").write_bytes(b"")
        assert "did you mean 'empty-branch'?" in run("check", "--explain-passes", "emty-branch", "a.onnx").err
        assert "does not judge a model's graph" in run("check", "--explain-passes", "idle-branch", "a.onnx").err
        assert "remove --format sarif" in run("check", "--explain-passes", "x", "--format", "sarif", "a.onnx").err
        assert "remove --report" in run("check", "--explain-passes", "x", "--report", "sarif=x", "a.onnx").err
        ran = run("check", "--explain-passes", "empty-branch", ".")
        assert ran.status == 2
        assert "b.onnx: error: " in ran.err
        assert "a.onnx: empty-branch: nothing found" in ran.out

    def test_names_that_terminals_obey(self, run: Run, here: Path) -> None:
        graph = onnx.load(FIXTURES / "resnet18.onnx", load_external_data=False)
        for node in graph.graph.node:
            node.name = f"\x1b[31m{node.name}"
            del node.metadata_props[:]
        onnx.save(graph, here / "a.onnx")
        ran = run("check", "--explain-passes", "plain-depth", "--color", "always", "a.onnx")
        assert "\x1b[31m" not in ran.out
        assert "\\x1b[31m" in ran.out
