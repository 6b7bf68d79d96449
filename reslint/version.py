"""The version, and nothing else: it is read where nothing may be imported."""

__version__ = "0.1.0"

OWNER = "OWNER"
"""The account that publishes reslint. Set it with `python docs/owner.py NAME`, which fills in all other places."""

REPOSITORY = f"https://github.com/{OWNER}/reslint"
_SITE = f"https://{OWNER}.github.io/reslint"
PAGES = f"{_SITE}/rules"
"""Where the page of each rule is, by its name."""
SCHEMAS = f"{_SITE}/schemas"
"""Where the JSON schemas are, by the names of their files in docs/schemas."""
