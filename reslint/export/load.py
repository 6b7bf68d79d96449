"""A Spec in, the PyTorch module that it means and what to call it with out. The only place that runs the user's code."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import ExportedProgram
from torch.nn import init
from torch.utils import _pytree as pytree

from reslint.errors import ExportFailed
from reslint.export.blame import blamed
from reslint.export.saved import opened
from reslint.export.spec import Given, Spec

T = TypeVar("T")

Called = tuple[tuple[object, ...], Mapping[str, object]]
"""What a module is called with."""

_MOST = 2  # made-up integers stay below: they may be rows of a table, classes, or a mask


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module in evaluation mode, and what to call it with.

    `program` is there where the module was saved as one; `fake` says that its tensors hold no numbers, and in which mode.
    """

    module: nn.Module
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    program: ExportedProgram | None = None
    fake: FakeTensorMode | None = None


def loaded(spec: Spec, seed: int = 0, called: Called | None = None) -> Loaded:
    """The module of a spec, initialized from a seed, to be `called` with what is given.

    Raises ExportFailed with one line that names the user's own frame.
    """
    if spec.saved:
        if spec.kwargs:
            raise ExportFailed("is a saved program without a factory: remove --kwargs")
        if spec.inputs:
            raise ExportFailed("is a saved program, whose inputs were fixed when it was saved: remove --input")
        program = opened(os.path.join(spec.folder, spec.target))
        args, kwargs = program.example_inputs or ((), {})
        return Loaded(program.module(), tuple(args), kwargs, program)
    module, args, kwargs = _parts(made(spec, seed), spec)
    mode = None
    if spec.fake or any(t.is_meta for t in (*module.parameters(), *module.buffers())):
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        _materialize(module, mode)
        args, kwargs = pytree.tree_map(partial(_pretending, mode), (args, kwargs))
    if called is not None:
        args, kwargs = called
    elif spec.inputs:
        args, kwargs = _inputs(spec.inputs, seed, mode)
    elif args is None:
        if _needed(module):
            raise ExportFailed(
                f"needs an example of its inputs ({', '.join(_needed(module))}): give --input 1x3x224x224 "
                "or --input name=1x128:int64, or let the factory return (module, args)"
            )
        args = ()
    return Loaded(module.eval(), args, kwargs, fake=mode)


def made(spec: Spec, seed: int) -> object:
    """What the factory of a spec returns."""
    with _importable(spec.folder):
        factory = named(spec.target)
        if not callable(factory) or isinstance(factory, nn.Module):
            if spec.kwargs:
                raise ExportFailed(f"{spec.target} is a {type(factory).__name__}, not a factory: remove --kwargs")
            return factory
        _refuse_arguments(factory, spec)
        torch.manual_seed(seed)  # not before the import, which may draw numbers, too, and runs but once
        with blamed(f"{spec.target} fails"), _without_numbers() if spec.fake else contextlib.nullcontext():
            found: object = factory(**spec.kwargs)
    return found


@contextlib.contextmanager
def _without_numbers() -> Iterator[None]:
    """Build on the meta device. Initializers have nothing to write then, and some look at what they wrote (trunc_normal_)."""
    with contextlib.ExitStack() as stack:
        for name in dir(init):
            if name.endswith("_") and not name.startswith("__") and callable(getattr(init, name)):
                stack.enter_context(patch.object(init, name, _as_it_is))
        stack.enter_context(torch.device("meta"))
        yield


def _as_it_is(tensor: Tensor, *_: object, **__: object) -> Tensor:
    return tensor


@contextlib.contextmanager
def _importable(folder: str) -> Iterator[None]:
    """Let the current folder, as for `python -m`, and this one be importable. They stay so: forward may import, too."""
    for place in (os.getcwd(), os.path.abspath(folder)):
        if place not in sys.path:
            sys.path.insert(0, place)
    importlib.invalidate_caches()
    yield


