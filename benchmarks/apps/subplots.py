"""The same heads as Explore shows, each a Plotly heatmap in one figure of subplots."""

import streamlit as st
from plotly import graph_objects as go
from plotly.subplots import make_subplots

from attnviz.analysis.block import blocks, stack
from attnviz.app import session

sentence = st.text_input("sentence", key="text", value="Hello.")
target = st.query_params.get("target", "")
trace = session.trace(session.Request("en-zh", sentence, target, "zh"))
heads = [head for block in blocks(trace) for layer in stack(trace, block) for head in layer]
columns = 8
figure = make_subplots(rows=len(heads) // columns, cols=columns)
for i, head in enumerate(heads):
    picture = go.Heatmap(z=head.numpy(), coloraxis="coloraxis")
    figure.add_trace(picture, row=i // columns + 1, col=i % columns + 1)
figure.update_layout(height=900)
st.plotly_chart(figure, key="heads")
