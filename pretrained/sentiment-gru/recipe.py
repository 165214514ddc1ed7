"""`python -m attnviz train sentiment-gru --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "gru")
