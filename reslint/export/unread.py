"""A module and the parameters that its graph reads in, the modules whose parameters it does not read out.

Tied parameters are read where one of their names is; frozen ones are learned by nobody; what reaches the outputs in training
(an auxiliary head) is meant to be left out of the export.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import CodeType, FrameType

import torch
from onnx import ModelProto
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from reslint.anatomy.values import Source
from reslint.anatomy.views.source import module_of
from reslint.export.blame import is_machinery, relative
from reslint.export.load import Loaded
from reslint.measure import Unread
from reslint.net import from_proto


def read_by(program: torch.export.ExportedProgram) -> frozenset[str]:
    """The parameters that reach an output of a program."""
    names = program.graph_signature.inputs_to_parameters
    left = [node for node in program.graph.nodes if node.op == "output"]
    met = set(left)
    while left:
        for node in left.pop().all_input_nodes:
            if node not in met:
                met.add(node)
                left.append(node)
    return frozenset(names[node.name] for node in met if node.name in names)


def unread(loaded: Loaded, read: frozenset[str], model: ModelProto) -> tuple[Unread, ...]:
    """The modules with parameters that are learned and that nothing reads, the largest ones that are nowhere in the model."""
    named = dict(loaded.module.named_parameters(remove_duplicate=False))
    known = {id(named[name]) for name in read if name in named}
    learned = {name: p for name, p in named.items() if p.requires_grad}
    missing = {name: p for name, p in learned.items() if id(p) not in known}
    if missing and loaded.program is None:
        trained = _trained(loaded, missing)
        missing = {name: p for name, p in missing.items() if name not in trained}
    if not missing:
        return ()
    calls = _calls(loaded) if loaded.program is None else {}
    alive = frozenset(above for op in from_proto(model).ops for above in _path(module_of(op) or ""))
    return tuple(_joined(_parts(loaded.module, learned, missing, calls, alive), calls))


def _parts(
    module: nn.Module,
    learned: Mapping[str, Tensor],
    missing: Mapping[str, Tensor],
    calls: Mapping[str, Source],
    alive: frozenset[str],
) -> Iterator[Unread]:
    """The missing parameters by module: those that are nowhere in the graph, else each on its own."""
    whole: list[str] = []
    for path, part in module.named_modules():
        if any(_inside(path, above) for above in whole):
            continue
        own = [name for name in learned if _inside(name, path)]
        if own and path not in alive and all(name in missing for name in own):
            whole.append(path)
            call = next((source for name, source in calls.items() if _inside(name, path)), None)
            yield _told(
                path, part, {name: missing[name] for name in own}, call, call or _forward(module, _around(path))
            )
        else:
            direct = (name for name in missing if name.rpartition(".")[0] == path)
            yield from (_told(name, part, {name: missing[name]}, None, _forward(module, path)) for name in direct)


def _joined(parts: Iterable[Unread], calls: Mapping[str, Source]) -> Iterator[Unread]:
    """Modules that one line calls, each on what the other gives, are one: the last that is called gives what is dropped."""
    order = list(calls)
    groups: dict[object, list[Unread]] = {}
    for part in parts:
        groups.setdefault((_around(part.module), part.source) if part.called else part.module, []).append(part)
    for group in groups.values():
        last = max(group, key=lambda part: order.index(part.module) if part.module in order else -1)
        names = tuple(name for part in group for name in part.parameters)
        yield replace(last, parameters=names, elements=sum(part.elements for part in group))


def _told(path: str, part: nn.Module, own: Mapping[str, Tensor], call: Source | None, source: Source | None) -> Unread:
    return Unread(
        module=path,
        kind=f"{type(part).__module__}.{type(part).__qualname__}",
        parameters=tuple(own),
        elements=sum(p.numel() for p in {id(p): p for p in own.values()}.values()),
        called=call is not None,
        source=source,
    )


def _path(module: str) -> Iterator[str]:
    """A module and those around it."""
    yield module
    while module:
        module = _around(module)
        yield module


def _around(path: str) -> str:
    return path.rpartition(".")[0]


def _inside(name: str, path: str) -> bool:
    return not path or name == path or name.startswith(f"{path}.")


def _trained(loaded: Loaded, missing: Mapping[str, Tensor]) -> frozenset[str]:
    """Those of the parameters that reach the outputs in training."""
    module = loaded.module
    kept = [(buffer, None if loaded.fake else buffer.clone()) for buffer in module.buffers()]
    module.train()
    try:
        with _calling(module) as calls, contextlib.suppress(Exception):  # then what it came to call has to do
            made = _forward_of(loaded, grad=True)
            total = sum(t.float().sum() for t in made if t.requires_grad)
            if isinstance(total, Tensor):
                found = torch.autograd.grad(total, list(missing.values()), allow_unused=True)
                return frozenset(name for name, grad in zip(missing, found, strict=True) if grad is not None)
            return frozenset()
    finally:
        module.eval()
        with torch.no_grad():
            for buffer, before in kept:
                if before is not None:
                    buffer.copy_(before)  # running statistics
    before_failing = _calls(loaded)
    return frozenset(n for n in missing if any(_inside(n, c) for c in calls if c and c not in before_failing))


def _calls(loaded: Loaded) -> Mapping[str, Source]:
    """The modules that are called, and the user's line that calls each first."""
    with (
        _calling(loaded.module) as calls,
        contextlib.suppress(Exception),
    ):  # it was exported: what it called is known by now
        _forward_of(loaded, grad=False)
    return calls


def _forward_of(loaded: Loaded, *, grad: bool) -> Sequence[Tensor]:
    """The tensors that a module gives. A training run gets its batch twice, since batch statistics of one sample fail."""
    args, kwargs = loaded.args, dict(loaded.kwargs)
    with loaded.fake or contextlib.nullcontext(), torch.set_grad_enabled(grad):
        if grad:
            args, kwargs = pytree.tree_map(_doubled, (args, kwargs))
        made = loaded.module(*args, **kwargs)
    return [leaf for leaf in pytree.tree_leaves(made) if isinstance(leaf, Tensor)]


def _doubled(leaf: object) -> object:
    return torch.cat([leaf, leaf]) if isinstance(leaf, Tensor) and leaf.dim() > 1 else leaf


@contextlib.contextmanager
def _calling(module: nn.Module) -> Iterator[dict[str, Source]]:
    """Note each submodule that is called."""
    calls: dict[str, Source] = {}
    hooks = []
    for path, part in module.named_modules():

        def note(_module: nn.Module, _args: object, path: str = path) -> None:
            if path not in calls:
                calls[path] = _caller(sys._getframe(1))

        hooks.append(part.register_forward_pre_hook(note))
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _caller(frame: FrameType | None) -> Source:
    """The innermost line of the user's that led to a frame."""
    while frame is not None and is_machinery(frame.f_code.co_filename):
        frame = frame.f_back
    return _line(frame.f_code.co_filename, frame.f_lineno) if frame is not None else Source("", 0)


def _forward(module: nn.Module, path: str) -> Source | None:
    """The forward that should read something: that of a module, or of the nearest one around it that is the user's."""
    while True:
        code = getattr(getattr(type(module.get_submodule(path)), "forward", None), "__code__", None)
        if isinstance(code, CodeType) and not is_machinery(code.co_filename):
            return _line(code.co_filename, code.co_firstlineno)
        if not path:
            return None
        path = _around(path)


def _line(file: str, line: int) -> Source:
    return Source(relative(file), line, linecache.getline(file, line).strip())
