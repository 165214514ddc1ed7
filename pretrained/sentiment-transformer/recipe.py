"""How sentiment-transformer was trained: `python -m attnviz train sentiment-transformer --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "transformer")
