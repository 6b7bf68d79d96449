"""A path in, what was seen of that model out: errors are values here, so that one model never ends the others."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from traceback import format_exc

from reslint.allow import allowed
from reslint.anatomy import Anatomy
from reslint.anatomy import dissect as dissected
from reslint.config import Config
from reslint.errors import (
    ExportFailed,
    NotFetched,
    ReslintError,
    RunFailed,
    UnknownRule,
    UnreadableModel,
    brief,
)
from reslint.finding import Confidence, Finding
from reslint.lint import choose, lint, regraded, unknown_rule
from reslint.measure import GradientFlow, Initialization, LearningRate, Measurement, Parameters, Scaling
from reslint.net import from_proto, read
from reslint.net.external import locations
from reslint.net.limits import Limits, bounded
from reslint.own.places import homes
from reslint.remote.address import is_remote, redacted, shown
from reslint.result import Looked
from reslint.rules import ALL, Rule
from reslint.settings import Factory


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules found in an anatomy, and what was measured for them."""

    findings: Iterable[Finding] = ()
    measured: tuple[Measurement, ...] = ()


Judge = Callable[[str, Anatomy, Sequence[Rule], Config], Judged]


def statically(
    path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config, *, beside: Sequence[object] = ()
) -> Judged:
    """What the rules find without a run, in the anatomy and in what else is known beside it."""
    subjects = (anatomy, *beside)
    return Judged(lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence), subjects))


@dataclass(frozen=True, slots=True)
class Seen:
    """A model that was looked at, and its anatomy if it could be."""

    looked: Looked
    anatomy: Anatomy | None = None


def look(
    path: str, config: Config, judge: Judge | None = statically, *, command: str = "check", drawn: bool = False
) -> Seen:
    """Look at one model file with the rules that its settings select, or with none; errors become values, bugs as well.

    With its portrait if it is to be `drawn`.
    """
    config = config.nearest(path)
    if is_remote(path):
        return _look_far(path, config, judge, command, drawn)
    try:
        factory = config.factory(path)
        if factory:
            anatomy, beside, notes = _exported(path, factory, command)
            judge = judge and partial(statically, beside=beside)
        else:
            with bounded(limits_of(config)):
                anatomy = dissected(read(Path(path)))
                notes = tuple(_left_out(anatomy))
        with bounded(Limits() if factory or command != "check" else limits_of(config)):  # a run has limits of its own
            looked = replace(examined(path, anatomy, config.at(path), judge, command=command), notes=notes)
        looked = portrayed(looked, anatomy) if drawn else looked
    except (UnreadableModel, RunFailed, ExportFailed) as problem:
        return Seen(failed(path, problem, config))
    except ReslintError:  # not about this model
        raise
    except Exception:  # a bug keeps its traceback, but hides nothing of the other files and is no finding
        says = UnreadableModel("made reslint fail, as shown above; please report it")
        return Seen(failed(path, says, config, format_exc()))
    return Seen(looked, anatomy)


def _left_out(anatomy: Anatomy) -> Iterator[str]:
    """One line on the merges that were not analysed; nothing for most models."""
    left = [merge for merge in anatomy.merges if not merge.analysed]
    if left:
        one, rest = left[0], f", nor {len(left) - 1} more" if len(left) > 1 else ""
        yield f"{one.op.type} {brief(one.op.id)!r} was {one.reason}{rest}; what stands there is not checked"


def _look_far(address: str, config: Config, judge: Judge | None, command: str, drawn: bool) -> Seen:
    """The same of a remote model, whose address is told without what opens doors."""
    from reslint.remote.read import fetched  # local paths do without

    path = shown(address)
    if command == "run":
        needs = RunFailed("is run only from a file of this machine; download it, with its external data beside it")
        return Seen(failed(path, needs, config))
    try:
        with bounded(limits_of(config)):
            found = fetched(address, config.max_download)
            anatomy = dissected(found.net)
            looked = examined(path, anatomy, config.at(path), judge, command=command)
            looked = portrayed(looked, anatomy) if drawn else looked
        looked = replace(looked, notes=(*found.notes, *found.left(), *_left_out(anatomy)))
    except UnreadableModel as problem:
        return Seen(failed(path, problem, config))
    except ReslintError:
        raise
    except Exception:
        says = UnreadableModel("made reslint fail, as shown above; please report it")
        return Seen(failed(path, says, config, redacted(format_exc())))
    return Seen(looked, anatomy)


def limits_of(config: Config) -> Limits:
    """What the look at one file may take."""
    return Limits(config.limit_seconds, int(config.limit_memory * 1e9))


