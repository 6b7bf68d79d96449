"""A net in, inputs that it should take out: made up, seeded, and told in words."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import onnx
from onnx import TensorProto

from reslint.anatomy.metrics.dims import Extents
from reslint.errors import RunFailed
from reslint.net import Net, Shape
from reslint.net.values import Array
from reslint.runtime.feeds.kinds import Kind
from reslint.runtime.feeds.senses import sensed
from reslint.runtime.feeds.uses import sized, use
from reslint.runtime.protocol.job import Fed, Feed

_BATCH = (2, 3)  # of two runs; size 1 broadcasts and hides mismatches
_OTHERS = ((8,), (13, 15, 12))  # the second is prime or odd where the model takes that
_SCALES = (1, 4, 8, 28)  # tried in this order: from what a sequence has to what an image has
_LARGER = (64, 256, 1024, 4096, 16384)  # before giving up: seconds of sound
_MOST = 4  # symbols among which sums are looked for
_WHOLE = frozenset(
    {
        TensorProto.INT8,
        TensorProto.INT16,
        TensorProto.INT32,
        TensorProto.INT64,
        TensorProto.UINT8,
        TensorProto.UINT16,
        TensorProto.UINT32,
        TensorProto.UINT64,
    }
)
_BYTES: Mapping[int, int] = {TensorProto.UINT8: 256, TensorProto.INT8: 128}
_RANKS = (4, 3, 2, 1, 0)  # of an input that does not say its own
_LARGE = 1 << 22  # numbers; further sizes are only tried below
_LISTED = 2  # tensors in a sequence
_QUIET = 4  # of sound's range, what is as loud as its root mean square


@dataclass(frozen=True, slots=True)
class Inputs:
    """What two runs are fed, each with alternatives of other sizes, and the sizes of each alternative."""

    feeds: tuple[tuple[Feed, ...], ...]
    sizes: tuple[tuple[Mapping[str, int], ...], ...]


def synthesized(net: Net, given: Mapping[str, int], seed: int, kinds: Mapping[str, Kind] | None = None) -> Inputs:
    """Inputs for a net; `given` are sizes of its symbols, `kinds` says which inputs are more than a tensor.

    Raises RunFailed for an input of no known type.
    """
    kinds = kinds or {}
    shapes = {name: kinds[name].shape if name in kinds else net.shape(name) for name in net.inputs}
    symbols = tuple(dict.fromkeys(_symbols(shapes)))
    unknown = [name for name in given if name not in symbols]
    if unknown:
        known = ", ".join(symbols) or "none"
        raise RunFailed(f"has no symbolic dimension {unknown[0]!r}; those of its inputs are: {known}")
    free = [s for s in symbols if s not in given]
    batches = {s for s in free if s in _first(shapes)}
    ranks = _RANKS if None in shapes.values() else (0,)
    feeds, sizes = [], []
    for turn in range(2 if free else 1):
        tried = [dict(t) for t in _tried(free, batches, _states(shapes) - batches, turn)]
        tried = [
            {**t, **given} for at, t in enumerate(tried) if not at or _elements(net, shapes, {**t, **given}) < _LARGE
        ]
        sizes.append(tuple(t for _ in ranks for t in tried))
        feeds.append(
            tuple(_feed(net, shapes, kinds, t, rank, seed, padded=bool(turn)) for rank in ranks for t in tried)
        )
    return Inputs(tuple(feeds), tuple(sizes))


def words(net: Net, sizes: Mapping[str, int], kinds: Mapping[str, Kind], *, padded: bool = False) -> Mapping[str, str]:
    """How each input is filled at these sizes, in words."""
    extents = Extents(net, sizes)
    return {name: _told(net, name, kinds, extents, padded) for name in net.inputs}


def _elements(net: Net, shapes: Mapping[str, Shape | None], sizes: Mapping[str, int]) -> int:
    """How many numbers all inputs have together."""
    extents = Extents(net, sizes)
    return sum(math.prod(sized(extents, name, shape) or ()) for name, shape in shapes.items())


def _tried(free: Sequence[str], batches: set[str], states: set[str], turn: int) -> Iterator[Mapping[str, int]]:
    """Sizes from small to large, then with the batch of a recurrent state as that of the others.

    Then each as the sum of two others, as a mask over a cache and what follows it has.
    """
    bases = [base * k for k in _SCALES[:1] for base in _OTHERS[turn]] + [_OTHERS[turn][-1] * k for k in _SCALES[1:]]
    ladder, larger = (
        [{s: _BATCH[turn] if s in batches else base for s in free} for base in some]
        for some in (bases, [_OTHERS[turn][-1] * k for k in _LARGER])
    )
    recurrent = [{**step, **{s: _BATCH[turn] for s in states if s in step}} for step in ladder if states]
    others = [s for s in free if s not in batches]
    distinct = {**ladder[0], **{s: ladder[0][s] + at for at, s in enumerate(others)}}
    sums = [
        {**distinct, whole: distinct[one] + distinct[other]}
        for whole in others[:_MOST]
        for one, other in combinations([s for s in others[:_MOST] if s != whole], 2)
    ]
    yield from (dict(t) for t in dict.fromkeys(tuple(step.items()) for step in (*ladder, *recurrent, *sums, *larger)))


def _symbols(shapes: Mapping[str, Shape | None]) -> Iterator[str]:
    """The symbols of a net's inputs; what has no name is called after its place."""
    for name, shape in shapes.items():
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


