"""`python -m attnviz train sentiment-cnn --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("sentiment", "cnn")
