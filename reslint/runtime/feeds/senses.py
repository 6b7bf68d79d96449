"""What a floating-point input is likely to be: an image or a sound, in its range, or plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reslint.net import Net, Op
from reslint.net.weights import scalar

_PASSING = frozenset({"Cast", "Identity", "Pad", "Reshape", "Resize", "Squeeze", "Transpose", "Unsqueeze"})
_SCALING = frozenset({"Add", "Div", "Mul", "Sub"})
_COLOURS = 4  # an image has at most so many channels: red, green, blue and how opaque it is
_BYTE = 255
_FAR = 16  # ops to follow an input through


def sensed(net: Net, name: str) -> tuple[str, int]:
    """`image` and its largest number, `sound`, or `normal`: from the first convolution, and what scales before it."""
    for op, largest in _first(net, name):
        weight = net.shape(op.inputs[1]) if len(op.inputs) > 1 else None
        channels = weight[1] if weight is not None and len(weight) > 1 else None
        if weight is not None and isinstance(channels, int):
            if len(weight) == 4 and channels <= _COLOURS:
                return "image", largest
            if len(weight) == 3 and channels == 1:
                return "sound", 1
    return "normal", 0


def _first(net: Net, name: str) -> Iterator[tuple[Op, int]]:
    """The convolutions that an input reaches through layout and scaling, with the largest number that it should hold."""
    todo, seen = [(name, 1)], {name}
    while todo and len(seen) < _FAR:
        here, largest = todo.pop()
        for op in net.consumers.get(here, ()):
            if op.type == "Conv" and op.inputs[0] == here:
                yield op, largest
            elif op.type in _PASSING | _SCALING and op.id not in seen:
                seen.add(op.id)
                todo.append((op.id, _BYTE if _of_bytes(net, op, here) else largest))


def _of_bytes(net: Net, op: Op, name: str) -> bool:
    """Whether an op divides by 255, as one does with bytes."""
    others = [scalar(net, other) for other in op.inputs if other and other != name]
    by = next((abs(value) for value in others if value), None)
    if by is None or op.type not in ("Div", "Mul"):
        return False
    return math.isclose(by if op.type == "Div" else 1 / by, _BYTE, rel_tol=0.01)
