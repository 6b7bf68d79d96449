"""A model and what it must be in, nothing or a failed assertion out: architecture invariants for a model's own tests."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

import click
from onnx import ModelProto

from reslint.anatomy import Anatomy, Block, Cost, Kind, Placement
from reslint.anatomy.metrics.cost import assumed, costs
from reslint.anatomy.views.source import where
from reslint.api import Inputs, Model, check, dissect
from reslint.config import FAIL_ON, Config, load
from reslint.errors import BadConfiguration
from reslint.finding import Finding, Severity
from reslint.net import Net
from reslint.report.check.text import finding_lines
from reslint.report.common.plain import plain

__all__ = ["Invariants", "assert_architecture", "assert_clean"]

_NAMED = 4  # places in one line


class Invariants(TypedDict, total=False):
    """What a model's architecture must be; what is not given may be anything.

    `blocks` is the number of residual blocks, `kinds` that of each kind. `normalization` is where it sits in every block.
    `signature` is what `reslint anatomy --signature` prints. `max_depth` counts weighted layers on the longest path.
    `sizes` says what symbolic dimensions are for `max_macs`; without it they are 1.
    """

    blocks: int
    kinds: Mapping[str, int]
    normalization: str
    signature: str
    max_depth: int
    max_params: float
    max_macs: float
    sizes: Mapping[str, int]


def assert_clean(
    model: Model,
    inputs: Inputs = (),
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    profile: str | None = None,
    fail_on: str | None = None,
    config: Config | None = None,
    **invariants: Unpack[Invariants],
) -> None:
    """Fail where `reslint check` would, or where an invariant does not hold; the message shows the findings.

    The configuration is the project's, as on the command line, unless another is given; the keywords go before it.
    `inputs` are what a PyTorch module is called with.

    >>> assert_clean("fixtures/resnet50.onnx", blocks=16, normalization="folded?", max_macs=4.2e9)
    >>> assert_clean("fixtures/resnet50_broken.onnx", ignore=["shortcut-broadcast"])
    """
    __tracebackhide__ = True
    path = str(model) if isinstance(model, str | os.PathLike) else "model.onnx"
    config = (config or load(None, Path.cwd())).at(path)
    least = fail_on or config.fail_on
    if least not in FAIL_ON:
        raise BadConfiguration(f"fail_on must be one of {', '.join(FAIL_ON)}, not {least!r}")
    if profile is None and _is_module(model) and config.origin(path, "profile") == "default":
        profile = "design"
    found = check(model, inputs, select=select, ignore=ignore, profile=profile, config=config)
    bad = [finding for finding in found if least != "never" and finding.severity >= Severity[least.upper()]]
    _fail(path, (*_broken(model, inputs, path, invariants), *_shown(bad)))


def assert_architecture(model: Model, inputs: Inputs = (), **invariants: Unpack[Invariants]) -> None:
    """Fail where an invariant does not hold, whatever the rules say; `inputs` are what a PyTorch module is called with.

    >>> assert_architecture("fixtures/resnet50.onnx", kinds={"identity": 12, "projection": 4}, max_depth=50)
    >>> assert_architecture("fixtures/resnet50.onnx", blocks=33)
    Traceback (most recent call last):
    AssertionError: fixtures/resnet50.onnx does not meet its expectations
    blocks: 33 expected, but there are 16 (12 identity, 4 projection)
    """
    __tracebackhide__ = True
    path = str(model) if isinstance(model, str | os.PathLike) else "model.onnx"
    _fail(path, tuple(_broken(model, inputs, path, invariants)))


def _fail(path: str, lines: Sequence[str]) -> None:
    __tracebackhide__ = True
    if lines:
        raise AssertionError("\n".join((f"{plain(path)} does not meet its expectations", *lines)))


def _is_module(model: Model) -> bool:
    """Whether a model is none of ONNX's forms; torch itself is not asked, since that would import it."""
    return not isinstance(model, str | os.PathLike | ModelProto | Net)


