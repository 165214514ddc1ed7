"""`python -m attnviz train finance-lstm --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "lstm")
