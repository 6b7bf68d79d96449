"""Options in, gradients measured, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from traceback import format_exc

import click

from reslint import api
from reslint.anatomy import Anatomy
from reslint.cli.actions.check import reported
from reslint.cli.inputs.look import tell_failed
from reslint.cli.inputs.overwriting import spare
from reslint.cli.options.flow import FlowOptions
from reslint.config import Config
from reslint.errors import ExportFailed, UnreadableModel
from reslint.export.spec import Spec, spec
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import GradientFlow
from reslint.result import Looked
from reslint.rules import Rule
from reslint.settings import Factory


def flow(options: FlowOptions, start: float) -> int:
    """Measure all modules, report with the seconds since `start`, and say how it went."""
    paths = options.paths or options.configuration.named()
    if not paths:
        raise click.UsageError("no model is named: give module:factory, such as mypkg.models:build")
    api.refuse_unknown_rules(options.configuration, command="flow")
    spare(options.written, paths)
    own = Factory("", options.input, options.kwargs)
    specs = {path: _spec((options.configuration.factory(path) or Factory(path)).under(own)) for path in paths}
    return reported(_looks(specs, options, range(options.seeds)), options, start)


def _spec(factory: Factory) -> Spec:
    return spec(factory.target, factory.inputs, factory.kwargs, fake=factory.fake, folder=factory.folder)


def _looks(specs: Mapping[str, Spec], options: FlowOptions, seeds: Sequence[int]) -> Iterator[Looked]:
    for path, what in specs.items():
        looked = _looked(path, what, options, seeds)
        if looked.error:
            tell_failed(looked, options)
        yield looked


def _looked(path: str, what: Spec, options: FlowOptions, seeds: Sequence[int]) -> Looked:
    """One module; errors become values, bugs as well."""
    config = options.configuration
    try:
        with api.needing_torch():
            from reslint.export.gradients import gradient_flow
        measured = gradient_flow(what, seeds)
        looked = api.examined(path, measured.anatomy, config.at(path), _judge(measured), command="flow")
        return api.portrayed(looked, measured.anatomy) if options.drawn else looked
    except (ExportFailed, UnreadableModel) as problem:
        return api.failed(path, problem, config)
    except Exception:  # a bug keeps its traceback, but hides nothing of the other models and is no finding
        says = UnreadableModel("made reslint itself fail, as shown above; please report it")
        return api.failed(path, says, config, format_exc())


def _judge(measured: GradientFlow) -> api.Judge:
    """What the rules say on one measurement."""

    def judged(path: str, anatomy: Anatomy, rules: Sequence[Rule], config: Config) -> api.Judged:
        found = lint(anatomy, rules, config.settings(path), path, Confidence(config.confidence), (measured,))
        return api.Judged(tuple(found), (measured,))

    return judged
