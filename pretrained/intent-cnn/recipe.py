"""How intent-cnn was trained: `python -m attnviz train intent-cnn --data DIR`."""

from attnviz.training.classifiers import recipe

RECIPE = recipe("intent", "cnn")