def _broken(model: Model, inputs: Inputs, path: str, wanted: Invariants) -> Iterator[str]:
    """The invariants that do not hold."""
    if not wanted:
        return
    anatomy = dissect(model, inputs)
    yield from _structure(anatomy, wanted)
    yield from _costs(anatomy, wanted)
    yield from _shown(_differences(anatomy, path, wanted))


def _structure(anatomy: Anatomy, wanted: Invariants) -> Iterator[str]:
    kinds = Counter(str(block.kind) for block in anatomy.blocks)
    have = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "none"
    if "blocks" in wanted and wanted["blocks"] != len(anatomy.blocks):
        yield f"blocks: {wanted['blocks']} expected, but there are {len(anatomy.blocks)} ({have})"
    if "kinds" in wanted:
        asked = {_one_of(Kind, "kinds", kind): number for kind, number in wanted["kinds"].items()}
        if any(kinds[kind] != number for kind, number in asked.items()):
            yield f"kinds: {', '.join(f'{n} {kind}' for kind, n in asked.items())} expected, but there are {have}"
    if "normalization" in wanted:
        place = _one_of(Placement, "normalization", wanted["normalization"])
        others = [block for block in anatomy.blocks if block.normalization != place]
        if others or not anatomy.blocks:
            yield f"normalization: {place} expected, but {_placed(others) or 'there are no blocks'}"
    if "max_depth" in wanted and anatomy.depth.weighted > wanted["max_depth"]:
        yield f"max_depth: at most {wanted['max_depth']} expected, but the longest path has {anatomy.depth.weighted}"


def _costs(anatomy: Anatomy, wanted: Invariants) -> Iterator[str]:
    """The limits that are not kept, or can't be judged."""
    sizes = wanted.get("sizes", {})
    cost = costs(anatomy.net, sizes) if "max_params" in wanted or "max_macs" in wanted else Cost(0, 0)
    if "max_params" in wanted and cost.params > wanted["max_params"]:
        yield f"max_params: at most {wanted['max_params']:,.0f} expected, but there are {cost.params:,}"
    if "max_macs" in wanted and cost.unknown:
        yield f"max_macs: can't be checked, since the MACs of {', '.join(map(plain, cost.unknown))} are unknown"
    elif "max_macs" in wanted and cost.macs > wanted["max_macs"]:
        ones = ", ".join(map(plain, assumed(anatomy.net, sizes)))
        left = f", with {ones} taken as 1" if ones else ""
        yield f"max_macs: at most {wanted['max_macs']:,.0f} expected, but there are {cost.macs:,}{left}"


def _differences(anatomy: Anatomy, path: str, wanted: Invariants) -> Iterator[Finding]:
    """Where the skeleton is not the signature, as the rule on skeletons tells it."""
    if "signature" in wanted:
        config = Config(select=("skeleton-differs",), expect=(("*", wanted["signature"]),))
        for finding in check(anatomy.net, config=config):
            yield replace(finding, path=path)


def _placed(blocks: Sequence[Block]) -> str:
    """Where the normalization of blocks sits instead."""
    counts = Counter(str(block.normalization) for block in blocks)
    named = [plain(where(block.merge)[0] or block.merge.id) for block in blocks[:_NAMED]]
    more = f" and {len(blocks) - _NAMED} more" if len(blocks) > _NAMED else ""
    return ", ".join(f"{n} {place}" for place, n in counts.items()) + f" at {', '.join(named)}{more}" if blocks else ""


def _one_of(kinds: type[Kind] | type[Placement], key: str, value: str) -> str:
    known = [str(kind) for kind in kinds]
    if value not in known:
        raise BadConfiguration(f"{key} must be one of {', '.join(known)}, not {value!r}")
    return value


def _shown(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        yield from map(click.unstyle, finding_lines(finding))
