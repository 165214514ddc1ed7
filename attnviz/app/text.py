"""Every visible word, in every language the app speaks.

Messages are Fluent files (projectfluent.org), one a language, in `messages/`. A name that a
catalogue does not have is a mistake of ours and raises KeyError.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax import ast

from attnviz.error import CodedError, InputError, LoadError

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "简体中文"}
_LOCALES = {"en": "en-GB", "zh": "zh-CN"}
_LARGE = 10**15


class Text:
    """The messages of one language: `text("cut", n=12)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        source = files("attnviz.app").joinpath("messages", f"{language}.ftl")
        resource = FluentResource(source.read_text(encoding="utf-8"))
        self._bundle = FluentBundle([_LOCALES[language]], use_isolating=False)
        self._bundle.add_resource(resource)
        self.names = tuple(e.id.name for e in resource.body if isinstance(e, ast.Message))
        self._known = frozenset(self.names)

    def __call__(self, name: str, /, **values: Any) -> str:
        """The message `name` with its variables filled in. Raises KeyError, ValueError."""
        if name not in self:
            raise KeyError(f"{self.language}.ftl has no message {name!r}")
        pattern = self._bundle.get_message(name).value
        assert pattern is not None, f"message {name!r} is empty"
        found, errors = self._bundle.format_pattern(pattern, values)
        if errors:
            raise ValueError(f"message {name!r}: {errors[0]}")
        return str(found)

    def mistake(self, error: InputError) -> str:
        """The mistake as one sentence, for Markdown."""
        return self._coded("error", error)

    def reason(self, error: LoadError) -> str:
        """Why something cannot be opened, without a full stop, for Markdown."""
        return self._coded("load", error)

    def _coded(self, prefix: str, error: CodedError) -> str:
        facts = {name: self._fact(fact) for name, fact in error.facts.items()}
        return self(f"{prefix}-{error.code}", **facts)

    def _fact(self, fact: object) -> object:
        if isinstance(fact, LoadError):
            return self.reason(fact)
        if isinstance(fact, tuple):
            return self("and").join(str(plain(name)) for name in fact)
        return plain(fact)

    def __contains__(self, name: str) -> bool:
        """Whether the catalogue has the message `name`."""
        return name in self._known

    def group(self, prefix: str) -> dict[str, str]:
        """All messages "prefix-name" as {name: text}, for a figure or a component."""
        start = f"{prefix}-"
        return {n.removeprefix(start): self(n) for n in self.names if n.startswith(start)}


@cache
def text(language: str) -> Text:
    """The catalogue of `language`, read once."""
    return Text(language)


def preferred(locale: str | None) -> str:
    """The app's language for a browser's locale ("zh-CN")."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"


def plain(said: object) -> object:
    """What a reader or a link gave, fit to stand in a sentence: Markdown in it has no meaning, and
    it is not long. Numbers stay numbers, but for those so large that Fluent cannot write them."""
    if isinstance(said, int | float) and abs(said) >= _LARGE:
        said = str(said)
    if not isinstance(said, str):
        return said
    short = said if len(said) <= 300 else said[:300] + "…"
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|$:~&])", r"\\\1", short)


def verbatim(label: str) -> str:
    """`label` fit to stand between backticks in Markdown, where nothing else has a meaning."""
    return label.replace("`", "ˋ")
