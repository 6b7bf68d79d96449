"""Options in, models run, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from reslint.anatomy import Anatomy
from reslint.api import Judged
from reslint.cli.actions.check import reported
from reslint.cli.inputs.look import examine, named
from reslint.cli.options import Options
from reslint.cli.output.phases import phases
from reslint.cli.output.streams import note
from reslint.config import Config
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import worst
from reslint.rules import Rule, Settings
from reslint.runtime import Limits, Measured, Tolerances, Wanted, default_memory, measured


def run(options: Options, asked: Mapping[str, object], start: float) -> int:
    """Run all files, report with the seconds since `start`, and say how it went."""
    asked_for = _wanted(asked)
    paths = tuple(named(options))
    stores = _stores(asked["store"], paths)

    def findings(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> Judged:
        settings = _settings(config.settings(path), asked)
        rounds = asked_for.rounds if asked["timed"] or settings.latency or asked["max_ratio"] else 0
        wanted = replace(asked_for, rounds=rounds, store=stores.get(path), max_ratio=settings.max_ratio)
        wanted = replace(wanted, tolerances=replace(asked_for.tolerances, by_type=settings.tolerance))
        found = measured(anatomy, replace(wanted, say=partial(say, path)))
        _tell(path, found, options.quiet)
        judged = lint(anatomy, rules, settings, path, Confidence(config.confidence), tuple(worst(found.subjects)))
        return Judged(judged, found.subjects)

    with phases(paths, options.quiet) as say:
        looks = tuple(seen.looked for seen in examine(options, findings, command="run"))
    return reported(looks, options, start)


def _settings(settings: Settings, asked: Mapping[str, object]) -> Settings:
    """What the rules may ask, with what the command line says of it."""
    max_ratio = asked["max_ratio"]
    return replace(settings, max_ratio=max_ratio) if isinstance(max_ratio, float) else settings


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
    dims, libraries = asked["dims"], asked["libraries"]
    memory = _number(asked["memory"])
    precision, rounded = asked["precision"], asked["rounded"]
    if precision == "bfloat16" and not rounded:
        raise click.BadParameter("bfloat16 needs --round: ONNX Runtime's CPU kernels have none", param_hint="--as")
    against = _path(asked["against"])
    if asked["max_ratio"] is not None and (against is None or against.suffix == ".npz"):
        raise click.BadParameter("needs a model to be timed against: --against old.onnx", param_hint="--max-ratio")
    return Wanted(
        sizes=dict(_size(str(text)) for text in dims) if isinstance(dims, tuple) else {},
        seed=int(_number(asked["seed"])),
        inputs=_path(asked["inputs"]),
        against=against,
        provider=str(asked["provider"]),
        precision=str(precision or ""),
        rounded=rounded is True,
        sensitivity=asked["sensitivity"] is True or asked["ablate"] is True,
        ablate=asked["ablate"] is True,
        fill=int(_number(asked["seed"])) if asked["fill"] else None,
        tolerances=Tolerances(rtol=_maybe(asked["rtol"]), atol=_maybe(asked["atol"])),
        rounds=int(_number(asked["runs"])),
        seconds=_number(asked["seconds"]),
        threads=int(_number(asked["threads"])),
        libraries=libraries if isinstance(libraries, tuple) else (),
        limits=Limits(_number(asked["timeout"]), int(memory * 1e9) if memory else default_memory()),
    )


def _number(value: object) -> float:
    """A number that was asked for, 0 where none was."""
    return _maybe(value) or 0


def _maybe(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _path(value: object) -> Path | None:
    return value if isinstance(value, Path) else None


def _size(text: str) -> tuple[str, int]:
    name, _, size = text.rpartition("=")
    if not name or not size.isdecimal() or int(size) < 1:
        raise click.BadParameter(f"{text!r} is no NAME=SIZE, such as batch=2", param_hint="--dim")
    return name, int(size)
