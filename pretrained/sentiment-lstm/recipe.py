"""`python -m attnviz train sentiment-lstm --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "lstm")
