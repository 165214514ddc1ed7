"""How intent-transformer was trained: `python -m attnviz train intent-transformer --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "transformer")
