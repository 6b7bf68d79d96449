"""What Python code stands on: a model in, its anatomy, findings, graph, differences or measurements out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from onnx import ModelProto

from reslint.anatomy import Anatomy
from reslint.anatomy import dissect as dissected
from reslint.config import PROFILES, Config
from reslint.errors import BadConfiguration
from reslint.finding import Findings
from reslint.look import examined, needing_torch, statically
from reslint.measure import Parameters
from reslint.net import Net, from_proto, read

if TYPE_CHECKING:
    import networkx as nx
    from torch import nn

Model: TypeAlias = "str | os.PathLike[str] | ModelProto | Net | nn.Module"
"""A model file's path, a model in memory, one that was read already, or a PyTorch module."""

IN_MEMORY = "model.onnx"
"""The path of findings in a model that has no file."""


def dissect(model: Model, inputs: Sequence[object] = ()) -> Anatomy:
    """The residual blocks of a model, the stacks that they form, its depth and its cost.

    A PyTorch module is exported first, in evaluation mode; `inputs` are what it is called with.

    >>> anatomy = dissect("fixtures/resnet50.onnx")
    >>> len(anatomy.blocks), anatomy.depth.weighted, anatomy.cost.params
    (16, 50, 25530472)

    Raises UnreadableModel where the file is no model that can be read, ExportFailed where a module can't be exported.
    """
    return _dissected(model, inputs)[0]


def check(
    model: Model,
    inputs: Sequence[object] = (),
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    profile: str | None = None,
    config: Config | None = None,
) -> Findings:
    """The findings of a model, in the order of the graph.

    `select` and `ignore` name rules or families, `profile` is `ship` or `design`; they go before `config`, without which
    nothing is configured: no file is looked for. A PyTorch module is exported first, in evaluation mode, and its profile is
    `design` unless one is given; `inputs` are what it is called with.

    >>> [finding.rule for finding in check("fixtures/resnet50_broken.onnx")]
    ['shortcut-broadcast']
    >>> check("fixtures/resnet50_broken.onnx", select=["norm", "depth"])
    ()

    Raises UnreadableModel where the file is no model that can be read, ExportFailed where a module can't be exported,
    UnknownRule where a selector fits nothing, and BadConfiguration for a profile that does not exist.
    """
    path = str(Path(model)) if isinstance(model, str | os.PathLike) else IN_MEMORY
    config = config or Config(profile="design" if _is_module(model) else "ship")
    config = replace(
        config,
        select=tuple(select) or config.select,
        ignore=tuple(ignore) or config.ignore,
        profile=profile or config.profile,
    )
    if config.profile not in PROFILES:
        raise BadConfiguration(f"profile must be one of {', '.join(PROFILES)}, not {config.profile!r}")
    anatomy, beside = _dissected(model, inputs)
    return Findings(examined(path, anatomy, config, partial(statically, beside=beside)).findings)


def graph(model: Model, inputs: Sequence[object] = ()) -> nx.DiGraph[str]:
    """The ops of a model as a networkx graph, each under the name of its first output.

    docs/graphs.md lists the attributes; `dissect(model).graph()` is the graph of blocks and streams.

    >>> import networkx as nx
    >>> ops = graph("fixtures/resnet50.onnx")
    >>> nx.is_directed_acyclic_graph(ops), ops.nodes["getitem"]["op"], ops.nodes["getitem"]["shape"]
    (True, 'Conv', (1, 64, 112, 112))

    Raises what `dissect` raises.
    """
    from reslint.anatomy.views.networks import ops  # networkx is imported only when it is asked for

    return ops(dissect(model, inputs))


def _dissected(model: Model, inputs: Sequence[object]) -> tuple[Anatomy, tuple[Parameters, ...]]:
    """The anatomy of a model, and of a PyTorch module its parameters."""
    if isinstance(model, str | os.PathLike):
        return dissected(read(Path(model))), ()
    if isinstance(model, ModelProto | Net):
        return dissected(from_proto(model) if isinstance(model, ModelProto) else model), ()
    if not _is_module(model):
        raise TypeError(
            f"a model is a path, an onnx.ModelProto, a Net or a torch.nn.Module, not a {type(model).__name__}"
        )
    with needing_torch():
        from reslint.export.exported import in_memory
    made = in_memory(model, tuple(inputs))
    anatomy = dissected(from_proto(made.model, Path(IN_MEMORY)))
    return anatomy, (Parameters(anatomy, made.unread),)


def _is_module(model: object) -> bool:
    """Whether something is a PyTorch module; where torch was not imported, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)
