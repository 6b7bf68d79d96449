"""What Python code stands on: a model in, its anatomy, findings, graph, differences or measurements out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from onnx import ModelProto

from reslint.anatomy import Anatomy
from reslint.anatomy import dissect as dissected
from reslint.comparison import Difference, compare
from reslint.config import PROFILES, Config
from reslint.errors import BadConfiguration, ReslintError
from reslint.finding import Confidence, Findings
from reslint.lint import lint
from reslint.look import Judged, examined, needing_torch, statically
from reslint.measure import Parameters, worst
from reslint.net import Net, from_proto, read
from reslint.remote.address import is_remote, shown
from reslint.remote.read import opened
from reslint.result import Ran
from reslint.rules import Rule

if TYPE_CHECKING:
    import networkx as nx
    from torch import nn

Model: TypeAlias = "str | os.PathLike[str] | ModelProto | Net | nn.Module"
"""A model file's path, a model in memory, one that was read already, or a PyTorch module."""

IN_MEMORY = "model.onnx"
"""The path of findings in a model that has no file."""


Inputs: TypeAlias = "Sequence[object] | Mapping[str, object]"
"""What a PyTorch module is called with: positional arguments, or keywords by name."""


def dissect(model: Model, inputs: Inputs = (), kwargs: Mapping[str, object] | None = None) -> Anatomy:
    """The residual blocks of a model, the stacks that they form, its depth and its cost.

    A PyTorch module is exported first, in evaluation mode; `inputs` and `kwargs` are what it is called with.

    >>> anatomy = dissect("fixtures/resnet50.onnx")
    >>> len(anatomy.blocks), anatomy.depth.weighted, anatomy.cost.params
    (16, 50, 25530472)

    Raises UnreadableModel where the file is no model that can be read, ExportFailed where a module can't be exported.
    """
    return _dissected(model, inputs, kwargs)[0]


def check(
    model: Model,
    inputs: Inputs = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    select: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    profile: str | None = None,
    config: Config | None = None,
) -> Findings:
    """The findings of a model, in the order of the graph.

    `select` and `ignore` name rules or families, one or several; `profile` is `ship` or `design`. They go before `config`,
    without which nothing is configured: no file is looked for. A PyTorch module is exported first, in evaluation mode, and
    its profile is `design` unless one is given; `inputs` and `kwargs` are what it is called with.

    >>> [finding.rule for finding in check("fixtures/resnet50_broken.onnx")]
    ['shortcut-broadcast']
    >>> check("fixtures/resnet50_broken.onnx", select=["norm", "depth"])
    ()

    Raises UnreadableModel where the file is no model that can be read, ExportFailed where a module can't be exported,
    UnknownRule where a selector fits nothing, and BadConfiguration for a profile that does not exist.
    """
    config = _configured(config or Config(profile="design" if _is_module(model) else "ship"), select, ignore, profile)
    anatomy, beside = _dissected(model, inputs, kwargs)
    return Findings(examined(_path(model), anatomy, config, partial(statically, beside=beside)).findings)


def run(
    model: str | os.PathLike[str] | ModelProto,
    *,
    sizes: Mapping[str, int] | None = None,
    inputs: str | os.PathLike[str] | None = None,
    against: str | os.PathLike[str] | None = None,
    provider: str = "cpu",
    precision: str = "",
    seed: int = 0,
    fill: bool = False,
    select: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    profile: str | None = None,
    config: Config | None = None,
) -> Ran:
    """Run a model with ONNX Runtime, in a process of its own, and judge what it does.

    `sizes` stand for symbolic dimensions. `inputs` is a file or folder of inputs; without one they are made up from `seed`,
    and with `fill` so are weights that are missing. `against` is a model or a .npz file to compare with, `precision` a
    narrower type to hold the model to (`float16`, `bfloat16`), and `provider` where it runs (`auto`, `cpu`, `cuda`,
    `tensorrt`). The others are as in `check`.

    >>> ran = run("fixtures/loop_ts.onnx", fill=True)
    >>> ran.findings, ran.fed
    ((), ('x float32 1x16 normal numbers',))

    Raises UnreadableModel where the file is no model that can be read, and RunFailed where it can't be run.
    """
    config = _configured(config or Config(), select, ignore, profile)
    from reslint.runtime import Wanted, measured  # brings ONNX Runtime, which `check` does without

    wanted = Wanted(
        sizes=sizes or {},
        inputs=Path(inputs) if inputs else None,
        against=Path(against) if against else None,
        provider=provider,
        precision=precision,
        seed=seed,
        fill=seed if fill else None,
    )
    path = _path(model)
    with _filed(model) as file, _told(path):
        anatomy = dissected(read(file))
        found = measured(anatomy, wanted)

    def judge(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> Judged:
        subjects = tuple(worst(found.subjects))
        return Judged(lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence), subjects))

    looked = examined(path, anatomy, config, judge, command="run")
    return Ran(Findings(looked.findings), found.subjects, found.fed, found.notes)


