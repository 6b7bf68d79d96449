"""Cost in, a finding out where a model has more parameters than the configured amount of training data supports."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule

_PER_SAMPLE = 388  # parameters a sample at which He et al. 2015 saw a network of 1202 layers overfit
_TOKENS = 20  # tokens a parameter


@rule("depth-over-data", "depth", Severity.WARNING, Confidence.LIKELY, design=True)
def depth_over_data(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """The model has more capacity than `train-samples` or `train-tokens` can support."""
    params, samples, tokens = anatomy.cost.params, settings.train_samples, settings.train_tokens
    deepest = max(anatomy.stacks, key=lambda stack: len(stack.blocks), default=None)
    if deepest is None:
        return
    first, told = deepest.blocks[0], "shrink the model, regularize it, or train it on more data"
    if samples is not None and params >= _PER_SAMPLE * samples:
        ratio = params / samples
        text = f"{params:,} parameters for {samples:,} training samples: {ratio:.0f} per sample"
        yield Draft(
            first.merge, first.net, text, told, {"params": params, "samples": samples, "per_sample": round(ratio)}
        )
    if tokens is not None and tokens < _TOKENS * params:
        ratio = tokens / params
        text = f"{params:,} parameters for {tokens:,} training tokens: {ratio:.2g} tokens per parameter"
        yield Draft(first.merge, first.net, text, told, {"params": params, "tokens": tokens, "per_parameter": ratio})
