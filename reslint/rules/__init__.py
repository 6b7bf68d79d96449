"""Anatomy in, findings out: one file per rule, ALL of them listed here."""

from reslint.rules.activation_after_add import activation_after_add
from reslint.rules.affine_branch import affine_branch
from reslint.rules.branch_nonnegative import branch_nonnegative
from reslint.rules.dead_branch import dead_branch
from reslint.rules.empty_branch import empty_branch
from reslint.rules.lossy_downsample import lossy_downsample
from reslint.rules.needless_projection import needless_projection
from reslint.rules.repeated_shortcut import repeated_shortcut
from reslint.rules.rule import Draft, Rule, Settings, rule
from reslint.rules.shortcut_broadcast import shortcut_broadcast
from reslint.rules.shortcut_dynamic_mismatch import shortcut_dynamic_mismatch
from reslint.rules.shortcut_layout_mismatch import shortcut_layout_mismatch
from reslint.rules.shortcut_low_precision import shortcut_low_precision
from reslint.rules.shortcut_not_bypassing import shortcut_not_bypassing
from reslint.rules.shortcut_not_identity import shortcut_not_identity
from reslint.rules.shortcut_shape_mismatch import shortcut_shape_mismatch

ALL: tuple[Rule, ...] = (
    shortcut_shape_mismatch,
    shortcut_broadcast,
    shortcut_layout_mismatch,
    shortcut_dynamic_mismatch,
    shortcut_not_identity,
    shortcut_low_precision,
    empty_branch,
    repeated_shortcut,
    shortcut_not_bypassing,
    affine_branch,
    dead_branch,
    branch_nonnegative,
    activation_after_add,
    needless_projection,
    lossy_downsample,
)

__all__ = ["ALL", "Draft", "Rule", "Settings", "rule"]
