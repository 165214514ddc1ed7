"""How finance-gru was trained: `python -m attnviz train finance-gru --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "gru")
