"""How rnn-en-zh was trained: `python -m attnviz train rnn-en-zh --data DIR`."""

from functools import partial

from attnviz.config import ModelConfig
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.translation import Translation

LEARN = partial(Stage, dropout=0.2, paraphrased=0.35)

RECIPE = Recipe(
    name="rnn-en-zh",
    task=Translation(languages=("en", "zh"), teacher="en-zh"),
    data=(
        "As for en-zh: sentences from Tatoeba (tatoeba.org), CC BY 2.0 FR, via ManyThings.org/anki "
        "(cmn-eng.zip), traditional characters converted to simplified ones. DIR holds train.tsv "
        "and dev.tsv; a line is English, Chinese and a credit with tabs between."
    ),
    model=ModelConfig(
        kind="encoder-decoder",
        body="gru",
        d_vocab=6000,
        d_model=256,
        d_mlp=0,
        n_ctx=128,
        n_heads=4,
        n_kv_heads=4,
        n_layers=2,
        position="none",
    ),
    character_coverage=0.9997,
    alpha=0.3,
    label_smoothing=0.1,
    batch_tokens=2400,
    stages=(
        LEARN(steps=4500, warmup=500, cooldown=2400, learning_rate=1.0e-3),
        LEARN(steps=3200, warmup=100, cooldown=2800, learning_rate=9.0e-4),
        LEARN(steps=6000, warmup=200, cooldown=4400, learning_rate=1.0e-3),
    ),
)
