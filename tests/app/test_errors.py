"""Every mistake that a reader can make has a sentence in every language, with the facts that it
names."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

import attnviz
from attnviz.app.text import LANGUAGES, text
from attnviz.attention.parameter import Inputs, Option, Unit
from attnviz.error import InputError

ROOT = Path(attnviz.__file__).parent
VARIABLE = re.compile(r"\{\s*\$(\w+)\s*\}")
SIZES = {"B": 1, "H": 4, "G": 4, "T": 7, "S": 7, "K": 8, "E": 8, "D": 32, "C": 7}


def messages(language: str) -> dict[str, set[str]]:
    """Message name to its variables, read from the file as text."""
    source = files("attnviz.app").joinpath("messages", f"{language}.ftl").read_text("utf-8")
    lines = re.findall(r"^([a-zA-Z][\w-]*) = (.*(?:\n[ ]+.*)*)", source, re.MULTILINE)
    return {name: set(VARIABLE.findall(body)) for name, body in lines}


def assigned(function: ast.AST, name: str) -> list[ast.expr]:
    """All that is assigned to a name within a function."""
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            found.append(node.value)
        if isinstance(node, ast.AugAssign) and getattr(node.target, "id", "") == name:
            found.append(node.value)
    return found


def codes(function: ast.AST, said: ast.expr) -> set[str]:
    """The codes that an expression may be: a text, one of two, or what a name was given."""
    match said:
        case ast.Constant(value=str() as code):
            return {code}
        case ast.IfExp(body=yes, orelse=no):
            return codes(function, yes) | codes(function, no)
        case ast.Name(id=name):
            return set().union(*(codes(function, x) for x in assigned(function, name)))
    raise AssertionError(f"not a code: {ast.unparse(said)}")


def facts(function: ast.AST, call: ast.Call) -> set[str]:
    """The names of the facts that a call gives."""
    found = set()
    for keyword in call.keywords:
        if keyword.arg:
            found.add(keyword.arg)
            continue
        assert isinstance(keyword.value, ast.Name), ast.unparse(call)
        for value in assigned(function, keyword.value.id):
            assert isinstance(value, ast.Dict), ast.unparse(value)
            found |= {key.value for key in value.keys if isinstance(key, ast.Constant)}  # type: ignore[misc]
    return found


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """Place, code and facts of every InputError that is made."""
    for file in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        seen: set[int] = set()
        for function in reversed(functions):  # the inner ones after the outer, so these last
            for node in ast.walk(function):
                named = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InputError"
                if not named or id(node) in seen:
                    continue
                assert isinstance(node, ast.Call)
                seen.add(id(node))
                place = f"{file.relative_to(ROOT)}:{node.lineno}"
                for code in codes(function, node.args[0]):
                    yield place, code, facts(function, node)


RAISED = list(raised())


def test_mistakes_are_found_in_every_layer_that_makes_them() -> None:
    places = {place.split("/")[0].split(":")[0] for place, *_ in RAISED}
    assert {"run.py", "model", "attention", "app"} <= places
    assert {"empty", "range", "whole", "where", "variant", "clash"} <= {c for _, c, _ in RAISED}
    count = sum(
        len(re.findall(r"\bInputError\($", line.split("#")[0].rstrip() + "\n"))
        + len(re.findall(r"\bInputError\((?=.)", line))
        for file in ROOT.rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if not line.startswith("class ")
    )
    assert len({place for place, *_ in RAISED}) == count


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mistake_has_a_sentence_and_all_the_facts_it_names(language: str) -> None:
    known = messages(language)
    for place, code, given in RAISED:
        assert f"error-{code}" in known, place
        assert known[f"error-{code}"] <= given, f"{place} gives {given}"
        said = text(language)(f"error-{code}", **dict.fromkeys(given, "x"))
        assert said, place
        assert "{" not in said, place


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_of_a_mistake_that_nobody_makes(language: str) -> None:
    others = {"model", "address", "lesson"}  # of what is no InputError
    expected = {f"error-{code}" for code in {c for _, c, _ in RAISED} | others}
    assert {name for name in messages(language) if name.startswith("error-")} == expected


@pytest.mark.parametrize("unit", [unit for unit in get_args(Unit) if unit])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_unit_has_a_name(unit: str, language: str) -> None:
    assert text(language)(f"unit-{unit}")


def test_every_parameter_out_of_range_is_said_in_every_language() -> None:
    for variant in attnviz.variants().values():
        for name, knob in variant.knobs.items():
            wrong = "no such way" if isinstance(knob, Option) else knob.low - 1
            with pytest.raises(InputError) as caught:
                variant.values(Inputs(SIZES), **{name: wrong})
            for language in LANGUAGES:
                said = text(language)(f"error-{caught.value.code}", **caught.value.facts)
                assert name in said, variant.name
                assert str(wrong) in said, variant.name


def test_a_mistake_is_one_sentence_a_code_and_its_facts() -> None:
    error = InputError("range", "It is too large.", name="alpha", high=2)
    assert isinstance(error, ValueError)
    assert (str(error), error.code) == ("It is too large.", "range")
    assert error.facts == {"name": "alpha", "high": 2}
