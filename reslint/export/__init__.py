"""A PyTorch factory, or a saved program, in; an ONNX model with source locations out. The only package that imports torch."""
