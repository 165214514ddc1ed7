"""How sentiment-cnn was trained: `python -m attnviz train sentiment-cnn --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "cnn")
