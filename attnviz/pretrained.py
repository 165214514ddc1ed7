"""A folder on disk -> Bundle(tokenizer, model, card). Nothing is loaded that cannot be trusted.

A folder holds config.json (a ModelConfig), model.safetensors, tokenizer.model and card.md; a
built-in model's also its recipe, its scores and examples.
"""

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnviz.config import ModelConfig
from attnviz.error import LoadError, lacking, misshapen, missing, unexpected
from attnviz.model.protocol import Model, Sizes
from attnviz.model.transformer import Transformer
from attnviz.tokenizer import Tokenizer

CONFIG, WEIGHTS, TOKENIZER, CARD = (
    "config.json",
    "model.safetensors",
    "tokenizer.model",
    "card.md",
)
SCORES = "scores.json"
MAX_NAME = 1024
BUILT_IN = Path(__file__).parent.parent / "pretrained"


@dataclass(frozen=True)
class Bundle:
    """A model ready to run. `name` is its folder's."""

    name: str
    tokenizer: Tokenizer
    model: Model
    card: str

    @property
    def config(self) -> Sizes:
        return self.model.config

    @property
    def labels(self) -> tuple[str, ...]:
        """The names that a classifier gives."""
        return getattr(self.config, "labels", ())

    @property
    def task(self) -> str:
        """What it does with a text; see `task`."""
        return task(self.config, self.tokenizer, self.model.has_logits)

    @property
    def device(self) -> torch.device:
        return self.model.device

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Every parameter and table of the model by its name."""
        return dict(self.model.named_parameters()) | dict(self.model.named_buffers())

    @cached_property
    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())


@dataclass(frozen=True)
class Measured:
    """What a model reaches on held-out texts, by measure (accuracy in percent, BLEU from 0 to 100,
    bits a character, ...), and what other methods reach there, by method and measure."""

    scores: Mapping[str, float] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What is known of a built-in model before its weights are read."""

    name: str
    config: ModelConfig
    task: str
    n_parameters: int
    measured: Measured


def task(config: Sizes, tokenizer: Tokenizer, has_logits: bool = True) -> str:
    """What a model does with a text: "classify", "rebuild", "translate" (or whatever else an
    encoder-decoder was trained for), "write" on, "unmask" hidden tokens, or "encode" alone."""
    if getattr(config, "labels", ()):
        return "classify"
    if config.has_encoder and config.has_decoder:
        return "rebuild" if getattr(config, "n_slots", 0) else "translate"
    if config.has_decoder:
        return "write"
    return "encode" if tokenizer.mask is None or not has_logits else "unmask"


def summary(name: str) -> Summary:
    """About the built-in model `name`. Raises LoadError."""
    folder = models()[name]
    config = _config(folder / CONFIG)
    shapes = _shapes(folder / WEIGHTS).values()
    told = folder / SCORES
    measured = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
    return Summary(
        name,
        config,
        task(config, _tokenizer(folder / TOKENIZER, config)),
        sum(map(math.prod, shapes)),
        Measured(**measured),
    )


def models() -> dict[str, Path]:
    """The built-in models: name to folder."""
    found = sorted(BUILT_IN.glob(f"*/{CONFIG}"))
    return {file.parent.name: file.parent for file in found}


