"""What several formats share: places, plain text, labels and pieces of SVG."""
