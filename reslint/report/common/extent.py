"""A shape in, what a person reads of it out: long formulas of symbols as the share that they come to."""

from __future__ import annotations

import ast
import re

from reslint.anatomy.metrics.dims import Extents
from reslint.net import Dim, Net, Shape

_INVENTED = re.compile(r"unk__\d+")  # onnx's shape inference names what it doesn't know
_SHORT = 12  # characters of a formula that is shown as it is
_FAR = 1 << 24  # a size beside which a kernel's rim is nothing
_NEAR = 1e-3


def dims(shape: Shape | None, net: Net, times: str | None = None) -> str:
    """`256x56x56`, `batch x 3 x ~height/4`, or with its own `times`; a question mark for an extent that nothing tells."""
    if shape is None:
        return "?"
    parts = [_spoken(dim, net) for dim in shape]
    if times is None:
        times = "x" if all(part.isdecimal() or part == "?" for part in parts) else " x "
    return times.join(parts) or "1"


def _spoken(dim: Dim, net: Net) -> str:
    if isinstance(dim, int):
        return str(dim)
    if dim is None or _INVENTED.search(dim):
        return "?"
    return dim if dim.isidentifier() or len(dim) <= _SHORT else _share(dim, net) or "?"


def _share(dim: str, net: Net) -> str | None:
    """A formula of one symbol as the share of it that it comes to, None where it comes to none."""
    try:
        tree = ast.parse(dim, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return dim  # a name that only looks like arithmetic
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called
    if len(names) != 1:
        return None
    (name,) = names
    share = Extents(net, {name: _FAR}).extent(dim) / _FAR
    times, parts = round(share), round(1 / share) if share else 0
    if parts > 1 and abs(share * parts - 1) < _NEAR:
        return f"~{name}/{parts}"
    if times and abs(share / times - 1) < _NEAR:
        return f"~{times}*{name}" if times > 1 else f"~{name}"
    return None
