"""Anatomy in, findings out: one file per rule, ALL of them listed here."""

from reslint.rules.rule import Draft, Rule, Settings, rule

ALL: tuple[Rule, ...] = ()

__all__ = ["ALL", "Draft", "Rule", "Settings", "rule"]
