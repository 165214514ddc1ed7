"""`python -m attnviz train intent-lstm --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "lstm")
