// Of the steps that the page holds ready one is seen: the container with the mark "at-<index>",
// which page.css hides until it is named here.

function revealer() {
  const view = { style: add(document.head, "style"), wanted: null };
  view.observer = new MutationObserver(() => reveal(view, view.wanted));
  return view;
}

/** Shows step `index`; one that is still to come as soon as it is there, and till then the old. */
function reveal(view, index) {
  view.wanted = index;
  view.observer.disconnect();
  if (document.querySelector(`.st-key-slots .at-${index}`)) {
    const seen = "position: static; visibility: visible; height: auto; overflow: visible";
    const one = `.stApp .st-key-slots [class*="st-key-one-"]:has(.at-${index})`;
    const rule = `${one} { ${seen}; pointer-events: auto; }`;
    if (view.style.textContent !== rule) view.style.textContent = rule;
    return;
  }
  view.observer.observe(document.body, { subtree: true, childList: true });
}

function endReveal({ style, observer }) {
  observer.disconnect();
  style.remove();
}
