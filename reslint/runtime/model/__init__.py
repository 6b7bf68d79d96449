"""The model as ONNX Runtime gets it: small, with taps, marks, made-up weights or noise."""
