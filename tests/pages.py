"""A rule's page in, its graphs out: models made of the fenced `onnx` blocks, and what is expected of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

from reslint.anatomy import dissect
from reslint.config import load
from reslint.finding import Confidence, Finding
from reslint.lint import lint
from reslint.net.read import from_proto, read
from reslint.rules import ALL, Settings
from reslint.runtime import Wanted, measured

FOLDER = Path(__file__).parents[1] / "rules"
HEADER = '<ir_version: 10, opset_import: ["": 20, "com.microsoft": 1]>'
_FENCE = re.compile(r"^```onnx(?P<words>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')  # what stands in quotes may hold spaces
_LITERAL = re.compile(r"=[\d{\"]")
_EXPECTED = re.compile(r"^[ \t]*(?P<tensor>[\w.]+)[^=\n]*=.*#[ \t]*(?P<rules>[a-z, -]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One graph of a page: where it stands, under which heading, what is configured, and which rules fire at which tensor.

    The words behind ```` ```onnx ```` are `invalid` for a model that the checker must refuse, `run` for one that is to be
    run, `run depth` also block by block, and settings as the configuration has them: `target=tensorrt`,
    `plain-depth={note=3,warning=5}`.
    """

    page: str
    line: int
    part: str
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def expected(self) -> set[tuple[str, str]]:
        """Tensor and rule of each finding that the comments state."""
        return {
            (found["tensor"], rule.strip())
            for found in _EXPECTED.finditer(self.text)
            for rule in found["rules"].split(",")
        }

    @property
    def settings(self) -> Settings:
        """The design profile, and what the fence configures."""
        lines = [
            word if _LITERAL.search(word) else '{}="{}"'.format(*word.split("=")) for word in self.words if "=" in word
        ]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "reslint.toml"
            file.write_text("\n".join(['profile = "design"', *lines]))
            return load(file, file.parent).settings(self.page)

    def model(self) -> ModelProto:
        """The checked model, with a weight for each declared tensor that nothing makes."""
        text = self.text if self.text.lstrip().startswith("<") else HEADER + self.text
        model = onnx.parser.parse_model(text)
        weigh(model.graph)
        if "invalid" not in self.words:
            onnx.checker.check_model(model, full_check=True)
        return model

    def findings(self) -> tuple[Finding, ...]:
        """What all rules say, however sure they are; with the word `run`, also those that need the model to run."""
        anatomy = dissect(from_proto(self.model()))
        # most examples tie the weights of their blocks to stay short, which one page only is about
        rules = [rule for rule in ALL if rule.name != "shared-weights" or self.page == rule.name]
        static = tuple(lint(anatomy, rules, self.settings, str(self), Confidence.POSSIBLE))
        return (*static, *self.measured()) if "run" in self.words else static

    def measured(self) -> tuple[Finding, ...]:
        """What the rules say on a run of the model."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "page.onnx"
            onnx.save(self.model(), file)
            anatomy = dissect(read(file))
            ran = measured(anatomy, Wanted(depth="depth" in self.words))
        return tuple(lint(anatomy, ALL, self.settings, str(self), Confidence.POSSIBLE, ran.subjects))


def examples(page: Path) -> Iterator[Example]:
    """The graphs of a page, in order."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        before = text[: found.start()]
        heading = re.findall(r"^#+ (.*)$", before, re.MULTILINE)
        yield Example(
            page.stem,
            before.count("\n") + 1,
            heading[-1] if heading else "",
            tuple(_WORD.findall(found["words"])),
            found["text"],
        )


def pages() -> tuple[Path, ...]:
    """All pages of rules."""
    return tuple(sorted(FOLDER.glob("*.md")))


def weigh(graph: GraphProto) -> None:
    """Turn each declared tensor that no node makes and no input brings into a seeded weight."""
    made = {name for node in graph.node for name in node.output} | {i.name for i in graph.input}
    made |= {t.name for t in graph.initializer}
    for at, value in enumerate([v for v in graph.value_info if v.name not in made]):
        graph.initializer.append(_weight(value, at))
        graph.value_info.remove(value)


def _weight(value: ValueInfoProto, seed: int) -> TensorProto:
    """Matrices and kernels as at initialization; vectors (scales, variances, biases) around one."""
    kind = value.type.tensor_type
    shape = [d.dim_value for d in kind.shape.dim]
    random = np.random.default_rng(seed)
    if len(shape) > 1:
        weight = random.normal(0, np.prod(shape[1:]) ** -0.5, shape)
    else:
        weight = random.uniform(0.5, 1.5, shape)
    return onnx.numpy_helper.from_array(weight.astype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)), value.name)


_PROGRAM = re.compile(r"^```python flow\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FACTORY = re.compile(r"^def build\([^)]*\):(?:  # (?P<rules>[a-z, -]+))?$", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """One PyTorch module of a page: its factory is `build`, whose comment names the rules that fire on its gradients."""

    page: str
    line: int
    part: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def expected(self) -> set[str]:
        """The rules of all findings that the comment states."""
        found = _FACTORY.search(self.text)
        assert found is not None
        return {rule.strip() for rule in (found["rules"] or "").split(",") if rule.strip()}


def programs(page: Path) -> Iterator[Program]:
    """The modules of a page, in order."""
    text = page.read_text("utf-8")
    for found in _PROGRAM.finditer(text):
        before = text[: found.start()]
        heading = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", before, flags=re.M | re.S), re.MULTILINE)
        yield Program(page.stem, before.count("\n") + 1, heading[-1] if heading else "", found["text"])
