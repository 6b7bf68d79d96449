"""A module and the names of its model's inputs in, what to feed it and what it gives out: several seeds, several sizes."""

from __future__ import annotations

import copy
import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.fx import Interpreter, Node
from torch.testing._comparison import default_tolerances
from torch.utils import _pytree as pytree

from reslint.errors import ExportFailed
from reslint.export.blame import told
from reslint.export.capture import quiet
from reslint.export.dynamic import Axis, arguments, flat
from reslint.export.load import Loaded
from reslint.net.values import Array

SEEDS = (0, 1, 2)
_AS_GIVEN, _ONE_MORE, _TWICE = range(3)
_NOISE = 4  # times torch's own rounding is allowed for
_BY_TYPE = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True)
class Sample:
    """One input of a model, and the outputs that are right for it; `allowed` is the tolerance of each type."""

    label: str
    feed: Mapping[str, Array]
    wanted: Mapping[str, Array]
    allowed: Mapping[str, float]
    arguments: Mapping[str, object]


def samples(
    module: Loaded, axes: Sequence[Axis], inputs: Sequence[str], outputs: Sequence[str]
) -> Iterator[Sample | str]:
    """Inputs as given, with one more and with twice as much along each named axis, for each seed; or why there is none."""
    given = arguments(module)
    for sizes in (_AS_GIVEN, _ONE_MORE, _TWICE) if axes else (_AS_GIVEN,):
        for seed in SEEDS:
            random = torch.Generator().manual_seed(seed)
            fed = {name: _varied(name, value, axes, sizes, seed, random) for name, value in given.items()}
            label = f"seed {seed}{_told(given, fed, axes)}"
            try:
                made = _run(module.module, fed)
            except Exception as error:  # any kind: it is the user's forward
                if sizes == _AS_GIVEN:
                    raise ExportFailed(f"fails in PyTorch: {told(error)}") from error
                yield f"{label} is skipped, since the module fails there: {told(error)}"
                break
            yield Sample(
                label,
                _fed(module, inputs, fed),
                _named(outputs, made, "outputs"),
                _allowed(module.module, fed, made),
                fed,
            )


def streams(
    program: torch.export.ExportedProgram, fed: Mapping[str, object], names: Sequence[str]
) -> Mapping[str, Array]:
    """What the ops of these names give inside a program; the exporter calls its tensors after them."""
    found: dict[str, Array] = {}

    class Watching(Interpreter):
        def run_node(self, n: Node) -> object:
            made: object = super().run_node(n)
            if n.name in names and isinstance(made, Tensor):
                found[n.name] = _array(made)
            return made

    held = {**program.state_dict, **program.constants}
    signature = program.graph_signature
    lifted = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    given = iter(_tensors(fed))
    values = [
        held[lifted[node.name]] if node.name in lifted else next(given, None)
        for node in program.graph.nodes
        if node.op == "placeholder"
    ]
    with torch.no_grad():
        Watching(program.graph_module).run(*values)
    return found


def modules(module: Loaded, fed: Mapping[str, object], paths: Sequence[str]) -> Mapping[str, Array]:
    """What the parts of a module give that are called once and give one tensor, by their paths."""
    found: dict[str, list[object]] = {path: [] for path in paths}
    known = dict(module.module.named_modules())

    def noting(path: str) -> Callable[[nn.Module, object, object], None]:
        return lambda part, args, made: found[path].append(made)

    hooks = [known[path].register_forward_hook(noting(path)) for path in paths if path in known]
    try:
        _run(module.module, fed)
    finally:
        for hook in hooks:
            hook.remove()
    return {path: _array(made[0]) for path, made in found.items() if len(made) == 1 and isinstance(made[0], Tensor)}


def _run(module: nn.Module, fed: Mapping[str, object]) -> tuple[Tensor, ...]:
    bound = inspect.BoundArguments(inspect.signature(module.forward), OrderedDict(fed))
    with torch.no_grad():
        return tuple(_tensors(module(*bound.args, **bound.kwargs)))


def _varied(name: str, value: object, axes: Sequence[Axis], sizes: int, seed: int, random: torch.Generator) -> object:
    """An input of other sizes and, for a seed, with other numbers of the same kind."""

    def other(leaf: object) -> object:
        if not isinstance(leaf, Tensor):
            return leaf
        for axis in (a.axis for a in axes if a.of(name, leaf)):
            there = leaf.shape[axis]
            wanted = {_AS_GIVEN: there, _ONE_MORE: there + 1, _TWICE: 2 * there}[sizes]
            leaf = leaf.index_select(axis, torch.arange(wanted) % there)
        if not seed or not leaf.numel():
            return leaf
        if leaf.is_floating_point():
            spread = leaf.std() if leaf.numel() > 1 and leaf.std() > 0 else torch.tensor(1.0)
            return (torch.randn(leaf.shape, generator=random) * spread + leaf.mean()).to(leaf.dtype)
        return leaf.flatten()[torch.randint(0, leaf.numel(), leaf.shape, generator=random)]  # stays in its domain

    return pytree.tree_map(other, value)


def _told(given: Mapping[str, object], fed: Mapping[str, object], axes: Sequence[Axis]) -> str:
    """The sizes of the named axes."""
    sizes = {a.name: leaf.shape[a.axis] for n, v in fed.items() for leaf in _tensors(v) for a in axes if a.of(n, leaf)}
    return "".join(f", {name}={size}" for name, size in sizes.items())


def _allowed(module: nn.Module, fed: Mapping[str, object], made: Sequence[Tensor]) -> Mapping[str, float]:
    """Torch's tolerances, of the largest value, and what torch itself rounds: its distance from the same module in double."""
    noise = 0.0
    try:
        with quiet():
            exact = _run(copy.deepcopy(module).double(), pytree.tree_map(_doubled, dict(fed)))
    except Exception:  # a module that names its type can't be had in another one; then torch's tolerances stand alone
        exact = ()
    for once, right in zip(made, exact, strict=False):
        scale = right.abs().max() if right.numel() and right.is_floating_point() else torch.tensor(0.0)
        if scale > 0 and once.shape == right.shape:
            noise = max(noise, float((once.double() - right).abs().max() / scale))
    return {str(t).removeprefix("torch."): default_tolerances(t)[0] + _NOISE * noise for t in _BY_TYPE}


def _doubled(leaf: object) -> object:
    return leaf.double() if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf


def _tensors(value: object) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def _fed(module: Loaded, inputs: Sequence[str], fed: Mapping[str, object]) -> Mapping[str, Array]:
    """The model's inputs in the order of the module's; the TorchScript exporter leaves out those that it does not need."""
    tensors, (names, _) = _tensors(fed), flat(module, ())
    kept = [tensor for name, tensor in zip(names, tensors, strict=True) if name in inputs]
    return _named(inputs, tensors if len(tensors) == len(inputs) else kept, "inputs")


def _named(names: Sequence[str], tensors: Sequence[Tensor], what: str) -> Mapping[str, Array]:
    if len(names) != len(tensors):
        raise ExportFailed(f"can't be verified: the model has {len(names)} {what}, the module {len(tensors)}")
    return {name: _array(tensor) for name, tensor in zip(names, tensors, strict=True)}


def _array(tensor: Tensor) -> Array:
    wide = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    array: Array = wide.detach().contiguous().numpy()
    return array
