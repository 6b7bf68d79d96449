"""A net in, inputs that it should take out: made up, seeded, and told in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from reslint.anatomy.sizes import Extents
from reslint.errors import RunFailed
from reslint.net import Net, Op
from reslint.net.values import Array
from reslint.runtime.job import Feed

_BATCH = (2, 3)  # of two runs; size 1 broadcasts and hides mismatches
_OTHERS = (8, 12)
_SCALES = (1, 4, 8, 28)  # tried in this order: from what a sequence has to what an image has
_FAR = 64  # tensors to follow an input through
_THROUGH = frozenset(
    {
        "Cast",
        "Reshape",
        "Unsqueeze",
        "Squeeze",
        "Flatten",
        "Slice",
        "Expand",
        "Concat",
        "Transpose",
        "Identity",
        "Split",
    }
)
_INDEXING = {"Gather": (0, 1), "GatherElements": (0, 1), "ScatterElements": (0, 1)}
_EMBEDDING = {0: 2, 1: 4}  # EmbedLayerNormalization: token and segment ids, and their tables


@dataclass(frozen=True, slots=True)
class Inputs:
    """What two runs are fed, each with alternatives of other sizes, and the sizes and words for each alternative."""

    feeds: tuple[tuple[Feed, ...], ...]
    sizes: tuple[tuple[Mapping[str, int], ...], ...]
    words: Mapping[str, str]


def synthesized(net: Net, given: Mapping[str, int], seed: int) -> Inputs:
    """Inputs for a net; `given` are sizes of its symbols. Raises RunFailed for an input that is no tensor."""
    symbols = tuple(dict.fromkeys(_symbols(net)))
    unknown = [name for name in given if name not in symbols]
    if unknown:
        known = ", ".join(symbols) or "none"
        raise RunFailed(f"has no symbolic dimension {unknown[0]!r}; those of its inputs are: {known}")
    free = [s for s in symbols if s not in given]
    batches = {s for s in free if s in _first(net)}
    feeds, sizes = [], []
    for turn in range(2 if free else 1):
        ladder = [{**{s: _BATCH[turn] if s in batches else _OTHERS[turn] * k for s in free}, **given} for k in _SCALES]
        tried = [dict(t) for t in dict.fromkeys(tuple(step.items()) for step in ladder)]
        sizes.append(tuple(tried))
        feeds.append(tuple(_feed(net, s, seed) for s in tried))
    return Inputs(tuple(feeds), tuple(sizes), {name: _told(net, name) for name in net.inputs})


def _symbols(net: Net) -> Iterator[str]:
    """The symbols of a net's inputs; what has no name is called after its place."""
    for name in net.inputs:
        shape = net.shape(name)
        for axis, dim in enumerate(shape if shape is not None else ()):
            yield from _names(dim, f"{name}[{axis}]") if not isinstance(dim, int) else ()


def _names(dim: str | None, place: str) -> Iterator[str]:
    if dim is None or dim.isidentifier():
        yield dim or place
        return
    try:
        inside = [n.id for n in ast.walk(ast.parse(dim, mode="eval")) if isinstance(n, ast.Name)]
    except (SyntaxError, ValueError, RecursionError):
        inside = []  # a name that only looks like arithmetic
    yield from (n for n in inside if n not in ("floor", "ceil", "max", "min")) if inside else (dim,)


def _first(net: Net) -> set[str]:
    """The symbols that lead some input's shape: batches, where the input has more than one axis."""
    found: set[str] = set()
    for name in net.inputs:
        shape = net.shape(name) or ()
        if len(shape) > 1 and not isinstance(shape[0], int):
            found.update(_names(shape[0], f"{name}[0]"))
    return found


def _feed(net: Net, sizes: Mapping[str, int], seed: int) -> Feed:
    extents = Extents(net, sizes)
    random = np.random.default_rng(seed)
    return {name: _made(net, name, extents, random) for name in net.inputs}


def _shape(net: Net, name: str, extents: Extents) -> tuple[int, ...]:
    shape = net.shape(name)
    return tuple(
        d if isinstance(d, int) else extents.sizes.get(f"{name}[{axis}]", 1) if d is None else extents.extent(d)
        for axis, d in enumerate(shape if shape is not None else ())
    )


def _made(net: Net, name: str, extents: Extents, random: np.random.Generator) -> Array:
    kind = net.value(name).type
    if not kind:
        raise RunFailed(f"has the input {name!r}, which is no tensor of a known type; give it with --inputs")
    shape = _shape(net, name, extents)
    if kind == TensorProto.STRING:
        return np.full(shape, "a", dtype=object)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    what, most = _meaning(net, name, extents)
    if what == "ones":
        return np.ones(shape, dtype)
    if what == "counting":
        last = np.arange(shape[-1] if shape else 1) % most
        return np.broadcast_to(last if shape else last[0], shape).astype(dtype)
    if what == "below":
        return random.integers(0, most, shape).astype(dtype)
    return random.standard_normal(shape).astype(dtype)


def _meaning(net: Net, name: str, extents: Extents) -> tuple[str, int]:
    """How an input is filled, and below which number its integers stay."""
    kind = net.value(name).type
    whole = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind)).kind in "iu" if kind else False
    if kind == TensorProto.BOOL or "mask" in name.lower():
        return "ones", 0
    if not whole:
        return "normal", 0
    most = min(_bounds(net, name, extents), default=0)
    if "position" in name.lower():
        return "counting", most or 1 << 30
    if most:
        return "below", most
    return "below", 256 if kind == TensorProto.UINT8 else 2


def _bounds(net: Net, name: str, extents: Extents) -> Iterator[int]:
    """The extents that an input indexes, wherever it flows unchanged."""
    todo, seen = [name], 0
    while todo and seen < _FAR:
        here = todo.pop()
        for op in net.consumers.get(here, ()):
            seen += 1
            if op.type in _THROUGH:
                todo.extend(op.outputs)
            bound = _bound(net, op, here, extents)
            if bound:
                yield bound


def _bound(net: Net, op: Op, name: str, extents: Extents) -> int:
    """The extent that an op indexes with a tensor, 0 where it does not."""
    table, index = _INDEXING.get(op.type, (0, -1))
    axis = op.integer("axis", 0)
    if op.type == "EmbedLayerNormalization":
        table = next((t for at, t in _EMBEDDING.items() if at < len(op.inputs) and op.inputs[at] == name), -1)
        index, axis = (0, 0) if table >= 0 else (-1, 0)
    elif index >= 0 and (len(op.inputs) <= index or op.inputs[index] != name):
        return 0
    if op.type == "GatherND" or index < 0:
        return 0
    shape = (
        _shape(net, op.inputs[table], extents) if op.inputs[table] in net.inputs else extents.shape(op.inputs[table])
    )
    return shape[axis] if shape and -len(shape) <= axis < len(shape) else 0


def _told(net: Net, name: str) -> str:
    what, most = _meaning(net, name, Extents(net, {}))
    if what == "below":
        return f"integers below {most}"
    return {"ones": "ones", "counting": "counting up"}.get(what, "normal numbers")


def dims(array: Array) -> str:
    """A shape in words: `2x3x8`."""
    return "x".join(map(str, array.shape)) if array.ndim else "scalar"
