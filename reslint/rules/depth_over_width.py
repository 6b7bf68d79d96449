"""Stacks in, findings out for transformers with more layers than their width supports."""

from __future__ import annotations

import math
from collections.abc import Iterator

from onnx import TensorProto

from reslint.anatomy import Anatomy
from reslint.anatomy.describe.signature import label
from reslint.finding import Confidence, Severity
from reslint.rules.deep_post_norm import layers_of
from reslint.rules.rule import Draft, Settings, rule

_LEAST = 6  # layers below which the paper has no experiment


@rule("depth-over-width", "depth", Severity.NOTE, Confidence.POSSIBLE, design=True)
def depth_over_width(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A language model has more layers than its width supports."""
    if not any(anatomy.net.value(i).type in (TensorProto.INT64, TensorProto.INT32) for i in anatomy.net.inputs):
        return  # no tokens go in: no language model
    for stack in anatomy.stacks:
        first = stack.blocks[0]
        width, layers = (first.net.shape(first.merge.id) or (None,))[-1], layers_of(stack)
        if not isinstance(width, int) or width < 2 or not any(label(b).startswith("attn") for b in stack.blocks):
            continue
        fitted = supported(width)
        most = settings.depth_over_width * fitted
        if fitted < _LEAST:
            continue  # narrower than anything that was tried
        if layers >= _LEAST and layers > most:
            yield Draft(
                first.merge,
                first.net,
                f"{layers} transformer layers of width {width}; this width supports about {most:.0f}",
                "spend the parameters on width rather than depth",
                {"layers": layers, "width": width, "supported": round(most, 1)},
            )


def supported(width: int) -> float:
    """The depth up to which a width uses its layers well: a fit after Levine et al. 2020 (arXiv:2006.12467)."""
    return (math.log(width) - 5.039) / 0.0555
