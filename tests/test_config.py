"""The configuration: which file counts, and what is said about one that is wrong."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reslint.config import KEYS, Config, load
from reslint.errors import BadConfiguration
from reslint.finding import Severity
from reslint.settings import Allowance, Budget, Levels
from reslint.toml_lines import lines

WHOLE = """
select = ["shortcut", "norm"]
ignore = ["shortcut-broadcast"]
profile = "design"
target = "tensorrt"
fail-on = "warning"
confidence = "possible"
unread = "note"
limit-memory = 4
limit-seconds = 30.5
max-download = 2.5
max-residual-blocks = 100
plain-depth = {note = 25}
deep-post-norm = {note = 12, warning = 24}
depth-over-width = 1.5
costly-shortcut = 0.2
train-samples = 50_000
train-tokens = 1_000_000
budget = [{params = 9}, {match = "big/*", macs = 7, activation-mb = 5}]
latency = [{p50-ms = 5.0}, {match = "big/*", p90-ms = 8, p99-ms = 20.5}]
max-ratio = 1.1
tolerance = { float32 = 1e-5 }
rules = ["tools.model_rules"]
options = { many-projections = { at-most = 2 } }
sizes = {batch = 1, seq = 128}
expect = [{is = "2 x [pre mlp]"}, {match = "vit*", is = "12 x [pre attn, pre mlp]"}]
paths = ["models"]
exclude = ["vendor/*"]
severity = {lossy-downsample = "error"}
allow = [{rule = "plain-depth", model = "vgg*", at = "features", reason = "known", expires = 2030-01-31}]
"""


WRONG = [
    ("fail_on = 'error'", "unknown key 'fail_on'; the nearest valid one is 'fail-on'"),
    ("max-residual-block = 3", "unknown key 'max-residual-block'; the nearest valid one is 'max-residual-blocks'"),
    ("selct = []", "the nearest valid one is 'select'"),
    ("select = 'shortcut'", "select must be a list of strings, not 'shortcut'"),
    ("select = [1]", r"select must be a list of strings, not \[1\]"),
    ("target = 1", "target must be a string, not 1"),
    ("profile = 'shop'", "profile must be one of ship, design, not 'shop'"),
    ("unread = true", "unread must be one of error, note, not True"),
    ("[budget]\nparam = 3", "unknown key 'budget.param'; the nearest valid one is 'budget.params'"),
    ("expect = 'x'", "expect must be a table, not 'x'"),
    ("[[expect]]\nmatch = 'a'", "expect must be tables with `is`, what `reslint anatomy --signature` prints"),
    ("[[expect]]\nis = 'a'\nmodel = 'b'", "unknown key 'expect.model'"),
    (
        "[[expect]]\nis = '24 x ['",
        r"expect.is must be what `reslint anatomy --signature` prints, .*, not '24 x \['",
    ),
    ("[plain-depth]\nnote = 50\nwarning = 3", "plain-depth.note must be at most plain-depth.warning, 3, not 50"),
    ("[deep-post-norm]\nnote = 50", "deep-post-norm.note must be at most deep-post-norm.warning, 18, not 50"),
    ("budget = 3", "budget must be a table, not 3"),
    ("[plain-depth]\nwarning = 0", "a whole number of at least 1, not 0"),
    ("depth-over-width = 0", "depth-over-width must be a number above 0, not 0"),
    ("[sizes]\nbatch = 'one'", "a whole number of at least 1, not 'one'"),
    ("max-residual-blocks = 0", "max-residual-blocks must be a whole number of at least 1, not 0"),
    ("max-residual-blocks = true", "a whole number of at least 1, not True"),
    ("max-residual-blocks = 1.5", "a whole number of at least 1, not 1.5"),
    ("tool = {reslint = 3}", "tool.reslint must be a table"),
    ("= 3", "is not valid TOML"),
]

WRONG_MODELS = [
    ('models = [{select = ["norm"]}]', "needs `match`"),
    ('models = [{match = "*", select = ["norm"]}]', "needs `match`"),
    ('models = [{match = "a*", exclude = ["b"]}]', "unknown key 'models.exclude'"),
    ('models = [{match = "a*", fail-on = "often"}]', "fail-on must be one of"),
    ('allow = [{rule = "plain-depth"}]', "needs a reason"),
    ('allow = [{reason = "so"}]', "needs a rule"),
    ('allow = [{rule = "a", reason = "so", expires = "soon"}]', "expires must be a date"),
    ("allow = [{rule = 'a', reason = 'so', expires = 2027-01-31T10:00:00}]", "expires must be a date"),
    ('severity = {plain-depth = "fatal"}', "plain-depth must be one of error, warning, note"),
    ('severity = "error"', "severity must be a table"),
]


def test_none(here: Path) -> None:
    assert load(None, here) == Config(folder=here)


def test_every_key(here: Path) -> None:
    (here / "reslint.toml").write_text(WHOLE)
    found = load(None, here)
    assert found == Config(
        select=("shortcut", "norm"),
        ignore=("shortcut-broadcast",),
        profile="design",
        target="tensorrt",
        fail_on="warning",
        confidence="possible",
        unread="note",
        limit_memory=4.0,
        limit_seconds=30.5,
        max_download=2.5,
        max_residual_blocks=100,
        plain_depth=Levels(25, 34),
        deep_post_norm=Levels(12, 24),
        depth_over_width=1.5,
        costly_shortcut=0.2,
        train_samples=50_000,
        train_tokens=1_000_000,
        budget=(("*", Budget(params=9)), ("big/*", Budget(macs=7, activation_mb=5))),
        latency=(("*", "", {"p50": 5.0}), ("big/*", "", {"p90": 8.0, "p99": 20.5})),
        max_ratio=1.1,
        tolerance={"float32": 1e-5},
        sizes={"batch": 1, "seq": 128},
        expect=(("*", "2 x [pre mlp]"), ("vit*", "12 x [pre attn, pre mlp]")),
        paths=("models",),
        exclude=("vendor/*",),
        rules=("tools.model_rules",),
        options={"many-projections": {"at-most": 2}},
        severity={"lossy-downsample": Severity.ERROR},
        allow=(Allowance("plain-depth", "vgg*", "features", "known", date(2030, 1, 31)),),
        folder=here,
    )
    assert all(f"\n{key} = " in WHOLE for key in KEYS)


def test_the_last_budget_that_matches_counts(here: Path) -> None:
    (here / "reslint.toml").write_text(WHOLE)
    config = load(None, here)
    assert config.settings("small.onnx").budget == Budget(params=9)
    assert config.settings("big/small.onnx").budget == Budget(macs=7, activation_mb=5)
    (here / "reslint.toml").write_text("[budget]\nparams = 3")
    assert load(None, here).settings("any.onnx").budget == Budget(params=3)


def test_the_last_expectation_that_matches_counts(here: Path) -> None:
    (here / "reslint.toml").write_text(WHOLE)
    assert load(None, here).settings("big/vit_b_16.onnx").skeleton == "12 x [pre attn, pre mlp]"
    assert load(None, here).settings("other.onnx").skeleton == "2 x [pre mlp]"
    (here / "pyproject.toml").write_text('[[tool.reslint.expect]]\nmatch = "a/*"\nis = "no residual blocks"')
    (here / "reslint.toml").unlink()
    assert load(None, here).settings("a/b.onnx").skeleton == "no residual blocks"
    assert load(None, here).settings("b.onnx").skeleton is None


def test_nearest_counts(here: Path) -> None:
    below = here / "a" / "b"
    below.mkdir(parents=True)
    (here / "pyproject.toml").write_text('[tool.reslint]\ntarget = "far"')
    assert load(None, below).target == "far"
    (here / "a" / "pyproject.toml").write_text('[tool.other]\nreslint = "nothing"')
    assert load(None, below).target == "far"
    (here / "a" / "reslint.toml").write_text('target = "near"')
    assert load(None, below).target == "near"
    assert load(None, below).folder == here / "a"


def test_reslint_toml_goes_before_pyproject(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.reslint]\ntarget = "pyproject"')
    (here / "reslint.toml").write_text('target = "own"')
    assert load(None, here).target == "own"


def test_given_file_goes_before_all(here: Path) -> None:
    (here / "reslint.toml").write_text('target = "own"')
    given = here / "ci.toml"
    given.write_text('target = "given"')
    assert load(given, here).target == "given"
    given.write_text('[tool.reslint]\ntarget = "table"')
    assert load(given, here).target == "table"


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_wrong(here: Path, text: str, says: str) -> None:
    (here / "reslint.toml").write_text(text)
    with pytest.raises(BadConfiguration, match=says) as wrong:
        load(None, here)
    assert str(here / "reslint.toml") in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "could_be"),
    [
        ("24 x [pre attn, pre mlp], final-norm", True),
        ("[projection conv 1x1 3x3], 2x[conv 3x3]", True),
        ("[projection branch-end conv 1x1 ?x3 1x1], 100000 x [gated mix]\n", True),
        ("pre attn, pre mlp", True),
        ("no residual blocks", True),
        ("[pre attn", False),
        ("pre attn]", False),
        ("2 x [[pre attn]]", False),
        ("2 x [], final-norm", False),
        ("2 x [pre attn,, pre mlp]", False),
        ("0 x [pre attn]", False),
        ("24 x", False),
        ("24", False),
        (" ", False),
        ("final-norm", False),
        ("final-norm, [pre attn]", False),
    ],
)
def test_only_a_signature_is_expected(here: Path, text: str, could_be: bool) -> None:
    (here / "reslint.toml").write_text(f'[[expect]]\nmatch = "a*"\nis = {json.dumps(text)}')
    if could_be:
        assert load(None, here).expect == (("a*", text),)
    else:
        with pytest.raises(BadConfiguration, match="anatomy --signature"):
            load(None, here)


def test_a_warning_from_few_layers_on_lowers_the_note(here: Path) -> None:
    (here / "reslint.toml").write_text("[plain-depth]\nwarning = 3")
    assert load(None, here).plain_depth == Levels(3, 3)


def test_file_that_is_not_there(here: Path) -> None:
    with pytest.raises(BadConfiguration, match="can't be opened: No such file"):
        load(here / "absent.toml", here)


def test_given_pyproject_without_a_table(here: Path) -> None:
    (here / "pyproject.toml").write_text("[project]")
    with pytest.raises(BadConfiguration, match=r"has no \[tool.reslint\]"):
        load(here / "pyproject.toml", here)


class TestModels:
    FILE = """
    select = ["norm"]
    costly-shortcut = 0.3
    models = [
      {match = "edge/*", select = ["cost"], costly-shortcut = 0.5},
      {match = "edge/old*", costly-shortcut = 0.9, fail-on = "never"},
    ]
    """

    def test_the_last_that_matches_counts(self, here: Path) -> None:
        (here / "reslint.toml").write_text(self.FILE)
        config = load(None, here)
        assert (config.at("a.onnx").select, config.at("a.onnx").costly_shortcut) == (("norm",), 0.3)
        assert (config.at("edge/a.onnx").select, config.at("edge/a.onnx").costly_shortcut) == (("cost",), 0.5)
        assert (config.at("edge/old.onnx").select, config.at("edge/old.onnx").costly_shortcut) == (("cost",), 0.9)
        assert config.at("edge/old.onnx").fail_on == "never"

    def test_the_command_line_counts_more(self, here: Path) -> None:
        (here / "reslint.toml").write_text(self.FILE)
        config = load(None, here, {"select": ["depth"]})
        assert config.at("edge/a.onnx").select == ("depth",)
        assert config.origin("edge/a.onnx", "select") == "command line"
        assert config.origin("edge/a.onnx", "costly-shortcut").endswith("models 'edge/*'")
        assert config.origin("a.onnx", "profile") == "default"

    @pytest.mark.parametrize(("text", "says"), WRONG_MODELS)
    def test_wrong(self, here: Path, text: str, says: str) -> None:
        (here / "reslint.toml").write_text(text)
        with pytest.raises(BadConfiguration, match=says):
            load(None, here)


def test_all_that_is_wrong_is_told_with_its_line(here: Path) -> None:
    (here / "pyproject.toml").write_bytes(
        b"\xef\xbb\xbf[project]\nname = 'x'\n[tool.reslint]\nprofile = 'shop'\nselect = [\n  'a',\n  3,\n]\n"
        b"max-ratio = nan\n[tool.reslint.budget]\nparams = 0\n[[tool.reslint.allow]]\nrule = 'a'\nreason = 'b'\n"
        b"[[tool.reslint.allow]]\nrule = 'a'\n"
    )
    with pytest.raises(BadConfiguration) as caught:
        load(None, here)
    file = here / "pyproject.toml"
    assert sorted(caught.value.lines) == sorted(
        (
            f"{file}:4: profile must be one of ship, design, not 'shop'",
            f"{file}:5: select must be a list of strings, not ['a', 3]",
            f"{file}:9: max-ratio must be a number above 0, not nan",
            f"{file}:11: budget.params must be a whole number of at least 1, not 0",
            f"{file}:15: each entry of allow needs a reason, a non-empty string",
        )
    )


@given(st.lists(st.sampled_from(["a = 1", "[t]", "[[t.u]]", "b.c = [", "]", "# [x]", 'd = "["', "e = {f = 1}", ""])))
def test_lines_of_keys_are_lines_of_the_text(rows: list[str]) -> None:
    for path, line in lines("\n".join(rows)).items():
        assert path
        assert 1 <= line <= len(rows)
