// The whole way through the model as one strip of buttons, and the keys that step along it. What
// the reader asked for is shown at once; the data follow.

const views = new WeakMap();
const STEPS = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 };
const UP_DOWN = { ArrowUp: -1, ArrowDown: 1 };
const OTHERS = ["radio", "tab", "slider", "combobox", "option", "listbox", "textbox", "gridcell"];
/** Where the arrow keys have a meaning of their own. */
const KEEPS_KEYS = [
  ...["input:not([type=checkbox])", "textarea", "select"],
  "[contenteditable]:not([contenteditable='false'])",
  ...OTHERS.map((role) => `[role="${role}"]`),
].join();

export default function walk({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  view.report = setTriggerValue;
  take(view, data);
  view.root.dataset.drawn = Number(view.root.dataset.drawn ?? 0) + 1;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "nav", "attnviz walk");
  const previous = add(root, "button", "go previous", { type: "button" });
  const strip = add(root, "div", "strip");
  const next = add(root, "button", "go next", { type: "button" });
  const position = add(root, "div", "position", { "aria-live": "polite" });
  const view = { root, previous, strip, next, position, asked: [], revealer: revealer() };
  previous.onclick = () => go(view, at(view) - 1);
  next.onclick = () => go(view, at(view) + 1);
  const handler = (event) => followKey(view, event);
  document.addEventListener("keydown", handler);
  view.stopListening = () => {
    document.removeEventListener("keydown", handler);
    endReveal(view.revealer);
  };
  return view;
}

/** New data from Python. The same data again, after a change of theme, are no news: the reader may
 * have gone on. */
function take(view, { groups, current, total, text }) {
  const { root, previous, next } = view;
  const known = JSON.stringify([groups, current, total, text]);
  if (view.known === known) return;
  view.known = known;
  view.asked = awaited(view.asked, (index) => index === current);
  Object.assign(view, { current, total, text });
  root.setAttribute("aria-label", text.label);
  label(previous, "‹", text.previous);
  label(next, "›", text.next);
  drawStrip(view, groups);
  show(view);
}

function label(button, arrow, words) {
  button.replaceChildren(span("arrow", arrow), span("words", words));
  button.firstChild.setAttribute("aria-hidden", "true");
}

/** The strip is built once for the same stages: a button in it may have the focus. */
function drawStrip(view, groups) {
  const drawn = JSON.stringify(groups);
  if (view.drawn === drawn) return;
  Object.assign(view, { drawn, stages: [], buttons: [] });
  view.strip.replaceChildren();
  for (const group of groups) drawGroup(view, group);
  roving(view.buttons, UP_DOWN);
}

function drawGroup(view, { title, rows }) {
  const group = addSized(view.strip, "group", rows);
  add(group, "div", "title").textContent = title;
  const list = add(group, "div", "rows");
  for (const row of rows) {
    const cluster = addSized(list, "row", [row]);
    const stages = add(cluster, "div", "stages");
    for (const stage of row.stages) addStage(view, stages, stage, [title, row.title, stage.title]);
    add(cluster, "div", row.title ? "layer" : "layer bare", { title: row.title });
    cluster.lastChild.textContent = row.title;
  }
}

/** A part of the strip, as wide as it has steps, and not too narrow for its buttons. */
function addSized(parent, className, rows) {
  const stages = rows.flatMap((row) => row.stages);
  const steps = stages.reduce((sum, { n }) => sum + n, 0);
  const style = `--steps: ${steps}; --buttons: ${stages.length}; --gaps: ${rows.length - 1}`;
  return add(parent, "div", className, { style });
}

function addStage(view, parent, stage, titles) {
  const name = titles.filter(Boolean).join(" · ");
  const attributes = { type: "button", title: name, "aria-label": name };
  const button = add(parent, "button", "stage", { ...attributes, style: `--steps: ${stage.n}` });
  add(button, "span", "name").textContent = stage.short ?? stage.title;
  button.onclick = () => go(view, stage.first);
  view.stages.push(stage);
  view.buttons.push(button);
}

/** The step the reader wants to be at: the next key counts from there. */
function at({ asked, current }) {
  return asked.at(-1) ?? current;
}

function go(view, index) {
  if (index < 0 || index >= view.total || index === at(view)) return;
  view.asked.push(index);
  show(view);
  view.report("go", index);
}

function show(view) {
  const { stages, buttons, total, text } = view;
  const index = at(view);
  reveal(view.revealer, index);
  view.previous.disabled = index <= 0;
  view.next.disabled = index >= total - 1;
  say(view.position, text.position, { current: String(index + 1), total: String(total) });
  stages.forEach(({ first, n }, i) => {
    const done = Math.min(1, Math.max(0, (index - first + 1) / n));
    const isCurrent = index >= first && index < first + n;
    const button = buttons[i];
    button.style.setProperty("--done", `${100 * done}%`);
    button.tabIndex = isCurrent ? 0 : -1;
    if (isCurrent) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
}

function followKey(view, event) {
  const step = STEPS[event.key];
  if (!step || event.defaultPrevented) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.composedPath().some((element) => element.matches?.(KEEPS_KEYS))) return;
  event.preventDefault();
  go(view, at(view) + step);
}
