"""How finance-cnn was trained: `python -m attnviz train finance-cnn --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("finance", "cnn")
