"""`python -m attnviz train sentiment-transformer --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "transformer")
