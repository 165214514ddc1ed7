"""How intent-lstm was trained: `python -m attnviz train intent-lstm --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "lstm")
