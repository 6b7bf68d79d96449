"""A net and one of its inputs in, what the input is for out: what it indexes, whether it masks, what an op wants of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reslint.anatomy.metrics.dims import Extents
from reslint.net import Net, Op, Shape
from reslint.net.weights import scalar

_FAR = 256  # tensors to follow an input through
_LAYOUT = frozenset(
    {
        "Cast",
        "Concat",
        "Expand",
        "Flatten",
        "Identity",
        "If",
        "Optional",
        "OptionalGetElement",
        "Reshape",
        "SequenceAt",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)
_INDEXING = frozenset({"Gather", "GatherElements", "GatherND", "Scatter", "ScatterElements", "ScatterND"})
_SELECTING = frozenset({"Compress", "Gather", "GatherElements", "GatherND", "Max", "Min", "Pad"})
_EMBEDDING = {0: 2, 1: 4}  # EmbedLayerNormalization: token and segment ids, and their tables
_MASKING: Mapping[str, tuple[int, ...]] = {
    "And": (0, 1),
    "Attention": (3,),
    "CumSum": (0,),
    "Equal": (0, 1),
    "Greater": (0, 1),
    "GreaterOrEqual": (0, 1),
    "Less": (0, 1),
    "LessOrEqual": (0, 1),
    "MultiHeadAttention": (4,),
    "Not": (0,),
    "Or": (0, 1),
    "ReduceSum": (0,),
    "Sub": (1,),
    "Where": (0,),
}
_PLAIN: Mapping[tuple[str, int], int] = {
    ("ConstantOfShape", 0): 1,
    ("Expand", 1): 1,
    ("Loop", 0): 3,
    ("OneHot", 1): 8,
    ("Pad", 1): 0,
    ("Range", 0): 0,
    ("Range", 1): 8,
    ("Range", 2): 1,
    ("Reshape", 1): 0,  # keep the extent
    ("SequenceAt", 1): 0,
    ("Slice", 1): 0,
    ("Slice", 2): 1 << 30,
    ("Slice", 3): 0,
    ("Slice", 4): 1,
    ("Squeeze", 1): 0,
    ("Tile", 1): 1,
    ("TopK", 1): 1,
    ("Unsqueeze", 1): 0,
}


@dataclass(frozen=True, slots=True)
class Use:
    """What an input is for. `most` is the extent that it indexes, `number` what all its elements should be, None if neither."""

    most: int | None = None
    number: int | None = None
    masks: bool = False


def use(net: Net, name: str, extents: Extents) -> Use:
    """What an input is for, from the ops that it reaches unchanged."""
    found = tuple(_uses(net, name, extents))
    bounds = [u.most for u in found if u.most is not None]
    return Use(
        min(bounds, default=None),
        next((u.number for u in found if u.number is not None), None),
        any(u.masks for u in found),
    )


def _uses(net: Net, name: str, extents: Extents) -> Iterator[Use]:
    """What each op that an input reaches makes of it. An offset added on the way narrows what may be indexed."""
    todo = [(net, extents, name, 0)]
    seen: set[tuple[int, str]] = set()
    while todo and len(seen) < _FAR:
        where, sizes, here, offset = todo.pop()
        if (id(where), here) in seen:
            continue
        seen.add((id(where), here))
        for op in where.consumers.get(here, ()):
            for body, inner in _inside(op, here):
                todo.append((body, sizes.inside(body), inner, offset))
            for at, read in enumerate(op.inputs):
                if read == here:
                    yield from _use(where, op, at, sizes, offset)
            onward = _onward(where, op, here)
            if onward is not None:
                todo.extend((where, sizes, output, offset + onward) for output in op.outputs if output)


def _inside(op: Op, name: str) -> Iterator[tuple[Net, str]]:
    """The bodies that read a tensor, and what they call it: those of a Loop or a Scan number what they carry."""
    for body in op.bodies:
        if name in op.captured:
            yield body, name
        if op.type in ("Loop", "Scan"):
            yield from (
                (body, body.inputs[at]) for at, read in enumerate(op.inputs[: len(body.inputs)]) if read == name
            )


def _use(net: Net, op: Op, at: int, extents: Extents, offset: int) -> Iterator[Use]:
    for extent in _indexed(net, op, at, extents):
        yield Use(most=max(1, extent - offset))
    number = _PLAIN.get((op.type, at))
    if number is not None:
        yield Use(number=number)
    if at in _MASKING.get(op.type, ()):
        yield Use(masks=True)


def _onward(net: Net, op: Op, name: str) -> int | None:
    """What an op adds to a tensor that it passes on, None where it does not pass it on."""
    if op.type in _LAYOUT or op.type == "Where" and name in op.inputs[1:]:
        return 0
    if op.type in _SELECTING and op.inputs[0] == name:
        return 0  # a row of a table of edges, or those that are no loops
    if op.type in ("Add", "Sub") and len(op.inputs) == 2 and op.inputs[0] == name:
        added = scalar(net, op.inputs[1])
        return int(added) * (1 if op.type == "Add" else -1) if added is not None and abs(added) < 1 << 30 else None
    return None


def _indexed(net: Net, op: Op, at: int, extents: Extents) -> Iterator[int]:
    """The extents that an op indexes with its input number `at`."""
    if op.type == "EmbedLayerNormalization":
        table = _EMBEDDING.get(at)
        shape = _shape(op, table, extents) if table is not None else None
        yield from shape[:1] if shape else ()
    elif op.type == "GatherBlockQuantized" and at == 1:
        shape = _shape(op, 0, extents)
        axis = op.integer("gather_axis", 0)
        yield from (shape[axis],) if shape and -len(shape) <= axis < len(shape) else ()
    elif op.type in _INDEXING and at == 1:
        shape = _shape(op, 0, extents)
        if not shape:
            yield 1  # the first element is always there
        elif op.type.endswith("ND"):
            deep = _shape(op, 1, extents)
            yield min(shape[op.integer("batch_dims", 0) :][: deep[-1] if deep else None], default=1)
        else:
            axis = op.integer("axis", 0)
            yield shape[axis] if -len(shape) <= axis < len(shape) else 1


def _shape(op: Op, at: int, extents: Extents) -> tuple[int, ...] | None:
    return sized(extents, op.inputs[at], extents.value(op.inputs[at]).shape) if at < len(op.inputs) else None


def sized(extents: Extents, name: str, shape: Shape | None) -> tuple[int, ...] | None:
    """A tensor's extents. An axis without a name is known by the tensor's: `x[0]`."""
    if shape is None:
        return None
    return tuple(
        d if isinstance(d, int) else extents.sizes.get(f"{name}[{axis}]", 1) if d is None else extents.extent(d)
        for axis, d in enumerate(shape)
    )
