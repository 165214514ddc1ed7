"""How sentiment-lstm was trained: `python -m attnviz train sentiment-lstm --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "lstm")
