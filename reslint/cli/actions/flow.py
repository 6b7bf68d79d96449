"""Options in, gradients measured, a report written and the exit status out; apart from its command, since this needs onnx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from traceback import format_exc

import click

from reslint import api
from reslint.anatomy import Anatomy
from reslint.cli.actions.check import reported
from reslint.cli.inputs.look import draws, tell_failed
from reslint.cli.inputs.overwriting import spare
from reslint.cli.options import Options
from reslint.config import Config
from reslint.errors import ExportFailed, UnreadableModel
from reslint.export.spec import Spec, spec
from reslint.finding import Confidence
from reslint.lint import lint
from reslint.measure import GradientFlow
from reslint.result import Looked
from reslint.rules import Rule
from reslint.settings import Factory

_STYLES = {"json": "flow_json", "svg": "flow_svg"}  # formats of this command's own


def flow(options: Options, asked: Mapping[str, object], start: float) -> int:
    """Measure all modules, report with the seconds since `start`, and say how it went."""
    paths = options.paths or options.config.named()
    if not paths:
        raise click.UsageError("no model is named: give module:factory, such as mypkg.models:build")
    api.refuse_unknown_rules(options.config, command="flow")
    inputs, seeds, plot = asked["inputs"], asked["seeds"], asked["plot"]
    spare((*options.written, *((("--plot", plot),) if isinstance(plot, str) else ())), paths)
    own = Factory("", tuple(map(str, inputs)) if isinstance(inputs, tuple) else (), str(asked["kwargs"]))
    specs = {path: _spec((options.config.factory(path) or Factory(path)).under(own)) for path in paths}
    written = replace(
        options,
        style=_STYLES.get(options.style, options.style),
        reports=(("flow_svg", plot),) if isinstance(plot, str) else (),
    )
    return reported(_looks(specs, options, range(seeds if isinstance(seeds, int) else 1)), written, start)


def _spec(factory: Factory) -> Spec:
    return spec(factory.target, factory.inputs, factory.kwargs, fake=factory.fake, folder=factory.folder)


def _looks(specs: Mapping[str, Spec], options: Options, seeds: Sequence[int]) -> Iterator[Looked]:
    for path, what in specs.items():
        looked = _looked(path, what, options, seeds)
        if looked.error:
            tell_failed(looked, options)
        yield looked


def _looked(path: str, what: Spec, options: Options, seeds: Sequence[int]) -> Looked:
    """One module; errors become values, bugs as well."""
    config = options.config
    try:
        with api.needing_torch():
            from reslint.export.gradients import gradient_flow
        measured = gradient_flow(what, seeds)
        looked = api.examined(path, measured.anatomy, config.at(path), _judge(measured), command="flow")
        return api.portrayed(looked, measured.anatomy) if draws(options) else looked
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
