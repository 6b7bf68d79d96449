"""A Report in, node data for Google's Model Explorer out: blocks and findings, by node as its ONNX adapter names them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnx import GraphProto

from reslint.anatomy import Kind
from reslint.errors import UnreadableModel
from reslint.finding import Finding, Severity
from reslint.net.read import light
from reslint.portrait import Portrait, Seen
from reslint.report.common.plain import plain
from reslint.result import Looked, Report

Places = Mapping[str, tuple[str, str]]
"""The viewer's graph and node of a tensor's op."""

_UNNAMED = "<main>"  # what the adapter calls a graph without a name

_WORDS_NOT_NUMBERS = {"hideInAggregatedStatsTable": True, "hideInChildrenStatsTable": True}  # nothing to add up

_KINDS: Mapping[Kind, str] = {
    Kind.IDENTITY: "#d1d9e0",
    Kind.PROJECTION: "#b6d7ff",
    Kind.SCALED: "#dfccff",
    Kind.GATED: "#f7dfa4",
    Kind.DENSE: "#b4e7c1",
}
_BRANCH = "#f3f5f7"
_SEVERITIES: Mapping[Severity, str] = {Severity.ERROR: "#b3131e", Severity.WARNING: "#9a5b00", Severity.NOTE: "#0a4a9e"}


def render(report: Report) -> str:
    """One document, by graph.

    The viewer knows a graph by its name alone. Where two models' graphs have one name, each is also there under its model's
    path, and the name has what is said of the first one.
    """
    found: dict[str, dict[str, object]] = {}
    owners: dict[str, str] = {}
    for file in report.files:
        seen = file.portrait
        if seen is None:
            continue
        findings = [finding for finding in report.findings if finding.path == file.path]
        for graph, results in _graphs(file, seen, findings).items():
            told = {"name": "reslint", "results": results, **_WORDS_NOT_NUMBERS}
            if owners.setdefault(graph, file.path) == file.path:
                found[graph] = told
            else:
                found[f"{plain(file.path)}:{graph}"] = told
    return json.dumps(found, indent=1) + "\n"


def _graphs(file: Looked, seen: Portrait, findings: Sequence[Finding]) -> dict[str, dict[str, object]]:
    """What stands at each node, by graph: a block's ops, and over them what was found."""
    places = _places(file, seen)
    by: dict[str, dict[str, object]] = {}
    for number, block in enumerate(seen.blocks, 1):
        for tensor, says, color in _told(block, f"block {number}"):
            _put(by, places, tensor, {"value": says, "bgColor": color, "textColor": "#1f2328"})
    at: dict[str, list[Finding]] = {}
    for finding in findings:
        for tensor in dict.fromkeys((finding.tensor, *finding.related)):
            at.setdefault(tensor, []).append(finding)
    for tensor, here in at.items():
        says = ", ".join(dict.fromkeys(f"{finding.severity}: {finding.rule}" for finding in here))
        worst = max(finding.severity for finding in here)
        _put(by, places, tensor, {"value": says, "bgColor": _SEVERITIES[worst], "textColor": "#ffffff"})
    return by


def _put(by: dict[str, dict[str, object]], places: Places, tensor: str, told: dict[str, object]) -> None:
    if tensor in places:
        graph, node = places[tensor]
        by.setdefault(graph, {})[node] = told


def _told(block: Seen, name: str) -> Iterator[tuple[str, str, str]]:
    """The tensors of a block with what is said there; the merge comes last and counts."""
    for step in block.branch:
        yield step.tensor, f"{name}: branch", _BRANCH
    for step in block.shortcut:
        yield step.tensor, f"{name}: {block.kind} shortcut", _KINDS[block.kind]
    yield block.merge.tensor, f"{name}: {block.kind}, norm {block.normalization}", _KINDS[block.kind]


def _places(file: Looked, seen: Portrait) -> Places:
    """The viewer's names of all ops, by first output and by node name."""
    try:
        graph = light(Path(file.path)).graph
    except (OSError, UnreadableModel):  # a model from PyTorch has no file of its own
        steps = (step for block in seen.blocks for step in (*block.shortcut, *block.branch, block.merge))
        return {step.tensor: (seen.graph or _UNNAMED, step.node or step.tensor) for step in steps}
    return dict(viewer_names(graph))


def viewer_names(graph: GraphProto) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each op's first output and its node's name, and where the viewer shows it.

    The adapter shows bodies of the outermost graph's ops only: those of an If among its own nodes, those of a Loop or Scan
    as graphs of their own.
    """
    top = graph.name or _UNNAMED
    for one in _named(graph, Counter()):
        yield from ((key, (top, one.name)) for key in one.keys)
        for attribute, body in one.bodies:
            inside = f"{one.name}/{attribute}"
            for inner in body:
                place = (top, f"{inside}/{inner.name}") if one.type == "If" else (inside, inner.name)
                yield from ((key, place) for key in inner.keys)


@dataclass(frozen=True, slots=True)
class _Named:
    """A node under the name that the adapter gives it, and under those that findings know it by."""

    name: str
    keys: tuple[str, ...]
    type: str
    bodies: tuple[tuple[str, tuple[_Named, ...]], ...]


def _named(graph: GraphProto, counts: Counter[str]) -> Iterator[_Named]:
    """The nodes of a graph; a name that is missing or not the first of its kind is made whole as onnx-ir's NameFixPass does."""
    used: set[str] = set()
    for node in graph.node:
        wanted = node.name or "node"
        name = wanted
        while name in used:
            counts[wanted] += 1
            name = f"{wanted}_{counts[wanted]}"
        used.add(name)
        bodies = ((a.name, g) for a in node.attribute for g in (*([a.g] if a.HasField("g") else []), *a.graphs))
        keys = (node.name, next((o for o in node.output if o), ""))
        named = tuple((attribute, tuple(_named(body, counts))) for attribute, body in bodies)
        yield _Named(name, tuple(key for key in keys if key), node.op_type, named)
