"""The difference of two models as text, JSON and Markdown."""
