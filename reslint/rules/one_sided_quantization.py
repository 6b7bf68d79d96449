"""Anatomy in, residual merges whose sides are not quantized as their target fuses them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy, Block, Kind
from reslint.finding import Confidence, Severity
from reslint.net import Op
from reslint.net.weights import scalar
from reslint.rules._support.words import called, first_at
from reslint.rules.rule import Draft, Pass, Said, Settings, rule

_WIDE = 16.0  # scales further apart than this leave the finer side four bits of eight, a heuristic

_VERY_WIDE = 64.0  # two bits of eight are left: too few on any target

Sides = tuple[Op | None, Op | None]


@rule("one-sided-quantization", "shortcut", Severity.NOTE, Confidence.LIKELY)
def one_sided_quantization(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """The sides of a residual merge are not quantized as the target can fuse them, or their scales differ widely."""
    yield from _apart(anatomy.blocks, _WIDE if settings.target else _VERY_WIDE)
    if not settings.target and not settings.explain:
        return
    sums = [(b, _dequantizers(b)) for b in anatomy.blocks if b.merge.type == "Add" and b.kind is not Kind.DENSE]
    if not any(short or branch for _, (short, branch) in sums):
        return  # a quantized file whose sums are all float is a choice
    if not settings.target:
        yield from (Pass(b.merge, b.net, "quantized, but no target is configured") for b, _ in sums)
        return
    wanted = (True, False) if settings.target == "tensorrt" else (True, True)
    yield from _unlike(sums, wanted, settings.target)


def _unlike(sums: Sequence[tuple[Block, Sides]], wanted: tuple[bool, bool], target: str) -> Iterator[Draft]:
    wrong = [(b, sides) for b, sides in sums if (sides[0] is not None, sides[1] is not None) != wanted]
    if wrong:
        block, (short, branch) = wrong[0]
        here = {(True, True): "both sides", (True, False): "only the shortcut", (False, True): "only the branch"}
        told = here.get((short is not None, branch is not None), "neither side")
        yield Draft(
            block.merge,
            block.net,
            f"{len(wrong)} of {len(sums)} merges have {told} quantized{first_at(block.merge)}; "
            f"{target} fuses a sum with {here[wanted]} quantized",
            f"quantize {here[wanted]} of each residual sum for {target}",
            {"target": target, "merges": len(sums), "unlike": len(wrong), "here": told, "wanted": here[wanted]},
            related=tuple(b.merge for b, _ in wrong[1:]),
        )


def _apart(blocks: Sequence[Block], wide: float) -> Iterator[Draft]:
    for block in blocks:
        first, second = _scales(block)
        if first and second and max(first, second) / min(first, second) > wide:
            ratio = max(first, second) / min(first, second)
            yield Draft(
                block.merge,
                block.net,
                f"the sides{called(block.merge)} are quantized with scales that differ by a factor of {ratio:.0f}",
                "use one scale for both sides, or rescale the branch before it is quantized",
                {"shortcut_scale": first, "branch_scale": second, "ratio": ratio},
                confidence=Confidence.PROVEN,
            )


def _scales(block: Block) -> tuple[float | None, float | None]:
    """The scales with which the sides of a merge are quantized, None where one is not."""
    if block.merge.type == "QLinearAdd":
        at = [block.merge.inputs.index(side) + 1 for side in block.sides if side in block.merge.inputs]
        found = [scalar(block.net, block.merge.inputs[k]) for k in at]
        return (found[0], found[1]) if len(found) > 1 else (None, None)
    short, branch = _dequantizers(block)
    if block.merge.type != "Add" or short is None or branch is None:
        return None, None
    return scalar(block.net, short.inputs[1]), scalar(block.net, branch.inputs[1])


def _dequantizers(block: Block) -> Sides:
    """The op that dequantizes each side right before the sum, None where a side comes in as it was computed."""
    found: list[Op | None] = []
    for side in block.sides:
        at = block.merge.inputs.index(side) if side in block.merge.inputs else -1
        via = block.net.via(block.merge, at) if at >= 0 else ()
        found.append(next((op for op in via if op.type == "DequantizeLinear"), None))
    return found[0], found[1]
