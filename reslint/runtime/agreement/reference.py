"""Another model that the model is held against in; the same, fed as the model is, out, with which names stand for which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnx import ValueInfoProto, helper

from reslint.errors import ReslintError, RunFailed
from reslint.net import Net, read
from reslint.net.values import Array
from reslint.runtime.model.runnable import Runnable, runnable
from reslint.runtime.request import Wanted

Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reference:
    """A model to be held against. `inputs` and `outputs` are our names of its own where the two differ."""

    net: Net
    model: Runnable
    inputs: Names
    outputs: Names

    def renamed(self, made: Mapping[str, Array]) -> Mapping[str, Array]:
        """Its outputs by our names; parts of a sequence with them: `y[0]`."""
        return {_renamed(name, self.outputs): value for name, value in made.items()}

    @property
    def matched(self) -> tuple[tuple[str, str], ...]:
        """Our names and its own, where they differ."""
        both = (*self.inputs.items(), *self.outputs.items())
        return tuple((ours, theirs) for theirs, ours in both if ours != theirs)


def _renamed(name: str, names: Names) -> str:
    whole, bracket, rest = name.partition("[")
    return names.get(name) or f"{names.get(whole, whole)}{bracket}{rest}"


def opened(net: Net, wanted: Wanted, fit: Callable[[Runnable, Net], Runnable]) -> Reference:
    """Read the reference, match its inputs and outputs with ours, and let it be fed by our names. Raises RunFailed."""
    assert wanted.against is not None
    name = wanted.against.name or str(wanted.against)
    try:
        other = read(wanted.against)
        model = fit(runnable(other, wanted.fill, wanted.libraries, wanted.given), other)
    except ReslintError as error:
        raise RunFailed(f"can't be compared with {name}: {error}") from error
    _refuse_unknown(net, other, wanted.map, name)
    inputs = dict(_matched(net, other, net.inputs, other.inputs, wanted.map))
    outputs = dict(_matched(net, other, net.outputs, other.outputs, wanted.map))
    strange = [given for given in other.inputs if given not in inputs]
    if strange:
        mine = ", ".join(net.inputs) or "none"
        raise RunFailed(
            f"can't be compared: {name} has the input {strange[0]!r}; the model's inputs are: {mine}; "
            f"say which it is with --map NAME={strange[0]}"
        )
    return Reference(other, _fed_as(model, inputs, name), inputs, outputs)


def _refuse_unknown(net: Net, other: Net, given: Names, name: str) -> None:
    mine, theirs = ((*n.inputs, *n.outputs) for n in (net, other))
    for our, their in given.items():
        if our not in mine:
            raise RunFailed(f"has no input or output {our!r}, which --map names; there are {', '.join(mine)}")
        if their not in theirs:
            raise RunFailed(f"{name} has no input or output {their!r}, which --map names; it has {', '.join(theirs)}")


def _matched(
    net: Net, other: Net, ours: Sequence[str], theirs: Sequence[str], given: Names
) -> Iterator[tuple[str, str]]:
    """Names of theirs with ours: as given, else the same, else by order where as many are left and types and shapes agree."""
    told = {their: our for our, their in given.items() if our in ours and their in theirs}
    same = {name: name for name in theirs if name in ours and name not in told and name not in told.values()}
    known = {**told, **same}
    left = [name for name in theirs if name not in known]
    mine = [name for name in ours if name not in known.values()]
    if len(left) == len(mine) and all(_fits(net, other, a, b) for a, b in zip(mine, left, strict=True)):
        known.update(zip(left, mine, strict=True))
    yield from known.items()


def _fits(net: Net, other: Net, ours: str, theirs: str) -> bool:
    """Whether two tensors may be the same by type and shape."""
    a, b = net.value(ours), other.value(theirs)
    if a.type and b.type and a.type != b.type and not _floats(a.type, b.type):
        return False
    if a.shape is None or b.shape is None:
        return True
    return len(a.shape) == len(b.shape) and all(
        x == y or not isinstance(x, int) or not isinstance(y, int) for x, y in zip(a.shape, b.shape, strict=True)
    )


def _floats(*types: int) -> bool:
    return all(kind in (1, 10, 11, 16) for kind in types)


def _fed_as(model: Runnable, names: Names, called: str) -> Runnable:
    """The model with inputs of our names, each passed on to the one of its own name."""
    differing = {their: our for their, our in names.items() if our != their}
    if not differing:
        return model
    made = model.copy()
    graph = made.proto.graph
    taken = {name for node in graph.node for name in node.output} | {t.name for t in graph.initializer}
    clash = next((our for our in differing.values() if our in taken), None)
    if clash is not None:
        raise RunFailed(f"can't be compared: {called} has a tensor inside that is called {clash!r} as our input is")
    kept: list[ValueInfoProto] = []
    for value in graph.input:
        fed = ValueInfoProto()
        fed.CopyFrom(value)
        fed.name = differing.get(value.name, value.name)
        kept.append(fed)
    crossed = not set(differing).isdisjoint(
        v.name for v in kept
    )  # what is `a` there is `b` here, and `b` something else
    inner = {their: f"reslint.fed.{their}" if crossed else their for their in differing}
    passed = [helper.make_node("Identity", [our], [inner[their]]) for their, our in differing.items()]
    for node in graph.node:
        node.input[:] = [inner.get(name, name) for name in node.input]
    nodes = [*passed, *graph.node]
    del graph.input[:], graph.node[:]
    graph.input.extend(kept)
    graph.node.extend(nodes)
    return made


def is_saved(path: Path | None) -> bool:
    """Whether a reference is a file of outputs."""
    return path is not None and path.suffix == ".npz"
