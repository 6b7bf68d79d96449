"""Depth in, a finding out where too many layers follow each other and no shortcut bypasses them."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.graph.ops import RECURRENT
from reslint.finding import Confidence, Severity
from reslint.rules.rule import Draft, Pass, Said, Settings, rule
from reslint.settings import Levels

_RECURRENT = Levels(5, 6)  # GNMT, arXiv:1609.08144, section 3.1: well up to 4 layers, barely with 6


@rule("plain-depth", "depth", Severity.WARNING, Confidence.LIKELY, design=True)
def plain_depth(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """Too many layers in a row that no shortcut bypasses."""
    plain = anatomy.depth.plain
    recurrent = [op for op in plain if op.type in RECURRENT]
    if len(plain) >= settings.plain_depth.note:
        layers, levels, kind = list(plain), settings.plain_depth, "layers"
    elif len(recurrent) >= _RECURRENT.note:
        layers, levels, kind = recurrent, _RECURRENT, "recurrent layers"
    else:
        if plain:
            limit = settings.plain_depth.note
            yield Pass(plain[0], anatomy.net, f"layers in a row: {len(plain)}, below the limit of {limit}")
        return
    yield Draft(
        layers[0],
        anatomy.net,
        f"{len(layers)} {kind} in a row, from {layers[0].id} to {layers[-1].id}, and no shortcut bypasses any of them",
        "add a shortcut around every two or three layers",
        {"layers": len(layers), "note": levels.note, "warning": levels.warning, "weighted": anatomy.depth.weighted},
        related=(layers[-1],),
        severity=None if len(layers) >= levels.warning else Severity.NOTE,
    )
