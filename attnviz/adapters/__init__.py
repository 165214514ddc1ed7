"""Other people's models, through `transformers`, as the same Bundle and Trace.

`transformers` is imported when a model is loaded, never before; the network is used only for a hub
id that was asked for.
"""

from attnviz.adapters.checkpoint import load
from attnviz.adapters.folder import foreign
from attnviz.pretrained import LoadError

__all__ = ["LoadError", "foreign", "load"]
