"""Stacks in, findings out for those whose shortcuts are scaled like DeepNorm's, but for another depth."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy, Placement
from reslint.finding import Confidence, Severity
from reslint.rules.deep_post_norm import layers_of
from reslint.rules.rule import Draft, Settings, rule

_TOLERANCE = 0.05  # a heuristic
_NEAR = 1.5  # further off than this factor, a scale is something else than DeepNorm's


@rule("deepnorm-mismatch", "norm", Severity.NOTE, Confidence.LIKELY, design=True)
def deepnorm_mismatch(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The shortcut's scale is near DeepNorm's value for this depth, but not equal to it."""
    depths = [layers_of(stack) for stack in anatomy.stacks]
    for stack, layers in zip(anatomy.stacks, depths, strict=True):
        scales = {b.scale_shortcut.value if b.scale_shortcut else None for b in stack.blocks}
        alpha = scales.pop() if len(scales) == 1 else None
        if alpha is None or alpha <= 1 or any(b.normalization is not Placement.POST for b in stack.blocks):
            continue
        expected = tuple(alphas(layers, depths))
        nearest = min(expected, key=lambda value: abs(alpha - value))
        if abs(alpha / nearest - 1) > _TOLERANCE and 1 / _NEAR < alpha / nearest < _NEAR:
            first = stack.blocks[0]
            yield Draft(
                first.merge,
                first.net,
                f"{layers} post-norm layers scale their shortcut by {alpha:.4g}; DeepNorm's value for this depth is "
                f"{nearest:.4g}",
                f"set the scale and the initialization that DeepNorm gives for {layers} layers",
                {"scale": alpha, "expected": nearest, "layers": layers},
                related=tuple(b.merge for b in stack.blocks[1:]),
            )


def alphas(layers: int, depths: list[int]) -> Iterator[float]:
    """DeepNorm's scales (arXiv:2203.00555; torchscale's encoder and decoder): alone, as decoder, as encoder of a decoder."""
    yield (2 * layers) ** 0.25
    if len(depths) > 1:
        yield (3 * layers) ** 0.25
        yield from (0.81 * (layers**4 * other) ** (1 / 16) for other in depths if other)
