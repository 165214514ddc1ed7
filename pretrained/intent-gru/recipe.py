"""`python -m attnviz train intent-gru --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "gru")
