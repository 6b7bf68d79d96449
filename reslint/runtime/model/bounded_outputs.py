"""A net in, which of its outputs come from an op that squashes everything between -1 and 1 out.

Kernels of such ops are exact to the last bits of 1, not of their own result: ONNX Runtime's sigmoid of -20 may be 0 or 9e-8.
"""

from __future__ import annotations

from collections.abc import Iterator

from reslint.net import Net

# Not Softmax: its largest value shrinks with the number of classes, and is all that its differences can be held against.
_SQUASHING = frozenset({"Erf", "HardSigmoid", "Sigmoid", "Tanh"})
_LAYOUT = frozenset({"Concat", "Flatten", "Gather", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})


def squashed(net: Net) -> frozenset[str]:
    """The outputs of which every value was squashed."""
    return frozenset(name for name in net.outputs if all(_sources(net, net.canonical(name))))


def _sources(net: Net, name: str) -> Iterator[bool]:
    """Whether each op that made a part of a tensor squashes."""
    todo, seen = [name], {name}
    while todo:
        op = net.producer.get(todo.pop())
        if op is None or op.type not in _LAYOUT:
            yield op is not None and op.type in _SQUASHING
            continue
        fresh = set(op.data) - seen
        seen |= fresh
        todo.extend(fresh)