def named(target: str) -> object:
    """The object that `package.module:name` names."""
    where, _, names = target.partition(":")
    with blamed(f"{where} can't be imported"):
        try:
            at: object = importlib.import_module(where)
        except ModuleNotFoundError as missing:
            if missing.name and (where == missing.name or where.startswith(f"{missing.name}.")):
                if where.endswith(".py"):
                    raise ExportFailed(
                        f"is not module:factory; name a module as Python imports it, such as {where[:-3]}:{names}"
                    ) from missing
                raise ExportFailed(
                    f"no module is called {missing.name!r}; run reslint in the project's folder, or install the project"
                ) from missing
            raise
    for name in names.split("."):
        if not hasattr(at, name):
            raise ExportFailed(f"{where} has no {names!r}")
        at = getattr(at, name)
    return at


def _refuse_arguments(factory: Callable[..., object], spec: Spec) -> None:
    """Say which arguments of a factory are missing or unknown, before it does so in words of its own."""
    try:
        signature = inspect.signature(factory)
    except (ValueError, TypeError):
        return  # written in C, or strange: it will say so itself
    try:
        signature.bind(**spec.kwargs)
    except TypeError as error:
        raise ExportFailed(
            f"{spec.target} can't be called: {error}; give its arguments as --kwargs '{{\"name\": value}}'"
        ) from error


def _parts(made: object, spec: Spec) -> tuple[nn.Module, tuple[object, ...] | None, Mapping[str, object]]:
    """The module, args and kwargs in what a factory returned; None for args where it says nothing of them."""
    module, args, kwargs = (
        (*made, *(None, None))[:3] if isinstance(made, tuple) and 0 < len(made) < 4 else (made, None, None)
    )
    if not isinstance(module, nn.Module):
        raise ExportFailed(
            f"{spec.target} returns an object of type {type(made).__name__}, but must return a "
            "torch.nn.Module, (module, args) or (module, args, kwargs)"
        )
    if isinstance(module, torch.jit.ScriptModule):
        raise ExportFailed(
            f"{spec.target} returns a compiled TorchScript module: return the module that it was compiled from"
        )
    if args is not None and not isinstance(args, tuple | list):
        args = (args,)
    if not isinstance(kwargs or {}, dict):
        raise ExportFailed(f"{spec.target} returns kwargs of type {type(kwargs).__name__}, but they must be a dict")
    return module, None if args is None and not kwargs else tuple(args or ()), dict(kwargs or {})


def _inputs(
    inputs: tuple[Given, ...], seed: int, mode: FakeTensorMode | None
) -> tuple[tuple[object, ...], Mapping[str, object]]:
    """Made-up tensors: those without a name by their place, the others by their name."""
    random = torch.Generator().manual_seed(seed)
    made = [(given.name, example(given, random)) for given in inputs]
    if mode is not None:
        made = [(name, mode.from_tensor(tensor)) for name, tensor in made]
    return tuple(t for name, t in made if not name), {name: t for name, t in made if name}


def example(given: Given, random: torch.Generator) -> Tensor:
    """Normal numbers, small integers, or booleans that are true."""
    dtype: torch.dtype = getattr(torch, given.dtype)
    if dtype is torch.bool:
        return torch.ones(given.shape, dtype=dtype)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(given.shape, generator=random).to(dtype)
    return torch.randint(0, _MOST, given.shape, generator=random).to(dtype)


def _needed(module: nn.Module) -> tuple[str, ...]:
    """The parameters of forward that have no default."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (ValueError, TypeError):
        return ()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in kinds)


def _materialize(module: nn.Module, mode: FakeTensorMode) -> None:
    """Give a module on the meta device tensors that pretend to lie on the CPU, as what its forward makes there does."""
    made: dict[int, Tensor] = {}  # tied parameters stay tied
    for owner in module.modules():
        own = (*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False))
        for name, tensor in own:
            if id(tensor) not in made:
                fake = _pretending(mode, tensor)
                parameter = isinstance(tensor, nn.Parameter)
                made[id(tensor)] = nn.Parameter(fake, tensor.requires_grad) if parameter else fake
            setattr(owner, name, made[id(tensor)])


def _pretending(mode: FakeTensorMode, leaf: T) -> T | Tensor:
    """A tensor that pretends to lie on the CPU, for one on the meta device; all else as it is."""
    if not isinstance(leaf, Tensor) or not leaf.is_meta:
        return leaf
    with mode:
        return torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype)
