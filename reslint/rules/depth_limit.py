"""Stacks in, a finding out for each that holds more residual blocks than the configuration allows."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Settings, rule


@rule("depth-limit", "depth", Severity.WARNING, Confidence.LIKELY)
def depth_limit(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """More residual blocks in one stack than `max-residual-blocks` in the configuration."""
    most = settings.max_residual_blocks
    if most is None:
        return
    for stack in anatomy.stacks:
        if len(stack.blocks) > most:
            first, over = stack.blocks[0], stack.blocks[most:]
            yield Draft(
                first.merge,
                first.net,
                message=f"{len(stack.blocks)} residual blocks in a row, {len(over)} more than the configured {most}",
                help=f"take {len(over)} blocks out of this stack, or raise max-residual-blocks",
                evidence={"blocks": len(stack.blocks), "max_residual_blocks": most},
                related=tuple(block.merge for block in over),
            )
