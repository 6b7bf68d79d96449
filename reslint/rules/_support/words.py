"""Values in, the words that messages share out."""

from __future__ import annotations

from collections.abc import Sequence

from reslint.anatomy import Block
from reslint.anatomy.views.source import where
from reslint.net import Dim, Net, Op
from reslint.rules._support.terms import Term

_INVENTED = "unk__"  # what onnx's shape inference calls a dimension that it does not know


def shown(shape: Sequence[Dim] | None) -> str:
    """A shape as people write it: `[1, 64, H, ?]`; dimensions that inference made up a name for are unknown."""
    if shape is None:
        return "of unknown rank"
    return f"[{', '.join('?' if _is_unknown(d) else str(d) for d in shape)}]"


def _is_unknown(dim: Dim) -> bool:
    return dim is None or isinstance(dim, str) and _INVENTED in dim


def dimension(dim: Dim, axis: int) -> str:
    """A dimension as people name it: `H`, or `axis 2` where it has no name but an invented one."""
    return f"axis {axis}" if _is_unknown(dim) else str(dim)


def listed(shape: Sequence[Dim] | None) -> list[Dim] | None:
    """A shape as evidence, None for the dimensions that are unknown."""
    return None if shape is None else [None if _is_unknown(d) else d for d in shape]


def called(op: Op) -> str:
    """Where a merge is, as its author calls it: `of layer3.4`, or nothing where no module is known."""
    module, _ = where(op)
    return f" of {module}" if module else ""


def first_at(op: Op) -> str:
    """Where the first of several merges is, behind their number: `, first at layer3.4`, or nothing."""
    module, _ = where(op)
    return f", first at {module}" if module else ""


def times(factor: float) -> str:
    """A factor as people write it: `2,044`, `12.3`, `4.1e+07`."""
    return f"{factor:,.0f}" if 1000 <= factor < 1e6 else f"{factor:.3g}"


def producer(net: Net, name: str) -> str:
    """What makes a tensor: `Conv conv2d_42`, or that it is an input."""
    op = net.producer.get(name)
    return f"{op.kind} {op.id}" if op is not None else f"input {name}"


def side_lines(block: Block) -> tuple[tuple[str, str], ...]:
    """The two sides of a merge with their shapes and producers, as lines of evidence."""
    return tuple(
        (label, f"{shown(shape)}  {producer(block.net, name)}")
        for label, name, shape in zip(("shortcut", "branch"), block.sides, block.shapes, strict=True)
    )


def side_evidence(block: Block) -> dict[str, object]:
    """The two sides of a merge with their shapes and producers, as evidence."""
    return {
        "shortcut_shape": listed(block.shapes[0]),
        "branch_shape": listed(block.shapes[1]),
        "shortcut_tensor": block.sides[0],
        "branch_tensor": block.sides[1],
    }


def term_lines(block: Block, term: Term) -> tuple[tuple[str, str], ...]:
    """The same as `side_lines`, and a further term of the sum."""
    if term.name in block.sides:
        return side_lines(block)
    return (*side_lines(block), (term.label, f"{shown(term.shape)}  {producer(block.net, term.name)}"))


def term_evidence(block: Block, term: Term) -> dict[str, object]:
    """The same as `side_evidence`, and a further term of the sum."""
    if term.name in block.sides:
        return side_evidence(block)
    return {**side_evidence(block), "input_shape": listed(term.shape), "input_tensor": term.name}


def output_op(net: Net) -> Op | None:
    """What makes the first output that an op makes."""
    return next((op for name in net.outputs if (op := net.producer.get(net.canonical(name))) is not None), None)
