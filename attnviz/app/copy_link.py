"""A button that copies the address of what is shown: only the browser knows it, and the clipboard
is its own."""

from streamlit.components.v2 import component

_SCRIPT = """
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  button.textContent = data.label;
  button.onclick = async () => {
    await copy(window.location.href);
    button.textContent = data.done;
    setTimeout(() => { button.textContent = data.label; }, 2000);
  };
}
"""
_COPY = """
// A page that is not on localhost and not on https has no clipboard object.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
"""
_STYLE = """
button {
  width: 100%; min-height: 2.5rem; cursor: pointer; font: inherit;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
button:hover, button:focus-visible { border-color: var(--st-primary-color); }
"""
_component = component(
    "attnviz_copy_link", html="<button type='button'></button>", js=_COPY + _SCRIPT, css=_STYLE
)


def copy_link(label: str, done: str, key: str) -> None:
    """Draw the button; it says `done` for two seconds after a click."""
    _component(data={"label": label, "done": done}, key=key)
