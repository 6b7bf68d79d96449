"""The graph of blocks and streams of each model, as one GraphML document."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
from networkx.readwrite.graphml import GraphMLWriter

from reslint.report.common.plain import plain
from reslint.result import Dissected


def render(models: Iterable[Dissected]) -> str:
    """A graph for each model that could be read; what GraphML has no type for is text, what is unknown is left out."""
    writer = GraphMLWriter(prettyprint=True)
    for model in models:
        if model.anatomy:
            writer.add_graph_element(_written(model.anatomy.graph()))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{writer}\n'


def _written(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    """The same graph with attributes that GraphML can hold."""
    found: nx.DiGraph[str] = nx.DiGraph()
    found.graph.update(_flat(graph.graph))
    found.add_nodes_from((plain(name), _flat(told)) for name, told in graph.nodes(data=True))
    found.add_edges_from((plain(a), plain(b), _flat(told)) for a, b, told in graph.edges(data=True))
    return found


def _flat(told: dict[str, object]) -> dict[str, object]:
    return {name: _text(value) for name, value in told.items() if value is not None}


def _text(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, tuple):
        return ",".join("?" if item is None else plain(str(item)) for item in value)
    return plain(str(value))
