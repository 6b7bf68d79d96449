"""A Spec in, the model that is to be shipped out, in a file: the exporter's own optimizations, and the places of its ops."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx_ir as ir
import torch

from reslint.errors import ExportFailed
from reslint.export.capture import How, depends_on_values, dynamo, quiet, taken_over, torchscript
from reslint.export.dynamic import shapes
from reslint.export.lean import TRACE, here
from reslint.export.load import Loaded, loaded
from reslint.export.spec import Spec
from reslint.writing import put, replaceable


@dataclass(frozen=True, slots=True)
class Deployed:
    """A module and the file that was made of it; `program` is what torch.export made on the way, `notes` tell how it went."""

    module: Loaded
    file: Path
    program: torch.export.ExportedProgram | None = None
    notes: tuple[str, ...] = ()


def deployed(wanted: Spec, how: How, file: Path) -> Deployed:
    """Write a model file, whole or not at all. Raises ExportFailed with one line that names the user's own frame."""
    module = loaded(wanted)
    if module.fake:
        raise ExportFailed("has no weights to write: build it without --fake, on a real device")
    shapes(module, how.dynamic)
    if not file.parent.is_dir():
        raise ExportFailed(f"can't be written: no such folder: {str(file.parent)!r}")
    try:
        plain = replaceable(file)
    except OSError as problem:
        raise ExportFailed(f"can't be written: {problem}") from problem
    with TemporaryDirectory(prefix=".reslint-", dir=file.parent if plain else None) as part:
        made = _written(module, how, Path(part) / file.name, file)
        files = sorted(Path(part).iterdir())
        if not plain and len(files) > 1:
            raise ExportFailed(
                f"can't be written: its weights lie in a file beside it, and {str(file)!r} is not a plain file"
            )
        if not plain:
            put(file, files[0].read_bytes())
        for written in files if plain else ():  # external data lies beside the model, under its name
            os.replace(written, file.parent / written.name)
    return made


def _written(module: Loaded, how: How, part: Path, file: Path) -> Deployed:
    if how.exporter == "torchscript":
        torchscript(module, how, part, lint=False)
        return Deployed(module, file)
    try:
        made = dynamo(module, how)
    except ExportFailed as error:
        if how.exporter or module.program or depends_on_values(error):
            raise
        return _fallen_back(module, how, part, file, error)
    program = made.exported_program
    _save(made, part)
    return Deployed(module, file, program)


def _fallen_back(module: Loaded, how: How, part: Path, file: Path, error: ExportFailed) -> Deployed:
    """Written by TorchScript, with a note that says why; where that fails, too, the first error is the one to mend."""
    try:
        torchscript(module, how, part, lint=False)
    except ExportFailed:
        raise error from None
    return Deployed(module, file, None, (taken_over(error),))


def _save(made: torch.onnx.ONNXProgram, part: Path) -> None:
    """Save an optimized program: in one file, if it may be that large."""
    with quiet():
        made.optimize()
        for node in ir.traversal.RecursiveGraphIterator(made.model.graph):
            if TRACE in node.metadata_props:
                node.metadata_props[TRACE] = here(node.metadata_props[TRACE])
        made.save(part, external_data=False)
