"""`python -m attnviz train intent-cnn --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "cnn")
