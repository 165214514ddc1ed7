"""The one kind of mistake that is the reader's: a sentence for the command line, a code for a page
that says it in another language."""

from typing import Any


class InputError(ValueError):
    """Something given that cannot be used. The message is one English sentence; `code` names it and
    `facts` are what it mentions, for translation."""

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code, self.facts = code, facts
