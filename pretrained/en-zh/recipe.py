"""How en-zh was trained: `python -m attnviz train en-zh --data DIR`."""

from attnviz.config import ModelConfig
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.translation import Translation

LATER = {"warmup": 1, "dropout": 0.2, "paraphrased": 0.35}
NEEDS = (
    *("bus", "taxi", "airport", "ticket", "hotel", "restaurant", "bathroom", "toilet", "bank"),
    *("hospital", "doctor", "weather", "rain", "tea", "coffee", "water", "cup", "menu"),
    *("how much", "where is", "where's", "excuse me", "would like", "could you", "can you"),
)
PHRASEBOOK = dict.fromkeys(NEEDS, 4) | {"station": 12, "train": 12}

RECIPE = Recipe(
    name="en-zh",
    task=Translation(languages=("en", "zh")),
    data=(
        "Sentences from Tatoeba (tatoeba.org), CC BY 2.0 FR, via ManyThings.org/anki "
        "(cmn-eng.zip), traditional characters converted to simplified ones. DIR holds "
        "train.tsv and dev.tsv; a line is English, Chinese and a credit with tabs between."
    ),
    model=ModelConfig(
        kind="encoder-decoder",
        d_vocab=6000,
        d_model=256,
        d_mlp=1024,
        n_ctx=128,
        n_heads=8,
        n_kv_heads=8,
        n_layers=3,
    ),
    character_coverage=0.9997,
    alpha=0.3,
    label_smoothing=0.1,
    batch_tokens=2400,
    stages=(
        Stage(steps=9000, warmup=500, cooldown=3200, learning_rate=1.0e-3, dropout=0.15),
        Stage(**LATER, steps=3750, cooldown=1, learning_rate=8.0e-4),
        Stage(**LATER, steps=2850, cooldown=2850, learning_rate=5.8e-4, copies=PHRASEBOOK),
    ),
    weight_decay=0.01,
    average=0.999,
    half=False,
)
