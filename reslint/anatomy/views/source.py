"""An op in, its place in the author's code out: the module path and the line of Python, as far as the exporter noted them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from reslint.anatomy.values import Source
from reslint.net import Op

_SCOPES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"
_TRACE = "pkg.torch.onnx.stack_trace"
_FRAME = re.compile(
    r'^[ \t]*File "(?P<file>[^"\n]+)", line (?P<line>\d{1,9})[^\n]*(?:\n(?![ \t]*File ")(?P<text>[^\n]*))?', re.M
)
_INSTALLED = ("site-packages", "dist-packages")


def where(op: Op) -> tuple[str | None, Source | None]:
    """The module that an op belongs to, and the innermost line outside torch that made it; None where nothing says."""
    return module_of(op), source_of(op)


def module_of(op: Op) -> str | None:
    """The module that an op belongs to, None where nothing says."""
    noted = op.metadata
    return _module_of_scopes(noted[_SCOPES]) if _SCOPES in noted else _module_of_name(op)


def class_of(op: Op) -> str | None:
    """The class of the module that an op belongs to, None where nothing says."""
    scopes, classes = (_listed(op.metadata.get(key, "")) for key in (_SCOPES, _CLASSES))
    inner = next((at for at in reversed(range(len(scopes) - 1)) if scopes[at]), 0)
    return classes[inner] if len(classes) == len(scopes) > 1 else None


def modules_of(op: Op) -> tuple[tuple[str, str], ...]:
    """The modules that an op belongs to with their classes, the outermost first; empty where nothing says."""
    scopes, classes = (_listed(op.metadata.get(key, "")) for key in (_SCOPES, _CLASSES))
    return tuple(zip(scopes[:-1], classes, strict=False)) if len(classes) == len(scopes) else ()


def source_of(op: Op) -> Source | None:
    """The innermost line outside torch that made an op, None where nothing says."""
    return next(reversed(list(_frames(op.metadata.get(_TRACE, "")))), None)


def _module_of_scopes(text: str) -> str | None:
    """The innermost of the scopes that the dynamo exporter lists; the last entry is the op's own name."""
    return next((s for s in reversed(_listed(text)[:-1]) if s), None)


def _listed(text: str) -> list[str]:
    """A list of strings as Python writes it; the metadata is free text, and one that doesn't parse tells nothing."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [s for s in found if isinstance(s, str)] if isinstance(found, list) else []


def _module_of_name(op: Op) -> str | None:
    """The module in a name of the TorchScript exporter: `/layer1/layer1.0/conv1/Conv` is layer1.0.conv1."""
    first, *scopes, last = op.name.split("/") if op.name.count("/") > 1 else ("x", "")
    if first or not last.startswith(op.type):
        return None
    path: list[str] = []
    for scope in scopes:
        if path and scope.startswith(f"{path[-1]}."):
            path.pop()  # a container repeats its own name in its child's
        path.append(scope)
    return ".".join(path) or None


def _frames(trace: str) -> Iterator[Source]:
    """The frames of a traceback that lie outside torch, outermost first."""
    for frame in _FRAME.finditer(trace):
        parts = PurePosixPath(frame["file"].replace("\\", "/")).parts
        for at, part in enumerate(parts):
            if part in _INSTALLED:  # where a package is installed is the exporting machine's affair
                parts = parts[at + 1 :]
                break
        if parts and parts[0] != "torch":
            yield Source(str(PurePosixPath(*parts)), int(frame["line"]), (frame["text"] or "").strip())
