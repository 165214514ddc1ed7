"""How intent-gru was trained: `python -m attnviz train intent-gru --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "gru")
