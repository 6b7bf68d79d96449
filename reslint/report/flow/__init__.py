"""Gradient flow as text, JSON and SVG."""
