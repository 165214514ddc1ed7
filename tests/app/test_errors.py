"""Every mistake that a reader can make, and every reason why something cannot be opened, has a
sentence in every language, with the facts that it names."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

import attnviz
from attnviz import adapters, pretrained
from attnviz.app.text import LANGUAGES, text
from attnviz.attention.parameter import Inputs, Option, Unit
from attnviz.error import InputError, LoadError, lacking, missing, unexpected

KINDS = {"InputError": "error", "LoadError": "load"}
"""A mistake and how the names of its messages begin."""
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


def facts(function: ast.AST, call: ast.Call) -> dict[str, str]:
    """The names of the facts that a call gives, and {what each is}."""
    found = {}
    for keyword in call.keywords:
        if keyword.arg:
            found[keyword.arg] = filled(keyword.value)
            continue
        assert isinstance(keyword.value, ast.Name), ast.unparse(call)
        for value in assigned(function, keyword.value.id):
            assert isinstance(value, ast.Dict), ast.unparse(value)
            pairs = zip(value.keys, value.values, strict=True)
            found |= {key.value: filled(x) for key, x in pairs if isinstance(key, ast.Constant)}  # type: ignore[misc]
    return found


def filled(fact: ast.expr) -> str:
    """{the name} of what is filled in, which may be given as a text."""
    return "{" + re.sub(r"^str\((.*)\)$", r"\1", ast.unparse(fact)) + "}"


def template(function: ast.AST, said: ast.expr) -> str | None:
    """A sentence with {what is filled in}; None where it is not written in one place."""
    match said:
        case ast.Constant(value=str() as sentence):
            return sentence
        case ast.JoinedStr(values=parts):
            return "".join(
                filled(p.value) if isinstance(p, ast.FormattedValue) else ast.literal_eval(p)
                for p in parts
            )
        case ast.Name(id=name):
            before = [x for x in assigned(function, name) if x.lineno < said.lineno]
            last = max(before, key=lambda x: x.lineno, default=None)
            return last and template(function, last)
    return None


def raised(kind: str) -> Iterator[tuple[str, str, dict[str, str], str | None]]:
    """Place, code, facts and sentence of every mistake of the kind that is made."""
    for file in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        seen: set[int] = set()
        for function in reversed(functions):  # the inner ones after the outer, so these last
            for node in ast.walk(function):
                named = isinstance(node, ast.Call) and getattr(node.func, "id", "") == kind
                if not named or id(node) in seen:
                    continue
                assert isinstance(node, ast.Call)
                seen.add(id(node))
                place = f"{file.relative_to(ROOT)}:{node.lineno}"
                for code in codes(function, node.args[0]):
                    yield place, code, facts(function, node), template(function, node.args[1])


RAISED = {kind: list(raised(kind)) for kind in KINDS}


def test_mistakes_are_found_in_every_layer_that_makes_them() -> None:
    layers = {kind: {re.split("[/:]", place)[0] for place, *_ in RAISED[kind]} for kind in KINDS}
    codes = {kind: {code for _, code, *_ in RAISED[kind]} for kind in KINDS}
    assert {"run.py", "model", "attention", "app"} <= layers["InputError"]
    assert {"pretrained.py", "archive.py", "matrix.py", "adapters", "app"} <= layers["LoadError"]
    assert {"empty", "range", "whole", "where", "variant", "clash"} <= codes["InputError"]
    assert {"shape", "zip-path", "array", "file-array", "own-code"} <= codes["LoadError"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_mistake_is_made_where_it_is_not_found(kind: str) -> None:
    count = sum(
        len(re.findall(rf"\b{kind}\(", line))
        for file in ROOT.rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if not line.startswith("class ") and not line.lstrip().startswith("case ")
    )
    assert len({place for place, *_ in RAISED[kind]}) == count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mistake_has_a_sentence_and_all_the_facts_it_names(kind: str, language: str) -> None:
    known = messages(language)
    for place, code, given, _ in RAISED[kind]:
        name = f"{KINDS[kind]}-{code}"
        assert name in known, place
        assert known[name] <= {*given}, f"{place} gives {given}"
        said = text(language)(name, **dict.fromkeys(given, "x"))
        assert said, place
        assert "{" not in said, place
        assert kind == "InputError" or said[-1] not in ".。", name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_of_a_mistake_that_nobody_makes(kind: str, language: str) -> None:
    others = {"model", "address", "lesson"} if kind == "InputError" else set()
    expected = {f"{KINDS[kind]}-{code}" for code in {c for _, c, *_ in RAISED[kind]} | others}
    prefix = f"{KINDS[kind]}-"
    assert {name for name in messages(language) if name.startswith(prefix)} == expected


def test_the_reasons_of_the_english_page_are_those_of_the_command_line() -> None:
    source = files("attnviz.app").joinpath("messages", "en.ftl").read_text("utf-8")
    lines = dict(re.findall(r"^load-([\w-]+) = (.+)$", source, re.MULTILINE))
    compared = set()
    for place, code, given, sentence in RAISED["LoadError"]:
        if sentence is None or lines[code].endswith("->") or code == "zip-lacks":
            continue  # said in two ways, and tested below
        said = lines[code]
        if code.startswith("file-"):
            said = said.replace("the file", given["name"])
        for name in VARIABLE.findall(said):
            said = said.replace(f"{{ ${name} }}", given[name])
        assert said == sentence, place
        compared.add(code)
    assert len(compared) > 60


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


@pytest.mark.parametrize("n", [1, 5, 6, 9])
def test_the_names_of_weights_are_few_in_every_language(n: int) -> None:
    names = [f"w{i}" for i in range(n)]
    for error in (lacking("a", names), unexpected("a", names)):
        assert text("en").reason(error) == str(error)
        said = text("zh").reason(error)
        assert ("w5" in said) is False
        assert f"{n - 5} 个" in said if n > 5 else "个" not in said
        assert " and " not in said


def test_a_reason_within_a_reason_is_said_in_the_same_language() -> None:
    inner = missing("my_model", "config.json")
    error = LoadError("model", f"a (b): {inner}", folder="a", kind="b", reason=inner)
    assert text("en").reason(error) == r"a (b): my\_model: config\.json is missing"
    assert text("zh").reason(error) == r"a（b）：my\_model 中缺少 config\.json"


def test_several_names_are_listed_as_the_language_does() -> None:
    error = LoadError("zip-lacks", "the zip lacks a and b", names=("a", "b"))
    assert text("en").reason(error) == str(error)
    assert text("zh").reason(error) == "压缩包中缺少 a、b"


@pytest.mark.parametrize("size", [10**40, -(10**400), 1e300, float("inf"), float("nan")])
def test_no_number_is_too_large_to_be_said(size: float) -> None:
    error = LoadError("positions", "", value=size, most=5)
    for language in LANGUAGES:
        assert text(language).reason(error)


def test_a_mistake_and_what_cannot_be_opened_are_told_apart() -> None:
    assert not issubclass(LoadError, InputError)
    assert not issubclass(InputError, LoadError)
    assert pretrained.LoadError is adapters.LoadError is LoadError


@pytest.mark.parametrize("kind", [InputError, LoadError])
def test_a_mistake_is_one_sentence_a_code_and_its_facts(
    kind: type[InputError] | type[LoadError],
) -> None:
    error = kind("range", "It is too large.", name="alpha", high=2)
    assert isinstance(error, ValueError)
    assert (str(error), error.code) == ("It is too large.", "range")
    assert error.facts == {"name": "alpha", "high": 2}
