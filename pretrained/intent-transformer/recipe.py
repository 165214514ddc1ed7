"""`python -m attnviz train intent-transformer --data DIR` trains it."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "transformer")
