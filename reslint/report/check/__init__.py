"""Findings as text, JSON, SARIF and the other formats."""
