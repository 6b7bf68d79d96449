"""A loaded module in, what one of torch's exporters made of it out."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.fx import Node

from reslint.errors import ExportFailed
from reslint.export.blame import causes, noted, told
from reslint.export.dynamic import Axis, flat, shapes
from reslint.export.load import Loaded

EXPORTERS = ("dynamo", "torchscript")

_DATA = ("GuardOnDataDependentSymNode", "UserError")  # torch's errors where a branch depends on values
_OP = re.compile(r"OpOverload\(op='(?P<op>[\w.]+)'")


@dataclass(frozen=True, slots=True)
class How:
    """Which exporter to take ("" for dynamo, and TorchScript where that fails), which opset, and which axes get names."""

    exporter: str = ""
    opset: int | None = None
    dynamic: tuple[Axis, ...] = ()


def dynamo(loaded: Loaded, how: How) -> torch.onnx.ONNXProgram:
    """What torch.export makes of a module, as ONNX that is not optimized yet. Raises ExportFailed."""
    names = shapes(loaded, how.dynamic)
    try:
        with quiet(), torch.no_grad():  # with gradients torch 2.13 loses the layout of attention with a learned bias
            made = torch.onnx.export(
                loaded.program or loaded.module,
                positional(loaded),
                kwargs=dict(loaded.kwargs),
                dynamic_shapes=dict(names) if names else None,
                opset_version=how.opset,
                dynamo=True,
                optimize=False,
                verbose=False,
            )
    except Exception as error:  # any kind: it comes out of the user's forward, or out of torch
        raise ExportFailed(_explained(error, loaded)) from error
    if made is None:
        raise ExportFailed("torch.onnx.export returned nothing")
    opset = made.model.opset_imports.get("")
    if how.opset not in (None, opset):  # of which it says nothing but in a log
        raise ExportFailed(f"can't be exported in opset {how.opset}, only in {opset}")
    return made


def positional(loaded: Loaded) -> tuple[object, ...]:
    """The arguments without a name; torch.onnx.export would take a last one that is a dict for those with one."""
    mistaken = not loaded.kwargs and loaded.args and isinstance(loaded.args[-1], dict)
    return (*loaded.args, {}) if mistaken else loaded.args


def torchscript(loaded: Loaded, how: How, file: Path, *, lint: bool) -> None:
    """Trace a module into a file. With `lint` normalizations and the names of weights stay. Raises ExportFailed."""
    if loaded.program is not None:
        raise ExportFailed("is a saved program, which only the dynamo exporter accepts")
    if loaded.fake is not None:
        raise ExportFailed("has no weights, which the TorchScript exporter needs: remove --fake")
    names, axes = flat(loaded, how.dynamic)
    try:
        with quiet(), _mute():
            torch.onnx.export(
                loaded.module,
                loaded.args,
                str(file),
                kwargs=dict(loaded.kwargs),
                input_names=list(names),
                dynamic_axes=axes or None,
                opset_version=how.opset,
                dynamo=False,
                external_data=True,
                training=torch.onnx.TrainingMode.PRESERVE if lint else torch.onnx.TrainingMode.EVAL,
                do_constant_folding=not lint,
            )
    except Exception as error:
        raise ExportFailed(f"can't be exported: {told(error)}") from error


def depends_on_values(error: ExportFailed) -> bool:
    """Whether an export failed since the module's path depends on values. TorchScript would keep one path and say nothing."""
    return any(type(cause).__name__ == _DATA[0] for cause in causes(error))


def taken_over(error: ExportFailed) -> str:
    """What is to be said where TorchScript takes over from dynamo, which failed."""
    return f"exported with TorchScript, since it {str(error).replace('be exported', 'be exported by dynamo', 1)}"


def _explained(error: Exception, loaded: Loaded) -> str:
    """Why the dynamo exporter failed, and at which line of the user's."""
    for cause in causes(error):
        missing = _OP.search(str(cause))
        if type(cause).__name__ == "DispatchError" and missing:
            at = _line_of(missing["op"], loaded)
            return f"can't be exported: ONNX has no operator for {missing['op']}{f'; at {at}' if at else ''}"
        if type(cause).__name__ == _DATA[0]:
            return (
                f"can't be exported: its path depends on values; at {noted(str(cause))}; use torch.cond or torch.where, "
                "or --exporter torchscript, which records the path that the example takes"
            )
    return f"can't be exported: {told(error)}"


def _line_of(op: str, loaded: Loaded) -> str:
    """The user's line that called an operator, "" where it can't be found."""
    with contextlib.suppress(Exception), quiet():  # it has failed already; this is only to say where
        program = loaded.program or torch.export.export(loaded.module, loaded.args, dict(loaded.kwargs), strict=False)
        for node in program.graph.nodes:
            if isinstance(node, Node) and op in str(node.target):
                return noted(node.stack_trace or "")
    return ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Torch prints graphs, logs and warns while it exports; what matters of that is raised as well."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    """Keep standard output clean of what C++ writes there."""
    sys.stdout.flush()
    there = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(there, 1)
        os.close(nowhere)
        os.close(there)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="reslint-") as made:
        yield Path(made)
