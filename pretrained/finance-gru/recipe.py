"""`python -m attnviz train finance-gru --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "gru")
