"""The JSON document of what `reslint flow` measured, schema reslint.flow/1: that of reslint.findings/1, and the models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reslint.anatomy.views.source import where
from reslint.measure import (
    Curvature,
    GradientFlow,
    Initialization,
    Layer,
    LearningRate,
    LeftOut,
    Measurement,
    Passage,
    Rates,
    Reach,
    Response,
    Scaling,
    Sizes,
    Spread,
    Trend,
)
from reslint.net import Op
from reslint.report.check.json import document, finite, rounded
from reslint.report.flow.text import LOSS
from reslint.report.flow.verdicts import Verdict, verdicts
from reslint.result import Looked, Report

SCHEMA = "reslint.flow/1"

Row = dict[str, object]


def render(report: Report) -> str:
    """The whole report as one JSON document; what is not finite is null."""
    bare = replace(report, files=tuple(replace(file, measured=()) for file in report.files))
    models = [rounded(finite(_model(file))) for file in report.files if file.measured]
    return json.dumps({**document(bare), "schema": SCHEMA, "models": models}, indent=1, allow_nan=False) + "\n"


def _model(file: Looked) -> Row:
    said = {verdict.name: verdict for verdict in verdicts(file.measured)}
    model: Row = {"path": file.path}
    for one in file.measured:
        model.update(_measured(one, said))
    return model


def _measured(one: Measurement, said: Mapping[str, Verdict]) -> Iterator[tuple[str, object]]:
    """The keys of one measurement, each with what it is, with the shortcuts and without, and a verdict."""
    if isinstance(one, GradientFlow):
        yield from _flow(one)
        yield "gradient", {**_pair(_spread(one.kept), _spread(one.cut)), "lost": one.lost, **_word("gradient", said)}
    elif isinstance(one, Initialization):
        pair = _pair(_response(one.kept), _response(one.cut) if one.cut else None)
        yield "initialization", {"factors": list(one.factors), **pair, **_word("initialization", said)}
    elif isinstance(one, Curvature):
        cut = _curved(one.cut, one.cut_rate) if one.cut else None
        yield "curvature", {**_pair(_curved(one.kept, one.rate), cut), **_word("curvature", said)}
    elif isinstance(one, LearningRate):
        pair = _pair({r.optimizer: _rates(r) for r in one.kept}, {r.optimizer: _rates(r) for r in one.cut} or None)
        told = {"steps": one.steps, "loss": one.loss, "range_cut": one.wider or None}
        yield "learning_rate", {**told, **pair, **_word("learning_rate", said)}
        pair = _pair({r.optimizer: _fastest(r) for r in one.kept}, {r.optimizer: _fastest(r) for r in one.cut} or None)
        yield "convergence", {**pair, **_word("convergence", said)}
    elif isinstance(one, Scaling):
        kept = {t.keyword: _trend(t, cut=False) for t in one.trends}
        pair = _pair(kept, {t.keyword: _trend(t, cut=True) for t in one.trends if t.cut} or None)
        yield "scaling", {"steps": one.steps, "rate": one.rate, **pair, **_word("scaling", said)}
    elif isinstance(one, LeftOut):
        yield one.name, {**_pair(None, None), **_word(one.name, said)}


def _pair(kept: Mapping[str, object] | None, cut: Mapping[str, object] | None) -> Row:
    return {"with": kept, "cut": cut}


def _word(name: str, said: Mapping[str, Verdict]) -> Row:
    verdict = said.get(name, Verdict(name, "nothing to compare", ""))
    return {"verdict": verdict.word, "says": verdict.says, "says_cut": verdict.cut or None}


def _flow(flow: GradientFlow) -> Iterator[tuple[str, object]]:
    yield "seeds", list(flow.seeds)
    yield "fresh", flow.fresh
    yield "fed", flow.fed
    yield "loss", LOSS
    yield "batch_normalizations", flow.batch_normalizations
    kept = {"input": _spread(flow.kept), "parameters": _spread(flow.kept_parameters)}
    yield "ratio", _pair(kept, {"input": _spread(flow.cut), "parameters": _spread(flow.cut_parameters)})
    yield "blocks", [_passage(passage) for passage in flow.passages]
    yield "layers", [_layer(layer) for layer in flow.layers]
    yield "left", [{"merge": block.merge.id, "reason": why} for block, why in flow.left]


def _passage(passage: Passage) -> Row:
    block = passage.block
    return {
        "merge": block.merge.id,
        "node": block.merge.name,
        "kind": str(block.kind),
        "normalization": str(block.normalization),
        "fork": block.fork,
        **_place(block.merge),
        **_pair(_reach(passage.kept), _reach(passage.cut)),
        "by_shortcut": list(passage.carried),
    }


def _layer(layer: Layer) -> Row:
    own = {"output": list(layer.reach.input), "parameters": list(layer.reach.parameters)}
    return {"tensor": layer.op.id, "node": layer.op.name, **_place(layer.op), **own}


def _place(op: Op) -> Row:
    module, source = where(op)
    return {"module": module, "source": {"file": source.file, "line": source.line} if source else None}


def _reach(reach: Reach) -> Row:
    return {"input": list(reach.input), "parameters": list(reach.parameters)}


def _response(response: Response) -> Row:
    return {
        "gradient_doublings": _spread(response.of_gradient),
        "output_doublings": _spread(response.of_outputs),
        "gradient": [list(row) for row in response.gradients],
        "output": [list(row) for row in response.outputs],
    }


def _curved(eigenvalues: Sequence[float], rate: float) -> Row:
    return {"eigenvalue": list(eigenvalues), "stable_rate": rate}


def _trend(trend: Trend, *, cut: bool) -> Row:
    """The exponent of each size over the seeds, and the sizes at each value."""
    told = {"values": list(trend.values), "of": "depth" if trend.deepens else "width", "left_out": list(trend.left_out)}
    exponents = {name: _spread(trend.exponent(name, cut=cut)) for name in Sizes.NAMES}
    sizes = {name: [list(s.of(name)) for s in (trend.cut if cut else trend.kept)] for name in Sizes.NAMES}
    verdict = {} if cut else {"verdict": trend.verdict, "drifting": list(trend.drifting), "remedy": trend.remedy}
    return {**told, "exponents": exponents, "sizes": sizes, **verdict}


def _rates(rates: Rates) -> Row:
    learned = rates.learned
    return {
        "tried": list(rates.tried),
        "learned": list(learned),
        "undecided": list(rates.sometimes),
        "low": learned[0] if learned else None,
        "high": learned[-1] if learned else None,
        "seeds": list(rates.seeds),
        "courses": [{"rate": c.rate, "seed": c.seed, "left": c.left, "losses": list(c.losses)} for c in rates.courses],
    }


def _fastest(rates: Rates) -> Row:
    rate, step = rates.fastest or (None, None)
    return {"rate": rate, "steps": step}


def _spread(ratio: Spread) -> Row:
    return {"mean": ratio.mean, "min": ratio.least, "max": ratio.most}
