// The source and the target as rows of chips. A chip's underline is as long as the token is probable,
// its tint tells how much it counts; its popover has the best alternatives. Where tokens can be
// hidden, a double click or the key m asks for it.

const views = new WeakMap();
const ALONG = { ArrowLeft: -1, ArrowRight: 1 };

export default function chips({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  view.report = setTriggerValue;
  draw(view, data);
  view.root.dataset.drawn = Number(view.root.dataset.drawn ?? 0) + 1;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "div", "attnviz chips");
  const rows = add(root, "div", "rows");
  const card = add(root, "div", "card", { popover: "manual", role: "tooltip" });
  const id = crypto.getRandomValues(new Uint32Array(1))[0];
  const view = { root, rows, card, id, chips: { source: [], target: [] } };
  view.stopListening = listen(id, (detail) => light(view, detail));
  root.onkeydown = (event) => {
    if (event.key === "Escape") closeCard(view); // no value: false would cancel every other key
  };
  return view;
}

function draw(view, { source, target, text, linked, hideable }) {
  closeCard(view);
  view.linked = linked;
  view.hideable = hideable;
  view.rows.replaceChildren();
  view.text = text;
  view.chips.source = drawSide(view, "source", source);
  view.chips.target = drawSide(view, "target", target);
}

function drawSide(view, side, tokens) {
  if (!tokens.length) return [];
  const row = add(view.rows, "div", "side", { role: "group", "aria-label": view.text[side] });
  add(row, "div", "name").textContent = view.text[side];
  const list = add(row, "div", "tokens");
  const chips = tokens.map((token, i) => {
    const chip = addChip(list, token.text, token);
    if (Number.isFinite(token.probability)) {
      add(chip, "span", "sure", { style: `width: ${100 * token.probability}%` });
    }
    if (Number.isFinite(token.tint)) tint(chip, token.tint);
    if (view.hideable && side === "source" && !token.special) {
      chip.ondblclick = () => view.report("hide", i);
    }
    chip.onpointerenter = chip.onfocus = () => pointAt(view, side, i, token);
    chip.onpointerleave = (event) => event.pointerType === "mouse" && leave(view);
    chip.onblur = () => leave(view);
    return chip;
  });
  roving(chips, ALONG);
  if (view.hideable && side === "source") {
    chips.forEach((chip, i) => chip.addEventListener("keydown", (event) => {
      if (event.key === "m" && chip.ondblclick) view.report("hide", i);
    }));
  }
  return chips;
}

/** `amount` from -1 to 1: against the label, or for it. */
function tint(chip, amount) {
  const colour = amount < 0 ? "--against" : "--for";
  const share = `${60 * Math.min(1, Math.abs(amount))}%`;
  chip.style.background = `color-mix(in srgb, var(${colour}) ${share}, var(--paper))`;
}

function pointAt(view, side, index, token) {
  lightChips(view.chips.source, side === "source" ? [index] : []);
  lightChips(view.chips.target, side === "target" ? [index] : []);
  openCard(view, view.chips[side][index], token);
  const isTarget = side === "target";
  if (!view.linked) return;
  announce(view.id, everyToken(view), isTarget ? index : null, isTarget ? null : index);
}

function leave(view) {
  closeCard(view);
  lightChips(view.chips.source, []);
  lightChips(view.chips.target, []);
  if (view.linked) announce(view.id, everyToken(view), null, null);
}

/** The chips as a picture with a row and a column for each token. */
function everyToken({ chips }) {
  const alone = (list) => list.map((_, i) => [i]);
  return { block: "tokens", rowGroups: alone(chips.target), columnGroups: alone(chips.source) };
}

function light(view, { source, target }) {
  if (!view.linked) return;
  lightChips(view.chips.source, source);
  lightChips(view.chips.target, target);
}

function openCard(view, chip, token) {
  const { card, text } = view;
  card.replaceChildren();
  add(card, "div", "title").textContent = token.title;
  if (Number.isFinite(token.probability)) {
    const sure = text.probability.replace("<p>", percent(token.probability, text));
    add(card, "div", "sentence").textContent = sure;
  }
  if (token.forced_rank) {
    const rank = text.rank.replace("<rank>", token.forced_rank);
    add(card, "div", "sentence").textContent = rank;
  }
  if (token.note) add(card, "div", "sentence").textContent = token.note;
  if (token.alternatives?.length) drawAlternatives(card, token, text);
  card.showPopover();
  place(card, chip.getBoundingClientRect());
}

function drawAlternatives(card, token, text) {
  add(card, "div", "name").textContent = text.alternatives;
  const table = add(card, "div", "alternatives");
  for (const [piece, probability] of token.alternatives) {
    add(table, "span", "piece").textContent = piece;
    const bar = add(table, "span", "track");
    add(bar, "span", "sure", { style: `width: ${100 * probability}%` });
    add(table, "span", "number").textContent = percent(probability, text);
  }
}

function percent(probability, text) {
  return text.percent.replace("<p>", digits(100 * probability, ""));
}

function closeCard({ card }) {
  if (card.matches(":popover-open")) card.hidePopover();
}

/** Under the chip, or over it where there is no room, and inside the window. */
function place(card, { left, top, bottom }) {
  const { offsetWidth: width, offsetHeight: height } = card;
  const below = bottom + 6 + height <= window.innerHeight || top < height + 6;
  card.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
  card.style.top = `${below ? bottom + 6 : top - 6 - height}px`;
}
