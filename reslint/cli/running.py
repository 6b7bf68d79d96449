"""Options in, models run, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from reslint.anatomy import Anatomy
from reslint.api import Judged
from reslint.cli.checking import reported
from reslint.cli.look import examine, named
from reslint.cli.options import Options
from reslint.cli.output import note
from reslint.config import Config
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.rules import Rule
from reslint.runtime import Limits, Measured, Tolerances, Wanted, default_memory, measured


def run(options: Options, asked: Mapping[str, object], start: float) -> int:
    """Run all files, report with the seconds since `start`, and say how it went."""
    asked_for = _wanted(asked)
    max_ratio = asked["max_ratio"]
    stores = _stores(asked["store"], tuple(named(options)))

    def findings(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> Judged:
        settings = config.settings(path)
        if isinstance(max_ratio, float):
            settings = replace(settings, max_ratio=max_ratio)
        timed = asked["timed"] or settings.latency or max_ratio
        runs = asked["runs"]
        wanted = replace(asked_for, tolerances=replace(asked_for.tolerances, by_type=settings.tolerance))
        wanted = replace(wanted, rounds=runs) if timed and isinstance(runs, int) else wanted
        wanted = replace(wanted, store=stores.get(path))
        found = measured(anatomy, wanted)
        _tell(path, found, options.quiet)
        judged = lint(anatomy, rules, settings, path, Confidence(config.confidence), found.subjects)
        return Judged(judged, found.subjects)

    looks = (seen.looked for seen in examine(options, findings, measured=True))
    return reported(looks, options, start)


def _stores(target: object, paths: Sequence[str]) -> Mapping[str, Path]:
    """Where what each model is fed goes: all in one folder, by the models' names, by their paths where names repeat."""
    if not isinstance(target, Path):
        return {}
    if target.suffix == ".npz":
        if len(paths) > 1:
            raise click.BadParameter(
                f"{target} is one file, for {len(paths)} models; name a folder", param_hint="--store"
            )
        return dict.fromkeys(paths, target)
    stems = Counter(Path(path).stem for path in paths)
    names = {path: Path(path).with_suffix("") for path in paths}
    return {
        path: target / (n.name if stems[n.name] == 1 else "-".join(n.parts).strip("/-")) for path, n in names.items()
    }


def _tell(path: str, found: Measured, quiet: bool) -> None:
    for line in () if quiet else (*found.fed, *found.notes):
        note(path, line)


def _wanted(asked: Mapping[str, object]) -> Wanted:
    dims, seed, inputs, against = (asked[name] for name in ("dims", "seed", "inputs", "against"))
    seconds, memory = asked["timeout"], asked["memory"]
    precision, rounded = asked["precision"], asked["rounded"]
    if precision == "bfloat16" and not rounded:
        raise click.BadParameter("bfloat16 needs --round: ONNX Runtime's CPU kernels have none", param_hint="--as")
    return Wanted(
        sizes=dict(_size(str(text)) for text in dims) if isinstance(dims, tuple) else {},
        seed=seed if isinstance(seed, int) else 0,
        inputs=inputs if isinstance(inputs, Path) else None,
        against=against if isinstance(against, Path) else None,
        provider=str(asked["provider"]),
        precision=str(precision or ""),
        rounded=rounded is True,
        fill=(seed if isinstance(seed, int) else 0) if asked["fill"] else None,
        tolerances=Tolerances(rtol=_number(asked["rtol"]), atol=_number(asked["atol"])),
        limits=Limits(
            seconds if isinstance(seconds, float) else Limits().seconds,
            int(memory * 1e9) if isinstance(memory, float) else default_memory(),
        ),
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _size(text: str) -> tuple[str, int]:
    name, _, size = text.rpartition("=")
    if not name or not size.isdecimal() or int(size) < 1:
        raise click.BadParameter(f"{text!r} is no NAME=SIZE, such as batch=2", param_hint="--dim")
    return name, int(size)
