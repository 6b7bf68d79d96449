"""Cost in, findings out for what is over the configured budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reslint.anatomy import Anatomy
from reslint.anatomy.metrics.cost import assumed, costs
from reslint.finding import Confidence, Severity
from reslint.net import Net, Op
from reslint.rules.rule import Draft, Pass, Said, Settings, rule


@rule("cost-budget", "cost", Severity.ERROR, Confidence.PROVEN)
def cost_budget(anatomy: Anatomy, settings: Settings) -> Iterator[Said]:
    """Parameters, MACs or activation memory exceed the configured budget."""
    net, budget = anatomy.net, settings.budget
    if (budget.params, budget.macs, budget.activation_mb) == (None, None, None):
        yield from (Pass(op, net, "no budget is configured") for op in net.ops[-1:])
        return
    cost = costs(net, settings.sizes)
    made = cost.by_op or {}
    left = f" with {', '.join(ones)} taken as 1" if (ones := assumed(net, settings.sizes)) else ""
    advice = "shrink the most expensive layers, or raise [tool.reslint.budget]"
    for name, limit, have, of, where in (
        ("parameters", budget.params, cost.params, "", lambda op: sum(_elements(net, i) for i in op.inputs)),
        ("MACs", budget.macs, cost.macs, left, lambda op: made.get(op.id, 0)),
        ("MB of activations", budget.activation_mb, cost.activation_bytes / 1e6, left, lambda op: _size(net, op)),
    ):
        if limit is not None and have <= limit:
            why = f"{have:,.0f} {name}{of}, within the budget of {limit:,}"
            yield from (Pass(op, net, why) for op in net.ops[-1:])
        elif limit is not None:
            yield Draft(
                _largest(net, where),
                net,
                f"{have:,.0f} {name}{of}, {have / limit:.2g} times the budget of {limit:,}",
                advice,
                {
                    "have": have,
                    "budget": limit,
                    "of": name,
                    "taken_as_1": list(ones),
                    "not_counted": list(cost.unknown),
                },
            )


def _largest(net: Net, where: Callable[[Op], int]) -> Op:
    """The op that adds most, where the finding stands."""
    return max(net.ops, key=where)


def _elements(net: Net, name: str) -> int:
    return net.value(name).size or 0 if name and net.is_constant(name) else 0


def _size(net: Net, op: Op) -> int:
    return max((net.value(o).size or 0 for o in op.outputs if o), default=0)
