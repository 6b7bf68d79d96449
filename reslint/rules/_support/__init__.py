"""What several rules share: words, terms of a sum, edits."""
