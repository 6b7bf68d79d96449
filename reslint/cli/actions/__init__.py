"""What each command does, in modules of the same name; they import onnx and the rest only when a command runs."""