@contextmanager
def needing_torch() -> Iterator[None]:
    """Import what needs PyTorch; where that is not installed, say how to."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.partition(".")[0] in ("torch", "onnxscript", "onnx_ir"):
            raise ExportFailed(f"needs {missing.name}: pip install 'reslint[torch]'") from missing
        raise


def _exported(path: str, factory: Factory, command: str) -> tuple[Anatomy, tuple[Parameters, ...], tuple[str, ...]]:
    """The anatomy of a PyTorch model, its parameters, and what is to be said on its export."""
    if command == "run":
        raise RunFailed(f"has no file to run; export it first: reslint export {path} -o model.onnx")
    with needing_torch():
        from reslint.export.exported import asked, exported
    made = exported(*asked(factory))
    gc.collect()  # what torch made on the way refers to itself, and the command line has the collector off
    anatomy = dissected(from_proto(made.model, Path(path)))
    return anatomy, (Parameters(anatomy, made.unread),), made.notes


def files(path: str, anatomy: Anatomy | None) -> tuple[str, ...]:
    """The files that a look at a model read, or would have read if they were there."""
    held = (constant for net in (anatomy.net.nets() if anatomy else ()) for constant in net.constants.values())
    names = {name for constant in held for name in locations(constant)}
    return (path, *(str(Path(path).parent / name) for name in sorted(names)))


def failed(path: str, problem: ReslintError, config: Config, trace: str = "") -> Looked:
    """A model that could not be looked at."""
    fails = not (isinstance(problem, NotFetched) and config.at(path).unread == "note")
    return Looked(path, error=str(problem), fails=fails, trace=trace)


def examined(path: str, anatomy: Anatomy, config: Config, judge: Judge | None, *, command: str = "check") -> Looked:
    """What the rules that a configuration selects find in an anatomy."""
    selected = chosen(config, command=command) if judge else ()
    found = judge(path, anatomy, selected, config) if judge else Judged()
    left = allowed(regraded(found.findings, config.severity), config, date.today())
    return Looked(
        path,
        unread=anatomy.net.unread,
        kinds=dict(Counter(str(block.kind) for block in anatomy.blocks)),
        findings=left.findings,
        suppressed=left.suppressed,
        used=left.used,
        rules=tuple(rule.name for rule in selected),
        least=Confidence(config.confidence),
        measured=found.measured,
    )


def portrayed(looked: Looked, anatomy: Anatomy) -> Looked:
    """The same with the portrait that some formats draw."""
    from reslint.report.anatomy.portrait import portrait  # few formats draw one

    return replace(looked, portrait=portrait(anatomy))


def rules(config: Config | None = None) -> tuple[Rule, ...]:
    """All rules that there are: reslint's, and those that a configuration names or an installed package brings.

    Raises BadConfiguration for a rule that is none.
    """
    config = config or Config()
    if not config.options and not homes(config.rules, config.folder, config.file):
        return ALL
    from reslint.own.load import own_rules  # most projects have none

    return (*ALL, *own_rules(config))


_COMMANDS: Mapping[type, str] = {
    **dict.fromkeys((Anatomy, Parameters), "check"),
    **dict.fromkeys((GradientFlow, Initialization, LearningRate, Scaling), "flow"),
}
"""The command that looks at what a rule judges; all else comes from `run`."""


def chosen(config: Config, *, command: str = "check") -> tuple[Rule, ...]:
    """The rules that a configuration selects. Raises UnknownRule where all are other commands': silence would mislead."""
    found = choose(rules(config), config.select, config.ignore, config.profile)
    needed = dict.fromkeys(command for rule in found for command in _commands(rule))
    if config.select and found and command not in needed:
        others = " and ".join(f"reslint {name}" for name in needed)
        raise UnknownRule(f"the selected rules need: {others}")
    return found


def needs(rule: Rule) -> str:
    """The command that a rule's findings come from: `check`, `run` or `flow`."""
    return _COMMANDS.get(rule.subject, "run")


def _commands(rule: Rule) -> Iterator[str]:
    yield needs(rule)
    if rule.proof:
        yield "run"


def refuse_unknown_rules(config: Config, *, command: str = "check") -> None:
    """Raise UnknownRule for any rule that the configuration names for any model, before the first one is looked at."""
    every = rules(config)
    known = {rule.name for rule in every}
    for one in (config, *config.of_models()):
        chosen(one, command=command)
        for name in (*one.severity, *(entry.rule for entry in one.allow)):
            if name not in known:
                said = f"{one.file}: " if one.file.name else ""
                raise UnknownRule(f"{said}{unknown_rule(name, every)}")