def diff(old: Model, new: Model, *, sizes: Mapping[str, int] | None = None) -> Difference:
    """How the residual skeleton of one model differs from another's. `sizes` stand for symbolic dimensions in costs.

    >>> difference = diff("fixtures/resnet50.onnx", "fixtures/resnet50.onnx")
    >>> difference.same, difference.matched, difference.lost
    (True, 16, ())

    Raises what `dissect` raises.
    """
    return compare(dissect(old), dissect(new), sizes)


def _path(model: Model) -> str:
    """The path that findings stand in."""
    if isinstance(model, str) and is_remote(model):
        return shown(model)
    return str(Path(model)) if isinstance(model, str | os.PathLike) else IN_MEMORY


def _configured(
    config: Config, select: str | Sequence[str], ignore: str | Sequence[str], profile: str | None
) -> Config:
    """A configuration with what a caller says."""
    config = replace(
        config,
        select=_several(select) or config.select,
        ignore=_several(ignore) or config.ignore,
        profile=profile or config.profile,
    )
    if config.profile not in PROFILES:
        raise BadConfiguration(f"profile must be one of {', '.join(PROFILES)}, not {config.profile!r}")
    return config


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name is a list of one; commas separate as on the command line."""
    return tuple(name.strip() for name in names.split(",")) if isinstance(names, str) and names else tuple(names)


@contextmanager
def _filed(model: str | os.PathLike[str] | ModelProto) -> Iterator[Path]:
    """A model as a file, since the process that runs it reads one."""
    if not isinstance(model, ModelProto):
        yield Path(model)
        return
    with TemporaryDirectory(prefix="reslint-") as folder:
        file = Path(folder, IN_MEMORY)
        file.write_bytes(model.SerializeToString())
        yield file


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say in an error which model it is about; the command line says so itself."""
    try:
        yield
    except ReslintError as error:
        error.path = path
        raise


def graph(model: Model, inputs: Inputs = (), kwargs: Mapping[str, object] | None = None) -> nx.DiGraph[str]:
    """The ops of a model as a networkx graph, each under the name of its first output.

    docs/graphs.md lists the attributes; `dissect(model).graph()` is the graph of blocks and streams.

    >>> import networkx as nx
    >>> ops = graph("fixtures/resnet50.onnx")
    >>> nx.is_directed_acyclic_graph(ops), ops.nodes["getitem"]["op"], ops.nodes["getitem"]["shape"]
    (True, 'Conv', (1, 64, 112, 112))

    Raises what `dissect` raises.
    """
    from reslint.anatomy.views.networks import ops  # networkx is imported only when it is asked for

    return ops(dissect(model, inputs, kwargs))


def _dissected(
    model: Model, inputs: Inputs, kwargs: Mapping[str, object] | None
) -> tuple[Anatomy, tuple[Parameters, ...]]:
    """The anatomy of a model, and of a PyTorch module its parameters."""
    if isinstance(model, str | os.PathLike):
        with _told(_path(model)):
            return dissected(opened(os.fspath(model))), ()
    if isinstance(model, ModelProto | Net):
        return dissected(from_proto(model) if isinstance(model, ModelProto) else model), ()
    if not _is_module(model):
        raise TypeError(
            f"a model must be a path, an onnx.ModelProto, a Net or a torch.nn.Module, not {type(model).__name__}"
        )
    with needing_torch():
        from reslint.export.exported import in_memory
    named = dict(inputs) if isinstance(inputs, Mapping) else {}
    with _told(type(model).__name__):
        made = in_memory(model, () if named else tuple(inputs), {**named, **(kwargs or {})})
    anatomy = dissected(from_proto(made.model, Path(IN_MEMORY)))
    return anatomy, (Parameters(anatomy, made.unread),)


def _is_module(model: object) -> bool:
    """Whether something is a PyTorch module; where torch was not imported, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)
