"""Builders that the tests share: tiny random models, a tiny tokenizer, the built-in model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import settings

import attnviz
from attnviz import pretrained
from attnviz.config import ModelConfig
from attnviz.model.decision import Decision
from attnviz.model.embedding import sinusoid
from attnviz.model.transformer import Transformer
from attnviz.textbook import Lesson, Scoring
from attnviz.tokenizer import Tokenizer
from attnviz.trace import Trace
from attnviz.training.corpus import Pair
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.language import Language
from attnviz.training.tasks.masking import Masking
from attnviz.training.tasks.translation import Translation
from attnviz.training.vocabulary import train_tokenizer

torch.set_num_threads(1)
settings.register_profile("attnviz", deadline=None, derandomize=True)
settings.load_profile("attnviz")

D_VOCAB = 321

MakeConfig = Callable[..., ModelConfig]
MakeModel = Callable[..., Transformer]


def make_config(**changes: Any) -> ModelConfig:
    sizes: dict[str, Any] = {
        "kind": "encoder-decoder",
        "d_vocab": 31,
        "d_model": 12,
        "d_mlp": 20,
        "n_ctx": 17,
        "n_heads": 3,
        "n_kv_heads": 3,
        "n_layers": 2,
    }
    return ModelConfig(**(sizes | changes))


def make_model(seed: int = 0, **changes: Any) -> Transformer:
    """A random model in float64 whose every bias and gain is random too, in evaluation mode."""
    torch.manual_seed(seed)
    model = Transformer(make_config(**changes)).double().eval()
    if model.config.position == "sinusoidal":
        positions = model.embed.positions
        assert positions is not None
        positions.copy_(sinusoid(*positions.shape, dtype=torch.float64))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@pytest.fixture(scope="session", name="make_config")
def _make_config() -> MakeConfig:
    return make_config


@pytest.fixture(scope="session", name="make_model")
def _make_model() -> MakeModel:
    return make_model


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    """A few dozen made-up English and Chinese sentences; no two are the same."""
    who = [("I", "我"), ("We", "我们"), ("They", "他们"), ("My sister", "我姐姐")]
    do = [("read", "读"), ("buy", "买"), ("like", "喜欢"), ("forget", "忘记")]
    what = [("books", "书"), ("green tea", "绿茶"), ("the red apples", "红苹果")]
    what += [("fresh bread", "新鲜面包")]
    return [
        (f"{a} {b} {c}, today.", f"今天，{x}{y}{z}。")
        for a, x in who
        for b, y in do
        for c, z in what
    ]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """A recipe small enough to be trained in a test."""
    return Recipe(
        name="tiny",
        task=Translation(languages=("en", "zh")),
        data="made up",
        model=make_config(d_vocab=D_VOCAB, n_ctx=40, d_model=24, d_mlp=32),
        character_coverage=1.0,
        alpha=0.3,
        label_smoothing=0.1,
        batch_tokens=600,
        stages=(
            Stage(steps=8, warmup=2, cooldown=3, learning_rate=3e-3, dropout=0.1),
            Stage(steps=6, warmup=1, cooldown=4, learning_rate=2e-3, dropout=0.2, paraphrased=0.5),
        ),
        weight_decay=0.01,
        average=0.9,
        seed=7,
    )


@pytest.fixture(scope="session")
def tokenizer_file(
    pairs: list[Pair], recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    train_tokenizer([text for pair in pairs for text in pair], recipe, file)
    return file


@pytest.fixture(scope="session")
def tokenizer(tokenizer_file: Path) -> Tokenizer:
    return Tokenizer(tokenizer_file)


@pytest.fixture(scope="session")
def texts(pairs: list[Pair]) -> list[str]:
    """Both sides of the pairs, and a few words more."""
    return [*(text for pair in pairs for text in pair), *["The dog is under our old table!"] * 9]


@pytest.fixture(scope="session")
def masking_file(
    texts: list[str], recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The file of a tokenizer that has <mask>, and no directions."""
    file = tmp_path_factory.mktemp("masking") / "tokenizer.model"
    train_tokenizer(texts, replace(recipe, task=Masking()), file)
    return file


