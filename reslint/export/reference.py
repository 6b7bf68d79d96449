"""A Spec in, a function out that runs its module on what a model is fed: PyTorch as the reference of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from reslint.errors import ExportFailed
from reslint.export.blame import blamed
from reslint.export.dynamic import arguments
from reslint.export.load import Loaded, loaded
from reslint.export.spec import Given, Spec
from reslint.net.values import Array

Feed = Mapping[str, Array | list[Array]]
Run = Callable[[Feed, Sequence[str]], tuple[Sequence[Array], Mapping[str, Array]]]


def reference(wanted: Spec) -> Run:
    """What runs the module: on a feed, with the paths of those of its parts whose outputs are wanted, too."""
    held: list[Loaded] = []

    def run(feed: Feed, paths: Sequence[str]) -> tuple[Sequence[Array], Mapping[str, Array]]:
        if not held:
            held.append(_loaded(wanted, feed))
        return _ran(held[0], feed, paths)

    return run


def _loaded(wanted: Spec, feed: Feed) -> Loaded:
    """The module; its inputs are like what is fed where the factory gives none."""
    try:
        return loaded(wanted)
    except ExportFailed:
        arrays = [value for value in feed.values() if isinstance(value, np.ndarray)]
        if wanted.saved or wanted.inputs or len(arrays) < len(feed):
            raise
        return loaded(replace(wanted, inputs=tuple(Given("", a.shape, str(a.dtype)) for a in arrays)))


def _ran(module: Loaded, feed: Feed, paths: Sequence[str]) -> tuple[Sequence[Array], Mapping[str, Array]]:
    parts: dict[str, list[object]] = {path: [] for path in paths}
    known = dict(module.module.named_modules())

    def noting(path: str) -> Callable[[nn.Module, object, object], None]:
        return lambda part, args, made: parts[path].append(made)

    hooks = [known[path].register_forward_hook(noting(path)) for path in paths if path in known]
    args, kwargs = _called_with(module, feed)
    try:
        with torch.no_grad(), blamed("the module fails on what the model is fed"):
            made: object = module.module(*args, **kwargs)
    finally:
        for hook in hooks:
            hook.remove()
    outputs = [_array(leaf) for leaf in pytree.tree_leaves(made) if isinstance(leaf, Tensor)]
    once = {path: found[0] for path, found in parts.items() if len(found) == 1}
    return outputs, {path: _array(found) for path, found in once.items() if isinstance(found, Tensor)}


def _called_with(module: Loaded, feed: Feed) -> tuple[Sequence[object], Mapping[str, object]]:
    """The module's own arguments, with the tensors among them replaced by what is fed: by name, else in order."""
    leaves, shape = pytree.tree_flatten((tuple(module.args), dict(module.kwargs)))
    places = [at for at, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    arrays = [array for value in feed.values() for array in (value if isinstance(value, list) else [value])]
    if len(arrays) != len(places):
        names = list(arguments(module))
        raise ExportFailed(
            f"can't be fed: the model has {len(arrays)} inputs, and the module takes {len(places)} tensors ({', '.join(names)})"
        )
    for at, array in zip(places, arrays, strict=True):
        leaves[at] = torch.from_numpy(np.ascontiguousarray(array)).to(leaves[at].dtype)
    args, kwargs = pytree.tree_unflatten(leaves, shape)
    return args, kwargs


def _array(tensor: Tensor) -> Array:
    wide = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    array: Array = wide.detach().contiguous().numpy()
    return array
