"""From numbers and labels to pictures: Plotly figures, LaTeX, tables, files to save."""
