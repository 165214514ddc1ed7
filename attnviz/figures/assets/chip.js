// A token as a chip, the same wherever tokens stand. Labels come ready from Python.

const CONTINUES = "·"; // attnviz/analysis/label.py: a piece that goes on with the word before it

function addChip(holder, label, { special = false, written = false, title = "" } = {}) {
  const kinds = { special, written, tight: label.startsWith(CONTINUES) };
  const kind = ["chip", ...Object.keys(kinds).filter((name) => kinds[name])].join(" ");
  const chip = add(holder, "button", kind, { type: "button", tabindex: -1 });
  if (title) chip.setAttribute("aria-description", title);
  add(chip, "span", "piece").textContent = label;
  return chip;
}

/** One tab stop for a row of chips; the arrow keys move along it. */
function roving(chips, keys) {
  if (chips.length) chips[0].tabIndex = 0;
  chips.forEach((chip, i) => {
    chip.onkeydown = (event) => {
      const next = chips[i + (keys[event.key] ?? 0)];
      if (!next || next === chip) return;
      event.preventDefault();
      chip.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    };
  });
}

function lightChips(chips, indices) {
  chips.forEach((chip, i) => chip.classList.toggle("lit", indices.includes(i)));
}
