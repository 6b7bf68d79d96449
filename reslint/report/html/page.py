"""A Report in, one HTML page out: no file beside it, no network, the same bytes for the same report."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reslint.anatomy import Kind
from reslint.finding import Finding, Severity
from reslint.portrait import Portrait
from reslint.report.common.plain import counted, plain
from reslint.report.html.charts import Chart, Strip
from reslint.report.html.embed import embedded, kept
from reslint.report.html.glyphs import Glyph, legend
from reslint.report.html.numbers import amount
from reslint.report.html.picture import Picture, Row, picture, where_found
from reslint.report.html.ran import run_charts
from reslint.report.html.shape import shape_charts
from reslint.result import Looked, Report

SEVERITIES = tuple(sorted(Severity, reverse=True))
_OPEN = 3  # as many models, and as many findings, are unfolded from the start


@dataclass(frozen=True, slots=True)
class Told:
    """A finding on the page: its number, its model's number, and the blocks that it stands in."""

    number: int
    model: int | None
    blocks: tuple[int, ...]
    finding: Finding


@dataclass(frozen=True, slots=True)
class Model:
    """A model on the page."""

    number: int
    file: Looked
    told: tuple[Told, ...]
    seen: Portrait | None
    picture: Picture | None
    charts: tuple[Chart | Strip, ...]
    data: Markup
    opened: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of shortcuts that are to be seen."""
        seen = {block.kind for block in self.seen.blocks} if self.seen else set()
        return tuple(str(kind) for kind in Kind if kind in seen)

    @property
    def skeleton(self) -> Markup:
        """The skeleton as one line, however long: it is reslint's own words."""
        return escape(self.seen.skeleton) if self.seen else Markup()

    def count(self, severity: Severity) -> int:
        """How many findings are this bad."""
        return sum(told.finding.severity is severity for told in self.told)


def render(report: Report) -> str:
    """The whole page."""
    models = tuple(_models(report))
    told = [one for model in models for one in model.told]
    known = {id(one.finding) for one in told}
    stray = (f for f in report.findings if id(f) not in known)
    told += [Told(len(told) + n, None, (), finding) for n, finding in enumerate(stray)]
    told.sort(key=lambda one: -one.finding.severity)  # the worst first, over all models
    style, script = (Markup(_resource(name)) for name in ("page.css", "page.js"))
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            models=models,
            told=told,
            glyphs=_glyphs(models),
            kinds=tuple(legend()),
            severities=SEVERITIES,
            rules=sorted(Counter(f.rule for f in report.findings).items()),
            families=sorted(Counter(f.family for f in report.findings).items()),
            summaries={rule.name: rule.summary for rule in report.rules},
            verdict=_verdict(report),
            about=models[0].file.path if len(models) == 1 else "",
            opened=len(told) <= _OPEN,
            row_of=_row_of,
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )


def _models(report: Report) -> Iterator[Model]:
    by_path: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_path.setdefault(finding.path, []).append(finding)
    number = 0
    for at, file in enumerate(sorted(report.files, key=lambda file: _goodness(file, by_path.get(file.path, [])))):
        findings = sorted(by_path.get(file.path, []), key=lambda f: -f.severity)
        seen = file.portrait
        blocks = where_found(seen, findings) if seen else ((),) * len(findings)
        told = tuple(Told(number + n, at, where, f) for n, (f, where) in enumerate(zip(findings, blocks, strict=True)))
        number += len(told)
        yield _model(at, file, told, opened=len(report.files) <= _OPEN)


def _goodness(file: Looked, findings: Sequence[Finding]) -> tuple[int, ...]:
    """How far down a model stands: what could not be read comes first, then the worst."""
    return (not file.error, *(-sum(finding.severity is severity for finding in findings) for severity in SEVERITIES))


def _row_of(model: Model, block: int) -> Row | None:
    """The row of the picture in which a block is drawn."""
    rows = model.picture.rows if model.picture else ()
    every = (row for some in rows for row in (*some.shown, *some.more))
    return next((row for row in every if any(shown.number == block for f in row.folds for shown in f.blocks)), None)


def _model(number: int, file: Looked, told: tuple[Told, ...], *, opened: bool) -> Model:
    seen = file.portrait
    found: dict[int, list[int]] = {}
    for one in told:
        for block in one.blocks:
            found.setdefault(block, []).append(one.number)
    return Model(
        number,
        file,
        told,
        seen,
        picture(seen, [one.finding for one in told]) if seen and seen.blocks else None,
        (*run_charts(file.measured), *(shape_charts(seen) if seen else ())),
        embedded(kept(seen, found)) if seen else Markup(),
        opened,
    )


def _glyphs(models: Sequence[Model]) -> tuple[Glyph, ...]:
    """The drawings of all models, each once."""
    return tuple(dict.fromkeys(glyph for model in models if model.picture for glyph in model.picture.glyphs))


def _verdict(report: Report) -> str:
    """What came out, in a few words."""
    bad = [counted(report.count(s), str(s)) for s in SEVERITIES if report.count(s)]
    bad += [f"{counted(report.unreadable, 'model')} could not be read"] if report.unreadable else []
    return ", ".join(bad) or "no findings"


@cache
def _environment() -> Environment:
    """Whatever a template writes is escaped, and nothing in it steers the reader's browser or terminal."""
    environment = Environment(
        loader=PackageLoader("reslint.report.html", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"amount": amount, "numbers": _numbers}
    environment.globals |= {"counted": counted, "plural": _plural}
    return environment


def _harmless(value: object) -> object:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _plural(number: int, noun: str) -> str:
    """`file`, `files`, as a number has it that stands elsewhere."""
    return counted(number, noun).partition(" ")[2]


def _numbers(evidence: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    return ((name.replace("_", " "), str(value)) for name, value in evidence.items())


def _policy(style: str, script: str) -> Markup:
    """What the browser may do with this page: show it and run its own script, and nothing else (W3C, CSP Level 3)."""
    return Markup(
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )  # whole, unlike text of a model


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _resource(name: str) -> str:
    return resources.files("reslint.report.html").joinpath(name).read_text("utf-8")
