"""How finance-transformer was trained: `python -m attnviz train finance-transformer --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "transformer")
