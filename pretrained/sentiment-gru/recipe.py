"""How sentiment-gru was trained: `python -m attnviz train sentiment-gru --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "gru")
