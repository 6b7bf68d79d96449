"""A .pt2 file in, the torch.export program in it out; what would have to be unpickled, or run as machine code, is refused."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import torch
from torch.export import ExportedProgram

from reslint.errors import ExportFailed
from reslint.export.blame import blamed

_FORCED = {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}  # torch.load then unpickles tensors and plain values only


def opened(path: str) -> ExportedProgram:
    """The program that `torch.export.save` wrote. Raises ExportFailed with one line where it can't be had safely."""
    file = Path(path)
    if not file.is_file():
        raise ExportFailed("no such file")
    try:
        with zipfile.ZipFile(file) as archive:
            unsafe = next(_unsafe(archive), None)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ExportFailed(f"is not an archive of torch.export.save: {error}") from error
    if unsafe:
        raise ExportFailed(f"holds {unsafe}, which could run any code; check its module:factory instead")
    with blamed("can't be loaded"), patch.dict(os.environ, _FORCED):
        return torch.export.load(file)


def _unsafe(archive: zipfile.ZipFile) -> Iterator[str]:
    """What in an archive is more than numbers and a graph."""
    for name in archive.namelist():
        last = name.rpartition("/")[2]
        if "/aotinductor/" in name:
            yield "compiled code"
        elif last.startswith(("custom_obj", "opaque_obj")):
            yield "pickled objects"
        elif last.endswith("config.json"):
            config: object = json.loads(archive.read(name))
            entries = config.get("config") if isinstance(config, dict) else None
            for entry in entries.values() if isinstance(entries, dict) else ():
                if isinstance(entry, dict) and entry.get("use_pickle"):
                    yield "pickled tensors"
