"""How long a model and each of its blocks take."""
