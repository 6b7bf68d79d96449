"""A Report of measured gradients in, JSON of the schema reslint.flow/1 out: that of reslint.findings/1, and the models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from reslint.anatomy.views.source import where
from reslint.measure import GradientFlow, Passage, Reach, Spread
from reslint.report.check.json import document, finite, rounded
from reslint.report.flow.text import LOSS
from reslint.result import Looked, Report

SCHEMA = "reslint.flow/1"


def render(report: Report) -> str:
    """The whole report as one JSON document; what is not finite is null."""
    bare = replace(report, files=tuple(replace(file, measured=()) for file in report.files))
    models = [rounded(finite(model)) for file in report.files for model in _models(file)]
    return json.dumps({**document(bare), "schema": SCHEMA, "models": models}, indent=1, allow_nan=False) + "\n"


def _models(file: Looked) -> Iterator[dict[str, object]]:
    for flow in file.measured:
        if isinstance(flow, GradientFlow):
            yield {
                "path": file.path,
                "seeds": list(flow.seeds),
                "fresh": flow.fresh,
                "fed": flow.fed,
                "loss": LOSS,
                "batch_normalizations": flow.batch_normalizations,
                "ratio": {
                    "with": {"input": _spread(flow.kept), "parameters": _spread(flow.kept_parameters)},
                    "cut": {"input": _spread(flow.cut), "parameters": _spread(flow.cut_parameters)},
                },
                "blocks": [_passage(passage) for passage in flow.passages],
                "left": [{"merge": block.merge.id, "reason": why} for block, why in flow.left],
            }


def _passage(passage: Passage) -> dict[str, object]:
    block = passage.block
    module, source = where(block.merge)
    return {
        "merge": block.merge.id,
        "node": block.merge.name,
        "kind": str(block.kind),
        "normalization": str(block.normalization),
        "fork": block.fork,
        "module": module,
        "source": {"file": source.file, "line": source.line} if source else None,
        "with": _reach(passage.kept),
        "cut": _reach(passage.cut),
        "by_shortcut": list(passage.carried),
    }


def _reach(reach: Reach) -> dict[str, object]:
    return {"input": list(reach.input), "parameters": list(reach.parameters)}


def _spread(ratio: Spread) -> dict[str, object]:
    return {"mean": ratio.mean, "min": ratio.least, "max": ratio.most}