@pytest.fixture(scope="session")
def folded_file(texts: list[str], recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a tokenizer that reads capital letters as small ones, and has no directions."""
    file = tmp_path_factory.mktemp("folded") / "tokenizer.model"
    train_tokenizer(texts, replace(recipe, task=Language(), folded=True), file)
    return file


@pytest.fixture(scope="session")
def make_bundle(
    tokenizer_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., pretrained.Bundle]:
    """Bundles of random tiny models, written to a folder and loaded from it."""

    def make(tokenizer: Path = tokenizer_file, **changes: Any) -> pretrained.Bundle:
        folder = tmp_path_factory.mktemp("model") / "tiny"
        model = make_model(d_vocab=D_VOCAB, **changes).float()
        pretrained.save(folder, model, tokenizer)
        return pretrained.load(folder, "cpu")

    return make


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., pretrained.Bundle]) -> pretrained.Bundle:
    return make_bundle()


LESSON = Lesson(
    x=((1.0, -0.5, 0.3), (0.2, 1.5, -0.7), (0.9, 0.4, 1.1), (-1.2, 0.6, 0.8)),
    q=(1.0, 0.5, -0.25),
    W_E=((1.0, 0.5, 0.3), (-0.5, 1.0, 0.2), (0.7, -0.9, 1.3)),
    b_E=(0.1, -0.1, 0.25),
    W_Q=((2.0, 0.4, -0.3), (0.6, 1.0, 0.9), (-0.8, 0.15, 1.2)),
    b_Q=(0.05, 0.2, -0.35),
    W_C=((1.0, -1.0, 0.45), (-0.55, 1.0, 0.65)),
    b_C=(0.3, -0.4),
    M=((1.0, 0.35, -0.6), (0.75, -1.1, 0.12), (0.22, 0.95, 1.4)),
    v=(1.0, -0.65, 0.85),
)
WALKS: dict[str, dict[str, Any]] = {
    "encoder-decoder": {"d_model": 24, "n_heads": 6, "n_kv_heads": 2},
    "decoder-only": {"kind": "decoder-only", "norm": "rms", "activation": "gelu"},
    "encoder-only": {"kind": "encoder-only", "position": "learned", "norm_place": "post"},
    "dot": {},
    "scaled_dot": {"activation": "relu"},
    "additive": {"bias": False},
    "bilinear": {"activation": "none"},
}
"""The choices of three models, with every norm, place, position and activation, and of a lesson for
each scoring."""


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    """A lesson of four tokens of width three, whose matrices are neither diagonal nor symmetric."""
    return LESSON


@pytest.fixture(scope="session", params=list(WALKS))
def walk(request: pytest.FixtureRequest, make_bundle: Callable[..., pretrained.Bundle]) -> Trace:
    """One of all that can be walked through, in float64."""
    choices = WALKS[request.param]
    if request.param in get_args(Scoring):
        return replace(LESSON, scoring=request.param, **choices).run()
    torch.set_default_dtype(torch.float64)
    try:
        bundle = make_bundle(n_ctx=40, **choices)
    finally:
        torch.set_default_dtype(torch.float32)
    target = "我喜欢绿茶" if "kind" not in choices else None
    decision = Decision(temperature=0.7, top_k=9, top_p=0.8)
    return attnviz.run(bundle, "I like green tea", target, to="zh", decision=decision)


@pytest.fixture(scope="session")
def en_zh() -> pretrained.Bundle:
    """The built-in English-Chinese model."""
    if not (pretrained.BUILT_IN / "en-zh" / pretrained.WEIGHTS).is_file():
        pytest.skip("pretrained/en-zh/model.safetensors is absent")
    return pretrained.load("en-zh", "cpu")
