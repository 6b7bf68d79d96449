"""Every graph of every page, through all rules: exactly the stated findings, nothing else."""

from __future__ import annotations

import pytest
from pages import Example, examples, pages

EXAMPLES = tuple(example for page in pages() for example in examples(page))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_page(example: Example) -> None:
    found = {(finding.tensor, finding.rule) for finding in example.findings()}
    assert found == example.expected
