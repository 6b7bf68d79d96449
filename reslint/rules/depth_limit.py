"""Stacks in, a finding out for each that holds more residual blocks than the configuration allows."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Pass, Said, Settings, rule


@rule("depth-limit", "depth", Severity.WARNING, Confidence.LIKELY)
def depth_limit(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """A stack has more residual blocks than `max-residual-blocks` allows."""
    most = settings.max_residual_blocks
    for stack in anatomy.stacks:
        if most is None or len(stack.blocks) <= most:
            limit = "max-residual-blocks is not configured" if most is None else f"{most} are allowed"
            yield Pass(stack.blocks[0].merge, stack.blocks[0].net, f"blocks in a row: {len(stack.blocks)}; {limit}")
            continue
        if most is not None:
            first, over = stack.blocks[0], stack.blocks[most:]
            yield Draft(
                first.merge,
                first.net,
                message=f"{len(stack.blocks)} residual blocks in a row, {len(over)} more than the limit of {most}",
                help=f"remove {len(over)} {'block' if len(over) == 1 else 'blocks'} from this stack, "
                "or raise max-residual-blocks",
                evidence={"blocks": len(stack.blocks), "max_residual_blocks": most},
                related=tuple(block.merge for block in over),
            )
