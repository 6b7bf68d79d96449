"""Anatomy in, findings out: one file per rule, ALL of them listed here."""

from reslint.rules.activation_after_add import activation_after_add
from reslint.rules.affine_branch import affine_branch
from reslint.rules.branch_nonnegative import branch_nonnegative
from reslint.rules.dead_branch import dead_branch
from reslint.rules.degenerate_normalization import degenerate_normalization
from reslint.rules.depth_limit import depth_limit
from reslint.rules.double_normalization import double_normalization
from reslint.rules.empty_branch import empty_branch
from reslint.rules.half_precision_norm import half_precision_norm
from reslint.rules.inconsistent_normalization import inconsistent_normalization
from reslint.rules.lossy_downsample import lossy_downsample
from reslint.rules.missing_final_norm import missing_final_norm
from reslint.rules.missing_normalization import missing_normalization
from reslint.rules.missing_shortcut import missing_shortcut
from reslint.rules.needless_projection import needless_projection
from reslint.rules.norm_after_add import norm_after_add
from reslint.rules.repeated_shortcut import repeated_shortcut
from reslint.rules.rule import Draft, Rule, Settings, rule
from reslint.rules.shortcut_broadcast import shortcut_broadcast
from reslint.rules.shortcut_dynamic_mismatch import shortcut_dynamic_mismatch
from reslint.rules.shortcut_layout_mismatch import shortcut_layout_mismatch
from reslint.rules.shortcut_low_precision import shortcut_low_precision
from reslint.rules.shortcut_not_bypassing import shortcut_not_bypassing
from reslint.rules.shortcut_not_identity import shortcut_not_identity
from reslint.rules.shortcut_shape_mismatch import shortcut_shape_mismatch
from reslint.rules.training_mode_op import training_mode_op
from reslint.rules.unbounded_depth import unbounded_depth
from reslint.rules.unsafe_epsilon import unsafe_epsilon

ALL: tuple[Rule, ...] = (
    training_mode_op,
    shortcut_shape_mismatch,
    shortcut_broadcast,
    shortcut_layout_mismatch,
    shortcut_dynamic_mismatch,
    shortcut_not_identity,
    shortcut_low_precision,
    missing_shortcut,
    empty_branch,
    repeated_shortcut,
    shortcut_not_bypassing,
    affine_branch,
    dead_branch,
    branch_nonnegative,
    activation_after_add,
    needless_projection,
    lossy_downsample,
    missing_normalization,
    inconsistent_normalization,
    missing_final_norm,
    norm_after_add,
    unsafe_epsilon,
    half_precision_norm,
    double_normalization,
    degenerate_normalization,
    depth_limit,
    unbounded_depth,
)

__all__ = ["ALL", "Draft", "Rule", "Settings", "rule"]
