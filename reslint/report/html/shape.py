"""A portrait in, the charts of depth, path lengths and cost out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.portrait import Portrait
from reslint.report.common.plain import counted
from reslint.report.html.charts import Chart, columns, linear, places, up_ticks
from reslint.report.html.numbers import amount, measured


def shape_charts(seen: Portrait) -> Iterator[Chart]:
    """What a model looks like by numbers; nothing where it has no residual blocks."""
    if not seen.blocks:
        return
    if seen.paths.max > 0:
        yield _paths(seen)
    yield _depth(seen)
    if any(block.macs for block in seen.blocks):
        yield _cost(seen)


def _paths(seen: Portrait) -> Chart:
    """How long the ways through the residual graph are (arXiv:1605.06431)."""
    paths = seen.paths
    lengths = range(paths.start, paths.start + len(paths.shares))
    scale = linear(100 * share for share in paths.shares)
    rows = tuple((str(n), _percent(share)) for n, share in zip(lengths, paths.shares, strict=True))
    told = [f"{counted(int(n), 'weighted layer')}: {share} of all paths" for n, share in rows]
    return Chart(
        "Path lengths",
        f"{_many(paths.log2_count)} of {paths.min} to {counted(paths.max, 'weighted layer')}: "
        f"{paths.mean:.3g} on average, {paths.mode} most often.",
        "weighted layers on a path",
        "% of paths",
        ("layers", "share of paths"),
        rows,
        places(paths.start, len(lengths)),
        up_ticks(scale, lambda v: f"{v:g}"),
        columns([100 * share for share in paths.shares], scale, told),
    )


def _many(log2: float) -> str:
    return counted(round(2**log2), "path") if log2 < 10 else f"2^{log2:.3g} paths"


def _depth(seen: Portrait) -> Chart:
    depths = [block.depth for block in seen.blocks]
    scale = linear(depths, least=1)
    depth = seen.depth
    return Chart(
        "Depth",
        f"{counted(depth.weighted, 'weighted layer')} on the longest path, at most "
        f"{depth.longest_plain} in a row that no shortcut bypasses.",
        "block",
        "layers on its branch",
        ("block", "name", "weighted layers on its branch"),
        tuple((str(n), block.name, str(block.depth)) for n, block in enumerate(seen.blocks, 1)),
        places(1, len(depths)),
        up_ticks(scale, lambda v: f"{v:g}"),
        columns(depths, scale, [f"{block.name}: {counted(block.depth, 'weighted layer')}" for block in seen.blocks]),
    )


def _cost(seen: Portrait) -> Chart:
    macs = [block.macs for block in seen.blocks]
    scale = linear(macs, least=1)
    share = sum(macs) / seen.macs if seen.macs else 0.0
    uncounted = f" Not counted: {', '.join(seen.uncounted)}." if seen.uncounted else ""
    return Chart(
        "Cost",
        f"The blocks make {min(share, 1):.0%} of {amount(seen.macs)}MAC.{uncounted}",
        "block",
        "MAC",
        ("block", "name", "multiply-accumulates"),
        tuple((str(n), block.name, amount(block.macs)) for n, block in enumerate(seen.blocks, 1)),
        places(1, len(macs)),
        up_ticks(scale, amount),
        columns(macs, scale, [f"{block.name}: {amount(block.macs)}MAC" for block in seen.blocks]),
    )


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.3g} %" if percent >= 0.01 else f"{measured(percent)} %"
