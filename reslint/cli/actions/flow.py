"""Options in, gradients measured, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from traceback import format_exc

import click

from reslint import look
from reslint.anatomy import Anatomy
from reslint.cli.actions.check import reported
from reslint.cli.inputs.look import tell_failed
from reslint.cli.inputs.overwriting import spare
from reslint.cli.options.flow import FlowOptions
from reslint.cli.output.phases import Say, phases
from reslint.config import Config
from reslint.errors import ExportFailed, UnreadableModel
from reslint.export.spec import Spec, spec
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import Measurement
from reslint.result import Looked
from reslint.rules import Rule
from reslint.settings import Factory


def flow(options: FlowOptions, start: float) -> int:
    """Measure all modules, report with the seconds since `start`, and say how it went."""
    paths = options.paths or options.configuration.named()
    if not paths:
        raise click.UsageError("no model given: name module:factory, such as mypkg.models:build")
    if "scaling" in options.only and not options.scale:
        raise click.UsageError("--only scaling needs --scale, such as --scale depth=6,12,24")
    look.refuse_unknown_rules(options.configuration, command="flow")
    spare(options.written, paths)
    own = Factory("", options.input, options.kwargs)
    specs = {path: _spec((options.configuration.factory(path) or Factory(path)).under(own)) for path in paths}
    with phases(paths, options.quiet) as say:
        looks = tuple(_looks(specs, options, say))
    return reported(looks, options, start)


def _spec(factory: Factory) -> Spec:
    return spec(factory.target, factory.inputs, factory.kwargs, fake=factory.fake, folder=factory.folder)


def _looks(specs: Mapping[str, Spec], options: FlowOptions, say: Say) -> Iterator[Looked]:
    for path, what in specs.items():
        looked = _looked(path, what, options, partial(say, path))
        if looked.error:
            tell_failed(looked, options)
        yield looked


def _looked(path: str, what: Spec, options: FlowOptions, say: Callable[[str], None]) -> Looked:
    """One module; errors become values, bugs as well."""
    config = options.configuration
    try:
        with look.needing_torch():
            from reslint.export.data import Data
            from reslint.export.flow import Asked, measured
        data = Data(options.data, options.loss)
        asked = Asked(range(options.seeds), options.only, options.budget, options.scales, data)
        found = measured(what, asked, say)
        anatomy = found[0].anatomy
        looked = look.examined(path, anatomy, config.at(path), _judge(found), command="flow")
        return look.portrayed(looked, anatomy) if options.drawn else looked
    except (ExportFailed, UnreadableModel) as problem:
        return look.failed(path, problem, config)
    except Exception:  # a bug keeps its traceback, but hides nothing of the other models and is no finding
        says = UnreadableModel("made reslint fail, as shown above; please report it")
        return look.failed(path, says, config, format_exc())


def _judge(measured: Sequence[Measurement]) -> look.Judge:
    """What the rules say on what was measured."""

    def judged(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> look.Judged:
        found = lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence), measured)
        return look.Judged(tuple(found), tuple(measured))

    return judged
