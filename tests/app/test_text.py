"""Every visible word exists in every language, with the same variables."""

import ast
import re
from importlib.resources import files

import pytest

from attnviz.app.text import LANGUAGES, Text, preferred, text

VARIABLE = re.compile(r"\{\s*\$(\w+)\s*\}")
SOURCES = sorted(files("attnviz.app").rglob("*.py"))  # type: ignore[attr-defined]


def messages(language: str) -> dict[str, set[str]]:
    """Message name to its variables, read from the file as text."""
    source = files("attnviz.app").joinpath("messages", f"{language}.ftl").read_text("utf-8")
    lines = re.findall(r"^([a-zA-Z][\w-]*) = (.*(?:\n[ ]+.*)*)", source, re.MULTILINE)
    return {name: set(VARIABLE.findall(body)) for name, body in lines}


def test_every_language_has_the_same_messages_with_the_same_variables():
    reference = messages("en")
    assert reference
    for language in LANGUAGES:
        assert messages(language) == reference


def test_a_message_that_does_not_exist_is_a_mistake_of_ours():
    with pytest.raises(KeyError, match="no-such-message"):
        text("en")("no-such-message")


def test_a_missing_variable_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="cut-source"):
        text("en")("cut-source")


def test_no_message_stands_twice():
    for language in LANGUAGES:
        names = Text(language).names
        assert len(names) == len(set(names))


def test_every_message_named_in_the_code_exists():
    known = set(Text("en").names)
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id == "text" and node.args:  # type: ignore[union-attr]
                name = node.args[0]  # type: ignore[union-attr]
                if isinstance(name, ast.Constant) and name.value not in LANGUAGES:
                    assert name.value in known, f"{file.name} says {name.value!r}"


def test_no_visible_word_is_written_in_the_code_of_a_page():
    drawn = {"markdown", "caption", "write", "error", "warning", "info", "title", "header", "latex"}
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in drawn and node.args and isinstance(node.args[0], ast.Constant):
                assert not isinstance(node.args[0].value, str), f"{file.name}:{node.lineno}"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh-CN", "zh"), ("zh", "zh"), ("zh-TW", "zh"), ("en-GB", "en"), ("de", "en"), (None, "en")],
)
def test_the_first_language_is_the_browsers_where_we_speak_it(locale, language):
    assert preferred(locale) == language