def choose_device(wanted: str | None = None) -> str:
    """`wanted`, or the first there is of cuda, mps, cpu. Raises ValueError where it is missing."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted is None:
        return next(device for device, is_there in there.items() if is_there)
    if not there.get(wanted.partition(":")[0]):
        raise ValueError(f"there is no device {wanted!r} on this machine")
    return wanted


def load(name: str | Path, device: str | None = None) -> Bundle:
    """Load a built-in model by name, or any folder of the same form.

    Raises LoadError: missing file, unknown configuration key, wrong shape, missing or unexpected
    weights, a pickle, a weight that is not finite, or a tokenizer whose size is not d_vocab.
    """
    folder = models().get(str(name), Path(name))
    if len(str(name)) > MAX_NAME or not folder.is_dir():
        short = repr(str(name)[:80])
        message = f"there is no folder {short} here, and no built-in model of that name"
        raise LoadError("no-model", message, name=short)
    for file in (CONFIG, WEIGHTS, TOKENIZER):
        if not (folder / file).is_file():
            raise missing(folder.name, file)
    config = _config(folder / CONFIG)
    tokenizer = _tokenizer(folder / TOKENIZER, config)
    weights = _weights(folder / WEIGHTS, config)
    model = Transformer(config)
    model.load_state_dict(weights)
    _lay_out(model.eval().requires_grad_(False))
    card = folder / CARD
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return Bundle(folder.name, tokenizer, model.to(choose_device(device)), text)


def save(
    folder: Path, model: Transformer, tokenizer: Path, dtype: torch.dtype = torch.float32
) -> None:
    """Write config, weights as `dtype` and a copy of the tokenizer file; `load` reads them back."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(model.config.to_dict(), indent=2)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
    weights = {name: w.cpu().to(dtype).contiguous() for name, w in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    shutil.copyfile(tokenizer, folder / TOKENIZER)


def _config(file: Path) -> ModelConfig:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            message = f"{file.name} cannot be used: it is not a JSON object"
            raise LoadError("config-object", message, file=file.name)
        config = ModelConfig.from_dict(values)
        config.check_shown()
        return config
    except LoadError:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        message = f"{file.name} cannot be used: {error}"
        raise LoadError("config", message, file=file.name, reason=str(error)) from error


def _tokenizer(file: Path, config: ModelConfig) -> Tokenizer:
    try:
        tokenizer = Tokenizer(file)
    except (RuntimeError, OSError) as error:
        message = f"{file.name} is not a SentencePiece model"
        raise LoadError("sentencepiece", message, file=file.name) from error
    if min(tokenizer.start, tokenizer.end, tokenizer.pad) < 0:
        message = f"{file.name} lacks one of the pieces <s>, </s> and <pad>"
        raise LoadError("pieces", message, file=file.name)
    if tokenizer.size != config.d_vocab:
        message = f"the tokenizer has {tokenizer.size} pieces, but the d_vocab is {config.d_vocab}"
        raise LoadError("vocabulary", message, found=tokenizer.size, wanted=config.d_vocab)
    return tokenizer


def _weights(file: Path, config: ModelConfig) -> dict[str, Tensor]:
    """The weights of `file` when every name and shape is as `config` asks; no memory is taken for
    the model before that is known."""
    with torch.device("meta"):
        wanted = Transformer(config).state_dict()
    expected = {name: tuple(value.shape) for name, value in wanted.items()}
    found = _shapes(file)
    if lacks := sorted(expected.keys() - found.keys()):
        raise lacking(file.name, lacks)
    if unknown := sorted(found.keys() - expected.keys()):
        raise unexpected(file.name, unknown)
    for name, shape in expected.items():
        if found[name] != shape:
            raise misshapen(name, found[name], shape)
    weights = load_file(file)
    for name, value in weights.items():
        if not value.isfinite().all():
            raise LoadError("finite", f"{name} holds a number that is not finite", name=name)
    return weights


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights in `file` by name; the weights themselves are not read."""
    try:
        with safe_open(file, "pt") as stored:
            return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
    except SafetensorError as error:
        message = f"{file.name} is not a safetensors file (pickled weights are never opened)"
        raise LoadError("safetensors", message, file=file.name) from error


def _lay_out(model: Transformer) -> None:
    """Put the axis that a product sums over first in memory, for one token's sake: its vector then
    reads each matrix from front to back, and greedy decoding is a fifth faster. Shapes and numbers
    stay."""
    for name, weight in model.named_parameters():
        if weight.ndim > 1 and not name.endswith("W_O"):  # whose summed axes come first anyway
            weight.data = weight.data.transpose(0, 1).contiguous().transpose(0, 1)
