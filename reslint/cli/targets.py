"""A configuration in, what is to be said of targets that no rule knows out: any name may be one, but it may be a typo, too."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.config import COMMAND_LINE, Config

TARGETS = ("tensorrt", "ort-cpu", "ort-cuda")
"""What rules ask for: this first name, and any that starts with `ort`."""


def unknown(config: Config) -> Iterator[tuple[str, str]]:
    """Who names a target that no rule knows, and a line on it."""
    for said in config.said:
        target = said.keys.get("target")
        if isinstance(target, str) and target and target != TARGETS[0] and not target.startswith("ort"):
            who = "--target" if said.origin == COMMAND_LINE else said.origin
            yield (
                who,
                f"no rule knows the target {target!r}: it is treated as neither TensorRT nor ONNX Runtime; {_meant(target)}",
            )


def _meant(target: str) -> str:
    from difflib import get_close_matches  # most runs name no target, or a known one

    close = get_close_matches(target.lower(), TARGETS, n=1)
    return (
        f"did you mean {close[0]!r}?"
        if close
        else "known targets are tensorrt and any name that starts with ort, such as ort-cuda"
    )
