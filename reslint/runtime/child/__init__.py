"""What runs in the child process, the only one that imports onnxruntime."""
