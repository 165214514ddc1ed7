"""`python -m attnviz train finance-cnn --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "cnn")
