"""What is measured along the streams of a model: the signal, the first NaN, sensitivity."""
