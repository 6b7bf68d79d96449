"""`reslint anatomy` shows what reslint sees in models."""

from __future__ import annotations

from reslint.cli.options.anatomy import AnatomyOptions
from reslint.cli.options.declare import command as declared


@declared("anatomy", AnatomyOptions)
def command(options: AnatomyOptions) -> int:
    """Show the residual blocks, stacks, depth and cost of models.

    The formats dot (for graphviz), svg and html (a page in which blocks open) draw the residual skeleton; graphml (for
    networkx, yEd or Gephi) writes it as a graph.
    """
    from reslint.cli.actions.anatomy import anatomy

    return anatomy(options)
