"""attnviz: type a sentence, see every head. Page config, sidebar, navigation; no logic here."""

import streamlit as st

from attnviz.app import address, pages, session, sidebar
from attnviz.app.text import preferred, text

st.set_page_config(page_title="attnviz", page_icon=pages.ICON, layout="wide")
st.html(pages.STYLE)

ignored = address.restore(preferred(st.context.locale))
words = text(st.session_state["lang"])
page = st.navigation(pages.navigation(words), position=pages.position())
with st.sidebar:
    sidebar.controls(words)
session.say_ignored(words, ignored)
page.run()
address.publish()
