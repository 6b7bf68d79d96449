"""The parameters of a PyTorch module in, those that the graph exported from it never reads out."""

from __future__ import annotations

from collections.abc import Iterator

from reslint.anatomy.views.source import module_of
from reslint.finding import Confidence, Severity
from reslint.measure import Parameters, Unread
from reslint.net import Net, Op
from reslint.rules.rule import Draft, Settings, rule

_NAMED = 4


@rule("unused-parameters", "file", Severity.WARNING, Confidence.PROVEN)
def unused_parameters(parameters: Parameters, settings: Settings) -> Iterator[Draft]:
    """Parameters of a PyTorch module never reach the output."""
    net = parameters.anatomy.net
    for part in parameters.unread:
        op = _near(net, part.module)
        if op is None:
            continue
        yield Draft(
            op,
            net,
            message=f"{part.elements} parameters of {part.module or 'the model'} never reach the output: {_why(part)}",
            help=(
                "use its result, or remove it from the module"
                if part.called
                else "call it in forward or remove it from the module; freeze parameters that should not be learned"
            ),
            evidence={
                "parameters": list(part.parameters),
                "elements": part.elements,
                "class": part.kind,
                "called": part.called,
            },
            lines=(("class", part.kind), ("unread", _listed(part.parameters))),
            severity=None if part.called else Severity.NOTE,
            module=part.module,
            source=part.source,
        )


def _why(part: Unread) -> str:
    return "it is called, but its result is not used" if part.called else "nothing reads them"


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])}{f' and {more} more' if more > 0 else ''}"


def _near(net: Net, module: str) -> Op | None:
    """The last op of the innermost module around one that has ops: there its result is missed."""
    paths = [(module_of(op) or "", op) for op in net.ops]
    while module:
        module = module.rpartition(".")[0]
        inside = [op for path, op in paths if not module or path == module or path.startswith(f"{module}.")]
        if inside:
            return inside[-1]
    return paths[-1][1] if paths else None
