"""Anatomy in, findings out: one file per rule, ALL of them listed here."""

from reslint.rules.activation_after_add import activation_after_add
from reslint.rules.affine_branch import affine_branch
from reslint.rules.baked_dimension import baked_dimension
from reslint.rules.block_error import block_error
from reslint.rules.branch_nonnegative import branch_nonnegative
from reslint.rules.captured_shortcut import captured_shortcut
from reslint.rules.cost_budget import cost_budget
from reslint.rules.costly_shortcut import costly_shortcut
from reslint.rules.dead_branch import dead_branch
from reslint.rules.deep_post_norm import deep_post_norm
from reslint.rules.deepnorm_mismatch import deepnorm_mismatch
from reslint.rules.degenerate_normalization import degenerate_normalization
from reslint.rules.dense_memory import dense_memory
from reslint.rules.depth_limit import depth_limit
from reslint.rules.depth_over_data import depth_over_data
from reslint.rules.depth_over_width import depth_over_width
from reslint.rules.depth_scaling import depth_scaling
from reslint.rules.double_normalization import double_normalization
from reslint.rules.empty_branch import empty_branch
from reslint.rules.excess_depth import excess_depth
from reslint.rules.exploding_gradient import exploding_gradient
from reslint.rules.fusion_blocked import fusion_blocked
from reslint.rules.half_overflow import half_overflow
from reslint.rules.half_precision_norm import half_precision_norm
from reslint.rules.idle_branch import idle_branch
from reslint.rules.inconsistent_epsilon import inconsistent_epsilon
from reslint.rules.inconsistent_normalization import inconsistent_normalization
from reslint.rules.initialization_sensitive import initialization_sensitive
from reslint.rules.latency_budget import latency_budget
from reslint.rules.latency_regression import latency_regression
from reslint.rules.lossy_downsample import lossy_downsample
from reslint.rules.missing_final_norm import missing_final_norm
from reslint.rules.missing_normalization import missing_normalization
from reslint.rules.missing_shortcut import missing_shortcut
from reslint.rules.named_but_plain import named_but_plain
from reslint.rules.narrow_learning_rate import narrow_learning_rate
from reslint.rules.needless_projection import needless_projection
from reslint.rules.nondeterministic_output import nondeterministic_output
from reslint.rules.nonfinite_values import nonfinite_values
from reslint.rules.norm_after_add import norm_after_add
from reslint.rules.odd_block import odd_block
from reslint.rules.one_sided_quantization import one_sided_quantization
from reslint.rules.opset_or_domain_unknown import opset_or_domain_unknown
from reslint.rules.optimizer_divergence import optimizer_divergence
from reslint.rules.plain_depth import plain_depth
from reslint.rules.provider_divergence import provider_divergence
from reslint.rules.provider_fallback import provider_fallback
from reslint.rules.reference_mismatch import reference_mismatch
from reslint.rules.repeated_shortcut import repeated_shortcut
from reslint.rules.rule import Draft, Pass, Rule, Settings, rule
from reslint.rules.shared_weights import shared_weights
from reslint.rules.shortcut_broadcast import shortcut_broadcast
from reslint.rules.shortcut_carries_nothing import shortcut_carries_nothing
from reslint.rules.shortcut_dynamic_mismatch import shortcut_dynamic_mismatch
from reslint.rules.shortcut_layout_mismatch import shortcut_layout_mismatch
from reslint.rules.shortcut_low_precision import shortcut_low_precision
from reslint.rules.shortcut_not_bypassing import shortcut_not_bypassing
from reslint.rules.shortcut_not_identity import shortcut_not_identity
from reslint.rules.shortcut_shape_mismatch import shortcut_shape_mismatch
from reslint.rules.signal_decay import signal_decay
from reslint.rules.signal_growth import signal_growth
from reslint.rules.skeleton_differs import skeleton_differs
from reslint.rules.skip_dynamic_mismatch import skip_dynamic_mismatch
from reslint.rules.stale_shortcut import stale_shortcut
from reslint.rules.stream_narrowed import stream_narrowed
from reslint.rules.training_mode_op import training_mode_op
from reslint.rules.unbounded_depth import unbounded_depth
from reslint.rules.unfused_reparam import unfused_reparam
from reslint.rules.unsafe_epsilon import unsafe_epsilon
from reslint.rules.unused_parameters import unused_parameters
from reslint.rules.vanishing_gradient import vanishing_gradient

ALL: tuple[Rule, ...] = (
    training_mode_op,
    baked_dimension,
    unfused_reparam,
    unused_parameters,
    skeleton_differs,
    opset_or_domain_unknown,
    shortcut_shape_mismatch,
    shortcut_broadcast,
    shortcut_layout_mismatch,
    shortcut_dynamic_mismatch,
    skip_dynamic_mismatch,
    shortcut_not_identity,
    shortcut_low_precision,
    one_sided_quantization,
    missing_shortcut,
    empty_branch,
    repeated_shortcut,
    shortcut_not_bypassing,
    captured_shortcut,
    stale_shortcut,
    odd_block,
    named_but_plain,
    shared_weights,
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
    stream_narrowed,
    deep_post_norm,
    deepnorm_mismatch,
    inconsistent_epsilon,
    depth_limit,
    unbounded_depth,
    depth_over_data,
    depth_over_width,
    plain_depth,
    excess_depth,
    cost_budget,
    costly_shortcut,
    dense_memory,
    fusion_blocked,
    nonfinite_values,
    reference_mismatch,
    optimizer_divergence,
    provider_divergence,
    block_error,
    half_overflow,
    signal_growth,
    signal_decay,
    idle_branch,
    nondeterministic_output,
    vanishing_gradient,
    exploding_gradient,
    shortcut_carries_nothing,
    initialization_sensitive,
    narrow_learning_rate,
    depth_scaling,
    provider_fallback,
    latency_budget,
    latency_regression,
)

__all__ = ["ALL", "Draft", "Pass", "Rule", "Settings", "rule"]
