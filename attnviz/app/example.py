"""Sentences worth trying: those that a built-in model brings along, written for this app."""

from functools import cache

import attnviz
from attnviz.tokenizer import SPACELESS

FILE = "examples.txt"
"""One sentence a line; the first of each language is where a reader begins."""
ANY = ("The weather is nice today.", "今天天气很好。")
"""For models that are not our own."""


@cache
def of(model: str) -> tuple[str, ...]:
    """The examples of the model `model`."""
    folder = attnviz.models().get(model)
    if folder is None or not (folder / FILE).is_file():
        return ANY
    lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line)


def first(model: str, language: str) -> str:
    """Where a reader of `language` begins: the first sentence in it, else the first there is."""
    chinese = language == "zh"
    return next((s for s in of(model) if bool(SPACELESS.search(s)) == chinese), of(model)[0])


def known(sentence: str) -> bool:
    """Whether it is an example of any model."""
    return sentence in ANY or any(sentence in of(model) for model in attnviz.models())
