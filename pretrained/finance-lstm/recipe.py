"""How finance-lstm was trained: `python -m attnviz train finance-lstm --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "lstm")
