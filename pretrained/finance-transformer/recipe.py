"""`python -m attnviz train finance-transformer --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "transformer")
