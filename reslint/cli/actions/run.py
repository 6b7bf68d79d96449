"""Options in, models run, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from reslint.anatomy import Anatomy
from reslint.cli.actions.check import reported
from reslint.cli.inputs.look import examine, named
from reslint.cli.options.run import RunOptions
from reslint.cli.output.phases import phases
from reslint.cli.output.streams import emit, note
from reslint.config import Config
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.look import Judged, needing_torch
from reslint.measure import Kept, worst
from reslint.report.run.kept import lists
from reslint.rules import Rule, Settings
from reslint.runtime import USUAL, Limits, Measured, Module, Tolerances, Wanted, default_memory, measured
from reslint.settings import Factory


def run(options: RunOptions, start: float) -> int:
    """Run all files, report with the seconds since `start`, and say how it went."""
    asked_for = _wanted(options)
    paths = tuple(named(options))
    stores = _stores(options.store, paths)
    if options.keep_float32 is not None and len(paths) > 1:
        raise click.BadParameter(f"is a single file, but there are {len(paths)} models", param_hint="--keep-float32")

    def findings(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> Judged:
        settings = _settings(config.settings(path), options)
        rounds = asked_for.rounds if options.time or settings.latency or options.max_ratio or options.sweep else 0
        wanted = replace(asked_for, rounds=rounds, store=stores.get(path), max_ratio=settings.max_ratio)
        wanted = replace(wanted, tolerances=replace(asked_for.tolerances, by_type=settings.tolerance))
        found = measured(anatomy, replace(wanted, say=partial(say, path)))
        _tell(path, found, options.quiet)
        for one in found.subjects if options.keep_float32 else ():
            if isinstance(one, Kept):
                emit(lists(path, one), str(options.keep_float32), called="the list")
        judged = lint(anatomy, rules, settings, path, Confidence(config.confidence), tuple(worst(found.subjects)))
        return Judged(judged, found.subjects)

    with phases(paths, options.quiet) as say:
        looks = tuple(seen.looked for seen in examine(options, findings, command="run"))
    return reported(looks, options, start)


def _settings(settings: Settings, options: RunOptions) -> Settings:
    """What the rules may ask, with what the command line says of it."""
    return settings if options.max_ratio is None else replace(settings, max_ratio=options.max_ratio)


def _stores(target: Path | None, paths: Sequence[str]) -> Mapping[str, Path]:
    """Where what each model is fed goes: all in one folder, by the models' names, by their paths where names repeat."""
    if target is None:
        return {}
    if target.suffix == ".npz":
        if len(paths) > 1:
            raise click.BadParameter(
                f"{target} is a single file, but there are {len(paths)} models; name a folder", param_hint="--store"
            )
        return dict.fromkeys(paths, target)
    stems = Counter(Path(path).stem for path in paths)
    names = {path: Path(path).with_suffix("") for path in paths}
    return {
        path: target / (n.name if stems[n.name] == 1 else "-".join(n.parts).strip("/-")) for path, n in names.items()
    }


def _tell(path: str, found: Measured, quiet: bool) -> None:
    for line in () if quiet else found.notes:
        note(path, line)


def _wanted(options: RunOptions) -> Wanted:
    """What is to be measured of any model; the rest is the model's own."""
    against = options.against
    factory = options.configuration.factory(against) if against is not None else None
    return Wanted(
        sizes=dict(map(_size, options.dim)),
        seed=options.seed,
        inputs=options.inputs,
        against=Path(against) if against is not None and factory is None else None,
        module=_module(against, factory) if against is not None and factory is not None else None,
        map=dict(map(_pair, options.map)),
        sweep=tuple(map(_sizes, options.sweep)),
        provider=options.provider,
        given=dict(_given(options)),
        reference=options.reference == "cpu",
        precision=options.as_ or "",
        keep=_ratio(options) if options.keep_float32 else None,
        rounded=options.round or options.as_ == "bfloat16",  # no CPU kernel has it
        sensitivity=options.sensitivity or options.ablate,
        ablate=options.ablate,
        depth=options.depth,
        fill=options.seed if options.fill else None,
        tolerances=Tolerances(rtol=options.rtol, atol=options.atol),
        rounds=options.runs,
        seconds=options.seconds,
        threads=options.threads or 0,
        libraries=options.custom_ops,
        limits=Limits(options.timeout, int(options.memory * 1e9) if options.memory else default_memory()),
    )


def _module(name: str, factory: Factory) -> Module:
    """The PyTorch module that a model is compared with."""
    with needing_torch():
        from reslint.export.exported import asked
        from reslint.export.reference import reference
    return Module(name, reference(asked(factory)[0]))


def _given(options: RunOptions) -> Iterator[tuple[str, str]]:
    """The options of the provider; what --provider-option says goes before the others."""
    if options.device is not None:
        yield "device_id", str(options.device)
    if options.memory and options.provider in ("cuda", "tensorrt"):
        yield "gpu_mem_limit", str(int(options.memory * 1e9))
    for text in options.provider_option:
        key, _, value = text.partition("=")
        if not key or not value:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as use_tf32=0", param_hint="--provider-option")
        yield key, value


def _pair(text: str) -> tuple[str, str]:
    ours, _, theirs = text.partition("=")
    if not ours or not theirs:
        raise click.BadParameter(f"{text!r} is not OURS=THEIRS, such as logits=output_0", param_hint="--map")
    return ours, theirs


def _sizes(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    if not name or not all(size.isdecimal() and int(size) > 0 for size in sizes.split(",")):
        raise click.BadParameter(f"{text!r} is not NAME=SIZE,SIZE, such as batch=1,8,32", param_hint="--sweep")
    return name, tuple(map(int, sizes.split(",")))


def _ratio(options: RunOptions) -> float:
    """The signal-to-noise ratio that is wanted with some ops kept in float32."""
    return USUAL[options.as_ or "float16"] if options.snr is None else options.snr


def _size(text: str) -> tuple[str, int]:
    name, _, size = text.rpartition("=")
    if not name or not size.isdecimal() or int(size) < 1:
        raise click.BadParameter(f"{text!r} is not NAME=SIZE, such as batch=2", param_hint="--dim")
    return name, int(size)
