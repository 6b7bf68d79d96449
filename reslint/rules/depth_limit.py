"""Stacks in, a finding out for each that holds more residual blocks than the configuration allows."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Pass, Said, Settings, rule


@rule("depth-limit", "depth", Severity.WARNING, Confidence.LIKELY)
def depth_limit(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """More residual blocks in one stack than `max-residual-blocks` in the configuration."""
    most = settings.max_residual_blocks
    for stack in anatomy.stacks:
        if most is None or len(stack.blocks) <= most:
            limit = "and no max-residual-blocks is configured" if most is None else f"of {most} that are allowed"
            yield Pass(stack.blocks[0].merge, stack.blocks[0].net, f"{len(stack.blocks)} blocks in a row, {limit}")
            continue
        if most is not None:
            first, over = stack.blocks[0], stack.blocks[most:]
            yield Draft(
                first.merge,
                first.net,
                message=f"{len(stack.blocks)} residual blocks in a row, {len(over)} more than the configured {most}",
                help=f"take {len(over)} {'block' if len(over) == 1 else 'blocks'} out of this stack, "
                "or raise max-residual-blocks",
                evidence={"blocks": len(stack.blocks), "max_residual_blocks": most},
                related=tuple(block.merge for block in over),
            )
