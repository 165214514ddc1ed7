"""The Streamlit app: widgets, caches, pages. The only layer that imports streamlit."""
