"""The bytes of a file in, what reslint makes of it out; a fault is any exception but a ReslintError of one line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.dom import minidom

from onnx import ModelProto

from reslint import passes
from reslint.anatomy import Anatomy, dissect
from reslint.comparison import compare
from reslint.config import Config
from reslint.errors import ReslintError
from reslint.look import examined, limits_of, portrayed, rules, statically
from reslint.mend import mended, write
from reslint.net import from_proto, read
from reslint.net.limits import bounded
from reslint.report.anatomy import dot, signature, svg
from reslint.report.anatomy import json as anatomy_json
from reslint.report.anatomy import text as anatomy_text
from reslint.report.check import github, gitlab, markdown, model_explorer, sarif
from reslint.report.check import json as check_json
from reslint.report.check import passes as passes_text
from reslint.report.check import text as check_text
from reslint.report.diff import json as diff_json
from reslint.report.diff import text as diff_text
from reslint.report.html import page
from reslint.result import Dissected, Looked, Report

CONFIG = Config(profile="design", confidence="possible", limit_memory=3.0, limit_seconds=20.0)
STATIC = tuple(rule for rule in rules() if rule.subject is Anatomy)
SECRET = "secret.bin"


class Fault(Exception):
    """What must not be, though nothing was raised."""


def look(data: bytes, mode: str, folder: Path) -> str:
    """Look at a file in one of MODES, in a folder of its own beside a secret. Raises what reslint raises, and Fault."""
    file = folder / "model.onnx"
    file.write_bytes(data)
    _opened.clear()
    try:
        with bounded(limits_of(CONFIG)):
            found = _looked(data, mode, file)
    except ReslintError as error:
        if "\n" in str(error) or not str(error):
            raise Fault(f"a message of several lines, or of none: {error!r}") from error
        found = "refused"
    if _opened:
        raise Fault(f"opened what lies outside of the model's folder: {_opened[0]}")
    return found


def _looked(data: bytes, mode: str, file: Path) -> str:
    if mode == "memory":
        try:
            model = ModelProto.FromString(data)
        except Exception:
            return "not parsed"
        anatomy = dissect(from_proto(model, file))
    else:
        anatomy = dissect(read(file))
    looked = examined(str(file), anatomy, CONFIG, statically)
    MODES[mode](file, anatomy, looked)
    if mode == "check":
        try:
            ModelProto.FromString(data)
        except Exception as error:
            raise Fault("protobuf refuses what reslint accepts") from error
    return "seen"


def _twice(file: Path, anatomy: Anatomy, looked: Looked) -> None:
    if examined(str(file), dissect(read(file)), CONFIG, statically) != looked:
        raise Fault("a second look sees something else")


def _formats(file: Path, anatomy: Anatomy, looked: Looked) -> None:
    one = Dissected(str(file), anatomy, None, looked.findings)
    json.loads(anatomy_json.render([one]))
    anatomy_text.render([one], verbose=True)
    for module in (signature, dot):
        module.render([one])
    minidom.parseString(svg.render([one]))
    report = Report("0", (portrayed(looked, anatomy),), looked.findings)
    for module in (check_json, sarif, gitlab, model_explorer):
        json.loads(module.render(report))
    for module in (check_text, github, markdown, page):
        module.render(report)


def _mend(file: Path, anatomy: Anatomy, looked: Looked) -> None:
    plan = mended(str(file), CONFIG)
    if plan.done:
        write(plan)
        read(file)


def _diff(file: Path, anatomy: Anatomy, looked: Looked) -> None:
    difference = compare(anatomy, anatomy)
    json.loads(diff_json.render("a", "b", difference))
    diff_text.render("a", "b", difference)


def _passes(file: Path, anatomy: Anatomy, looked: Looked) -> None:
    for rule in STATIC:
        explained = passes.explained(str(file), anatomy, rule, CONFIG)
        passes_text.render([explained], "text")
        json.loads(passes_text.render([explained], "json"))


def _nothing(file: Path, anatomy: Anatomy, looked: Looked) -> None:
    """Only what each look does."""


MODES: Mapping[str, Callable[[Path, Anatomy, Looked], None]] = {
    "check": _nothing,
    "memory": _nothing,
    "formats": _formats,
    "mend": _mend,
    "diff": _diff,
    "passes": _passes,
    "twice": _twice,
}
"""What is done with a file."""

_opened: list[str] = []


def guard(around: Path) -> None:
    """From now on note each file that is opened below a folder, but not in a folder below that: the secret lies there."""

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = Path(os.path.realpath(os.path.join(os.getcwd(), os.fsdecode(arguments[0]))))
            if path.parent == around or str(path).startswith(
                ("/etc", "/dev/zero", "/proc/self/environ", "/proc/self/mem")
            ):
                _opened.append(str(path))

    sys.addaudithook(heard)
