"""The JSON schemas of docs/schemas: what reslint writes fits them to the key, and they refuse what the configuration does."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from conftest import Run
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from test_config import WHOLE, WRONG, WRONG_MODELS

from reslint.config import KEYS, load
from reslint.errors import BadConfiguration
from reslint.version import SCHEMAS

ROOT = Path(__file__).parents[1]
FILES = {file.name: json.loads(file.read_text("utf-8")) for file in (ROOT / "docs" / "schemas").glob("*.json")}


def closed(schema: object) -> object:
    """A schema that admits no further keys where it lists some: published it does, since fields may be added."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(inner.get("properties"), dict) else inner


REGISTRY: Registry[bool | Mapping[str, object]] = Registry().with_resources(
    (f"{SCHEMAS}/{name}", Resource.from_contents(closed(schema))) for name, schema in FILES.items()
)


def problems(name: str, document: object) -> list[str]:
    schema = closed(FILES[name])
    assert isinstance(schema, Mapping)
    found = Draft202012Validator(schema, registry=REGISTRY).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


_BEYOND = ("is not valid TOML", "signature", "must be at most")
"""What a schema has no words for: the text itself, the grammar of a signature, one number that another limits."""


def plain(value: object) -> object:
    """TOML as an editor's schema sees it: a date is a string."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_is_a_schema_and_knows_where_it_is(name: str) -> None:
    Draft202012Validator.check_schema(FILES[name])
    assert FILES[name]["$id"] == f"{SCHEMAS}/{name}"


class TestConfiguration:
    def test_has_the_keys_that_there_are(self) -> None:
        assert set(FILES["reslint.json"]["properties"]) == {*KEYS, "models"}

    def test_admits_all_that_is_read(self) -> None:
        assert not problems("reslint.json", plain(tomllib.loads(WHOLE)))
        assert not problems("pyproject.json", {"tool": {"reslint": plain(tomllib.loads(WHOLE)), "ruff": {}}})

    def test_admits_what_the_pages_show(self) -> None:
        shown = 0
        for page in (ROOT / "docs").glob("*.md"):
            for text in re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
                keys = tomllib.loads(text)
                shown += "tool" in keys
                assert not problems("pyproject.json", plain(keys)), page
        assert shown >= 3

    @pytest.mark.parametrize(
        "text", [text for text, says in (*WRONG, *WRONG_MODELS) if not any(word in says for word in _BEYOND)]
    )
    def test_refuses_what_is_refused(self, here: Path, text: str) -> None:
        (here / "reslint.toml").write_text(text)
        with pytest.raises(BadConfiguration):
            load(None, here)
        assert problems("reslint.json", plain(tomllib.loads(text)))


class TestDocuments:
    @pytest.mark.parametrize("words", [(), ("--profile", "design", "--confidence", "possible")])
    def test_findings(self, run: Run, words: tuple[str, ...]) -> None:
        fixtures = map(str, sorted((ROOT / "fixtures").glob("*.onnx")))
        written = json.loads(run("check", "--no-cache", *words, "--format", "json", *fixtures).out)
        assert len(written["findings"]) >= 2
        assert not problems("findings-1.json", written)

    def test_findings_of_what_could_not_be_read(self, run: Run, here: Path) -> None:
        (here / "a.onnx").write_bytes(b"")
        assert not problems("findings-1.json", json.loads(run("check", "--format", "json", "a.onnx").out))

    def test_anatomy(self, run: Run) -> None:
        fixtures = map(str, sorted((ROOT / "fixtures").glob("*.onnx")))
        assert not problems("anatomy-1.json", json.loads(run("anatomy", "--format", "json", *fixtures).out))

    def test_diff(self, run: Run) -> None:
        models = [str(ROOT / "fixtures" / name) for name in ("bert_small.onnx", "convnext_tiny.onnx")]
        for pair in (models, models[::-1], [models[0], models[0]]):
            assert not problems("diff-1.json", json.loads(run("diff", "--format", "json", *pair).out))

    def test_rules(self, run: Run) -> None:
        assert not problems("rules-1.json", json.loads(run("rules", "--format", "json").out))

    def test_passes(self, run: Run) -> None:
        words = ("--explain-passes", "missing-final-norm", "--format", "json", str(ROOT / "fixtures" / "vit_b_16.onnx"))
        assert not problems("passes-1.json", json.loads(run("check", *words).out))

    def test_baseline(self, run: Run, here: Path) -> None:
        run("check", "--write-baseline", "known.json", str(ROOT / "fixtures" / "resnet50_broken.onnx"))
        assert not problems("baseline-1.json", json.loads((here / "known.json").read_text()))
