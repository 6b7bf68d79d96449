"""Ops in, what a table or a plot calls each out: its module, and where several share one also its tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reslint.anatomy.views.source import module_of
from reslint.net import Op
from reslint.report.common.plain import plain


def labels(ops: Sequence[Op]) -> tuple[str, ...]:
    """A name for each op, no two the same."""
    modules = [module_of(op) or "" for op in ops]
    often = Counter(modules)
    pairs = zip(ops, modules, strict=True)
    return tuple(
        plain(f"{module} {op.id}".strip() if often[module] > 1 or not module else module) for op, module in pairs
    )