def _first(shapes: Mapping[str, Shape | None]) -> set[str]:
    """The symbols that lead some input's shape: batches, where the input has more than one axis."""
    found: set[str] = set()
    for name, shape in shapes.items():
        if shape is not None and len(shape) > 1 and not isinstance(shape[0], int):
            found.update(_names(shape[0], f"{name}[0]"))
    return found


def _states(shapes: Mapping[str, Shape | None]) -> set[str]:
    """The symbols that are a batch where an input is a recurrent state: layers, batch, width."""
    found: set[str] = set()
    for name, shape in shapes.items():
        if shape is not None and len(shape) == 3 and isinstance(shape[0], int) and not isinstance(shape[1], int):
            found.update(_names(shape[1], f"{name}[1]"))
    return found


def _feed(
    net: Net,
    shapes: Mapping[str, Shape | None],
    kinds: Mapping[str, Kind],
    sizes: Mapping[str, int],
    rank: int,
    seed: int,
    *,
    padded: bool = False,
) -> Feed:
    extents = Extents(net, sizes)
    random = np.random.default_rng(seed)
    made: dict[str, Fed] = {}
    for name in net.inputs:
        shape = sized(extents, name, shapes[name])
        if shape is None:
            shape = tuple(_OTHERS[0][0] if axis else _BATCH[0] for axis in range(rank))
        several = name in kinds and kinds[name].sequence
        tensors = [_made(net, name, kinds, shape, extents, random, padded) for _ in range(_LISTED if several else 1)]
        made[name] = tensors if several else tensors[0]
    return made


def _made(
    net: Net,
    name: str,
    kinds: Mapping[str, Kind],
    shape: tuple[int, ...],
    extents: Extents,
    random: np.random.Generator,
    padded: bool,
) -> Array:
    element = _element(net, name, kinds)
    if element == TensorProto.STRING:
        return np.full(shape, "a", dtype=object)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
    what, number = _meaning(net, name, element, extents)
    if what == "counting":
        last = np.arange(shape[-1] if shape else 1) % number
        return np.broadcast_to(last if shape else last[0], shape).astype(dtype)
    if what == "below":
        return random.integers(0, number, shape).astype(dtype)
    if what == "mask":
        return _mask(shape, padded).astype(dtype)
    if what == "image":
        return (random.random(shape) * number).astype(dtype)
    if what == "sound":
        return np.clip(random.standard_normal(shape) / _QUIET, -1, 1).astype(dtype)
    return np.full(shape, number, dtype) if what == "all" else random.standard_normal(shape).astype(dtype)


def _mask(shape: tuple[int, ...], padded: bool) -> Array:
    """Ones; where it is to be padded, zeros in the last quarter of each row."""
    made = np.ones(shape, np.int64)
    if padded and len(shape) > 1:
        made[..., shape[-1] - shape[-1] // 4 :] = 0
    return made


def _element(net: Net, name: str, kinds: Mapping[str, Kind]) -> int:
    element = kinds[name].element if name in kinds else net.value(name).type
    if element <= 0:
        raise RunFailed(f"has the input {name!r}, which is not a tensor of a known type; provide it with --inputs")
    return element


def _meaning(net: Net, name: str, element: int, extents: Extents) -> tuple[str, int]:
    """How an input is filled, and with which number or below which. Names only choose among what is sound anyway."""
    whole = element in _WHOLE
    if not whole and element != TensorProto.BOOL and "mask" in name.lower():
        return "all", 1
    if element == TensorProto.BOOL:
        return "mask", 1
    found = use(net, name, extents)
    if found.most is not None:
        return "counting" if "position" in name.lower() else "below", found.most
    if not whole:
        return sensed(net, name)
    if found.number is not None:
        return "all", found.number
    if found.masks or "mask" in name.lower():
        return "mask", 1
    if "position" in name.lower():
        return "counting", 1 << 30
    return "below", _BYTES.get(element, 2)


def _told(net: Net, name: str, kinds: Mapping[str, Kind], extents: Extents, padded: bool) -> str:
    """How an input is filled, in words."""
    element = _element(net, name, kinds)
    if element == TensorProto.STRING:
        return "the letter a"
    what, number = _meaning(net, name, element, extents)
    if what == "below":
        return f"integers below {number}"
    return {
        "all": "ones" if number == 1 else f"all {number}",
        "counting": "counting up",
        "mask": "ones" if not padded else "ones, then zeros in the last quarter",
        "image": f"numbers from 0 to {number}, as an image has",
        "sound": "numbers from -1 to 1, as sound has",
    }.get(what, "normal numbers")


def dims(fed: Fed) -> str:
    """A shape in words: `2x3x8`; of a sequence that of each tensor."""
    if isinstance(fed, list):
        return ", ".join(dims(array) for array in fed) or "nothing"
    return "x".join(map(str, fed.shape)) if fed.ndim else "scalar"


def typed(fed: Fed) -> str:
    """The type of what is fed: `float32`, `sequence of float32`."""
    if isinstance(fed, list):
        return f"sequence of {fed[0].dtype if fed else 'tensors'}"
    return "string" if fed.dtype.kind in "OU" else str(fed.dtype)
