"""The version, and nothing else: it is read where nothing may be imported."""

__version__ = "0.1.0"
