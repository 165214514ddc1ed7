"""The built-in classifiers: one task, four bodies that differ in nothing but how they encode."""

from attnviz.config import Body, ModelConfig
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.classification import Classification

TASKS = {
    "intent": Classification(train="banking77_train.csv", test="banking77_test.csv"),
    "sentiment": Classification(
        train="nltk_sentence_polarity.zip",
        test="nltk_sentence_polarity.zip",
        names={"pos": "positive", "neg": "negative"},
    ),
    "finance": Classification(
        train="twitter_fin_sent_train.csv",
        test="twitter_fin_sent_valid.csv",
        names={"0": "bearish", "1": "bullish", "2": "neutral"},
    ),
}
DATA = {
    "intent": "Banking77 (PolyAI, github.com/PolyAI-LDN/task-specific-datasets, CC BY 4.0). DIR "
    "holds banking77_train.csv and banking77_test.csv: text,category.",
    "sentiment": "Sentence polarity 1.0 (Pang and Lee 2005, CC BY 4.0). DIR holds "
    "nltk_sentence_polarity.zip with rt-polarity.pos and rt-polarity.neg, one text a line.",
    "finance": "Financial news tweets (huggingface.co/datasets/zeroshot/"
    "twitter-financial-news-sentiment). DIR holds twitter_fin_sent_train.csv and "
    "twitter_fin_sent_valid.csv: text,label.",
}
LAYERS = {"lstm": 1, "gru": 1, "cnn": 2, "transformer": 2}
STEPS = {"intent": 1600, "sentiment": 700, "finance": 700}


def recipe(task: str, body: Body) -> Recipe:
    """The recipe of the classifier `task`-`body`."""
    steps, attends = STEPS[task], body == "transformer"
    return Recipe(
        name=f"{task}-{body}",
        task=TASKS[task],
        data=DATA[task],
        model=ModelConfig(
            kind="encoder-only",
            body=body,
            d_vocab=2000 if task == "intent" else 6000,
            d_model=128,
            d_mlp=256 if attends else 0,
            n_ctx=128,
            n_heads=4,
            n_kv_heads=4,
            n_layers=LAYERS[body],
            n_slots=1,
            position="learned" if attends else "none",
        ),
        character_coverage=1.0,
        folded=True,
        alpha=0.2,
        label_smoothing=0.1,
        batch_tokens=2400,
        stages=(
            Stage(steps=steps, warmup=100, cooldown=steps // 2, learning_rate=2e-3, dropout=0.4),
        ),
        weight_decay=0.1,
        average=0.995,
    )
