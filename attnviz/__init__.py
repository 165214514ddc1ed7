"""attnviz shows how attention works, number by number.

import attnviz

bundle = attnviz.load("en-zh")
trace = attnviz.run(bundle, "The weather is nice today.")
trace["decoder.2.cross.pattern"].value
"""

from attnviz.attention.catalogue import attend, variants
from attnviz.explain import explain
from attnviz.load import load
from attnviz.model.decision import Decision
from attnviz.pretrained import models
from attnviz.run import run
from attnviz.trace import Trace

__all__ = ["Decision", "Trace", "attend", "explain", "load", "models", "run", "variants"]


def _picture(trace: Trace) -> str | None:
    from attnviz.app.grid import picture  # the drawing layers are loaded when something is drawn

    return picture(trace)


Trace.picture = _picture
