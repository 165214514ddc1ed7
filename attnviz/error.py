"""Mistakes in what somebody gives: a sentence for the command line, a code for a page that says it
in another language."""

from typing import Any


class CodedError(ValueError):
    """What cannot be done. The message is one English sentence; `code` names it and `facts` are
    what it mentions, for translation."""

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code, self.facts = code, facts


class InputError(CodedError):
    """Something given that cannot be used."""


class LoadError(CodedError):
    """A model or a file that cannot be opened or trusted. A fact may also be the LoadError that is
    the reason, or a tuple of names."""


def missing(folder: str, file: str) -> LoadError:
    """The mistake of a folder without one of its files."""
    return LoadError("missing-file", f"{folder}: {file} is missing", folder=folder, file=file)


def lacking(place: str, lacks: list[str]) -> LoadError:
    """The mistake of a file or folder `place` that has not all weights."""
    names, more = _few(lacks)
    message = f"{place} lacks the weights {_listed(names, more)}"
    return LoadError("weights-missing", message, file=place, names=names, more=more)


def unexpected(file: str, weights: list[str]) -> LoadError:
    """The mistake of a file that has more weights than the model."""
    names, more = _few(weights)
    message = f"{file} has weights the model does not know: {_listed(names, more)}"
    return LoadError("weights-unknown", message, file=file, names=names, more=more)


def misshapen(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> LoadError:
    """The mistake of a weight of another shape."""
    message = f"{name} has shape {found}, but the model needs {wanted}"
    return LoadError("shape", message, name=name, found=str(found), wanted=str(wanted))


def _few(names: list[str], most: int = 5) -> tuple[str, int]:
    """The first few of `names`, and how many more there are."""
    return ", ".join(names[:most]), max(0, len(names) - most)


def _listed(names: str, more: int) -> str:
    """What `_few` has found, in words."""
    return f"{names} and {more} more" if more else names
