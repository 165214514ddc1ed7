"""The least a Streamlit app can do: echo the sentence. What a rerun costs without us."""

import streamlit as st

st.write(st.text_input("sentence", key="text"))
