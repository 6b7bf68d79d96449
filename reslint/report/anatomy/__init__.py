"""The anatomy of a model as text, JSON and pictures."""
