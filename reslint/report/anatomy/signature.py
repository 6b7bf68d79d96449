"""Dissected models in, the skeleton of each as one line out."""

from __future__ import annotations

from collections.abc import Iterable

from reslint.anatomy.views.skeleton import skeleton
from reslint.report.common.plain import plain
from reslint.result import Dissected

EMPTY = "no residual blocks"


def render(models: Iterable[Dissected]) -> str:
    """`model.onnx: 24 x [pre attn, pre mlp], final-norm`. The skeleton is reslint's own words, whole and unescaped."""
    return "".join(f"{plain(m.path)}: {skeleton(m.anatomy) or EMPTY}\n" for m in models if m.anatomy)
