"""Addresses in, nets out: model files in object stores and behind HTTP, of which only the structure is read.

`address` and nothing else is imported for local paths.
"""
