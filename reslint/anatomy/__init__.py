"""Net in, Anatomy out: every residual connection, and what stands around it."""

from reslint.anatomy.anatomy import Anatomy, Stack
from reslint.anatomy.dissect import dissect
from reslint.anatomy.values import (
    Block,
    Cost,
    Depth,
    Kind,
    Merge,
    Paths,
    Placement,
    Role,
    Source,
)

__all__ = [
    "Anatomy",
    "Block",
    "Cost",
    "Depth",
    "Kind",
    "Merge",
    "Paths",
    "Placement",
    "Role",
    "Source",
    "Stack",
    "dissect",
]
