"""Anatomy in, modules whose class is named for a shortcut, and that have none out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.ops import is_layer
from reslint.anatomy.views.source import modules_of
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules.rule import Draft, Settings, rule

_NAMED = re.compile(r"Res(?=[A-Z0-9_]|$|idual|block)|Residual|Skip(?!p)")
_LAYERS = 2  # of one layer nobody expects a shortcut


@rule("named-but-plain", "shortcut", Severity.NOTE, Confidence.LIKELY, design=True)
def named_but_plain(anatomy: Anatomy, settings: Settings) -> Iterator[Draft]:
    """A class is named for a shortcut, its input and output have one shape, and nothing is added inside."""
    bypassed = {(id(b.net), op.id) for b in anatomy.blocks for op in b.branch}
    for flow in anatomy.flows:
        modules: dict[tuple[str, str], list[Op]] = {}
        for op in flow.net.live:
            for path, kind in modules_of(op):
                if path and _NAMED.match(kind.rpartition(".")[2]):
                    modules.setdefault((path, kind), []).append(op)
        found: dict[str, list[tuple[str, Op]]] = {}
        for (path, kind), ops in modules.items():
            end = _plain_end(flow.net, ops)
            if end is not None and (id(flow.net), end.id) not in bypassed:
                found.setdefault(kind, []).append((path, end))
        for kind, plain in found.items():
            name, (path, end) = kind.rpartition(".")[2], plain[0]
            others = f", as {len(plain) - 1} more of its class do" if len(plain) > 1 else ""
            yield Draft(
                end,
                flow.net,
                f"{path} is a {name}, but its output {end.id} adds nothing to its input, although their shapes agree{others}",
                "return x + branch(x), or give the class another name",
                {"class": kind, "modules": [where for where, _ in plain][:8], "count": len(plain)},
                related=tuple(op for _, op in plain[1:]),
                module=path,
            )


def _plain_end(net: Net, ops: Sequence[Op]) -> Op | None:
    """The op that gives a module's only output, where that has an input's shape and nothing in the module merges data."""
    inside = {output for op in ops for output in op.outputs}
    if any(len(op.data) > 1 for op in ops) or sum(is_layer(net, op) for op in ops) < _LAYERS:
        return None
    read = {name for op in ops for name in op.data if name not in inside}
    ends = [op for op in ops if _is_read_outside(net, op, inside)]
    shape = net.shape(ends[0].id) if len(ends) == 1 else None
    return ends[0] if shape is not None and any(net.shape(name) == shape for name in read) else None


def _is_read_outside(net: Net, op: Op, inside: set[str]) -> bool:
    return any(
        name in net.outputs or any(inside.isdisjoint(reader.outputs) for reader in net.consumers.get(name, ()))
        for name in op.outputs
    )
