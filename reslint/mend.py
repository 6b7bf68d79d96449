"""A model file in, what can be mended in it without touching learned weights out, and the file with that done."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, BinaryIO

from onnx import ModelProto, NodeProto

from reslint.allow import allowed
from reslint.anatomy import Anatomy, dissect
from reslint.comparison import compare
from reslint.config import Config
from reslint.errors import UnreadableModel
from reslint.finding import Confidence, Finding
from reslint.lint import drafted, lint
from reslint.look import chosen, limits_of
from reslint.net import from_proto
from reslint.net.edit import Edit, edited, key_of, nodes, spliced, unsound
from reslint.net.limits import bounded
from reslint.net.pages import Pages
from reslint.net.read import TEXT_SUFFIXES, light
from reslint.rules import Draft
from reslint.writing import ReadOnly, beside, refuse_read_only, take_over

_TEXT = "is a text format that --fix does not write: edit it by hand"
_PART = 1 << 24  # bytes
_LINK = "is a symbolic link: name the file that it points to"


@dataclass(frozen=True, slots=True)
class Mended:
    """What is mended of a model: the edits of each finding, what can't be and why, and the model before and after."""

    path: str
    done: tuple[tuple[Finding, tuple[Edit, ...]], ...] = ()
    refused: tuple[tuple[Finding, str], ...] = ()
    after: ModelProto | None = None

    @property
    def edits(self) -> Mapping[str, Edit]:
        """All edits by what they replace."""
        return {edit.key: edit for _, edits in self.done for edit in edits}


def mended(path: str, config: Config) -> Mended:
    """What can be mended in a model, tried in memory. Raises UnreadableModel where the file is no model that can be read."""
    with bounded(limits_of(config.nearest(path))):
        return _mended(path, config)


def _mended(path: str, config: Config) -> Mended:
    before = light(Path(path))
    anatomy = dissect(from_proto(before, Path(path)))
    found = [(finding, draft) for finding, draft in _found(path, anatomy, config) if draft.mend is not None]
    if not found:
        return Mended(path)
    refusal = _why_not(Path(path))
    if refusal:
        return Mended(path, refused=tuple((finding, refusal) for finding, _ in found))
    known = _known(before)
    drawn = [(finding, tuple(_drawn(draft, known))) for finding, draft in found]
    refused = [(finding, edit.refused) for finding, edits in drawn for edit in edits if edit.refused]
    done = [(finding, able) for finding, edits in drawn if (able := tuple(edit for edit in edits if not edit.refused))]
    if not done:
        return Mended(path, refused=tuple(refused))
    plan = Mended(path, tuple(done), tuple(refused))
    after = edited(before, plan.edits)
    why = unsound(before, after) or _harmed(path, anatomy, after, config, plan)
    if why:
        return Mended(path, refused=(*refused, *((finding, why) for finding, _ in done)))
    return Mended(path, plan.done, plan.refused, after)


def _why_not(path: Path) -> str:
    """Why a file is not written; empty where it may be."""
    if path.suffix in TEXT_SUFFIXES:
        return _TEXT
    if path.is_symlink():
        return _LINK
    if path.stat().st_nlink > 1:
        return (
            f"has {path.stat().st_nlink} names (hard links), which a mended file would part: copy it, and mend the copy"
        )
    try:
        refuse_read_only(path)
    except ReadOnly as problem:
        return str(problem)
    return ""


def write(plan: Mended) -> None:
    """Put the mended model in the file's place, whole or not at all; weights are copied as they are.

    Raises UnreadableModel where that can't be done; the file is then as it was.
    """
    file = Path(plan.path)
    try:
        with beside(file) as (part, name):
            with file.open("rb") as opened:
                stamp = os.fstat(opened.fileno())
                _copy(opened, plan.edits, part)
            part.flush()
            os.fsync(part.fileno())
            part.close()
            take_over(file, name)
            _refuse_other(plan, Path(name), file, stamp)
            os.replace(name, file)
    except OSError as problem:
        raise UnreadableModel(f"can't be written: {problem.strerror or problem}; the file is unchanged") from problem


def _found(path: str, anatomy: Anatomy, config: Config) -> Iterator[tuple[Finding, Draft]]:
    """The findings of a model that the configuration does not allow."""
    own = config.at(path)
    every = tuple(drafted(anatomy, chosen(own), own.settings(path), path, Confidence(own.confidence)))
    left = allowed((finding for finding, _ in every), own, date.today())
    meant = {(finding.rule, finding.fingerprint) for finding in left.findings}
    yield from ((finding, draft) for finding, draft in every if (finding.rule, finding.fingerprint) in meant)


def _known(model: ModelProto) -> Mapping[str, Sequence[NodeProto]]:
    """The nodes of the file by their first output; not those of its functions."""
    found: dict[str, list[NodeProto]] = {}
    for node in nodes(model.graph):
        found.setdefault(key_of(node), []).append(node)
    return found


def _drawn(draft: Draft, known: Mapping[str, Sequence[NodeProto]]) -> Iterator[Edit]:
    """The edits of a finding, those that the file has no one place for with the reason."""
    for edit in draft.mend() if draft.mend else ():
        there = known.get(edit.key, ())
        if edit.refused or len(there) == 1 and _what(there[0]) == _what(edit.before):
            yield edit
        else:
            why = "several nodes have its name" if len(there) > 1 else "the node is in a function of the model"
            yield Edit(edit.before, refused=why)


def _what(node: NodeProto) -> tuple[str, ...]:
    return (node.domain, node.op_type, *node.input, "", *node.output)


def _harmed(path: str, before: Anatomy, model: ModelProto, config: Config, plan: Mended) -> str:
    """Why the mended model is none; empty where it has the same skeleton and is without the findings."""
    own = config.at(path)
    after = dissect(from_proto(model, Path(path)))
    difference = compare(before, after)
    if difference.lost or difference.gained:
        return "the residual skeleton would change"
    left = lint(after, chosen(own), own.settings(path), path, Confidence(own.confidence))
    places = {(finding.rule, finding.tensor) for finding in left}
    still = any((finding.rule, edit.key) in places for finding, edits in plan.done for edit in edits)
    return "the rule would still fire" if still else ""


def _copy(source: BinaryIO, edits: Mapping[str, Edit], out: IO[bytes]) -> None:
    """Write a file's bytes with other nodes; what stays is handed on in parts, so that the memory never holds the weights."""
    pieces = spliced(Pages(source.fileno()), edits)
    for piece in pieces:
        if isinstance(piece, bytes):
            out.write(piece)
            continue
        source.seek(piece[0])
        left = piece[1] - piece[0]
        while left:
            part = source.read(min(left, _PART))
            if not part:
                raise UnreadableModel("became shorter during the fix; the file is left as it is")
            out.write(part)
            left -= len(part)


def _refuse_other(plan: Mended, written: Path, file: Path, stamp: os.stat_result) -> None:
    """Raise UnreadableModel where the file changed meanwhile, or where what was written is not what was tried."""
    now = file.stat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (stamp.st_ino, stamp.st_size, stamp.st_mtime_ns):
        raise UnreadableModel("was changed by someone else in the meantime; their version is kept")
    if plan.after is None or _listed(light(written)) != _listed(plan.after):
        raise UnreadableModel("can't be fixed: what was written differs from what was tried; the file is unchanged")


def _listed(model: ModelProto) -> Sequence[tuple[str, ...]]:
    return [_what(node) for node in nodes(model.graph)]
