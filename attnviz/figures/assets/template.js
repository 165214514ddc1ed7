/** Makes `element` say `template` ("<row> looks at <column>") with its parts filled in. */
function say(element, template, parts = {}) {
  const pieces = template.split(/<(\w+)>/);
  element.replaceChildren(...pieces.map((piece, i) => (i % 2 ? (parts[piece] ?? "") : piece)));
}

/** A new element with a class, in `parent`. */
function add(parent, tag, className, attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/** Takes down a picture and all that it listens to. */
function close(views, parentElement) {
  const view = views.get(parentElement);
  if (!view) return;
  views.delete(parentElement);
  view.observer?.disconnect();
  view.stopListening();
  view.root.remove();
}
