// Choices above a picture: one place on each axis. Native fields: they are quick, and every reader
// knows them.

/** Draws `picks` [{id, title, chosen, size, places, labels}]; tells `onChoose({id, place})`. */
function drawPicks(holder, picks, onChoose) {
  const drawn = JSON.stringify(picks.map(({ chosen, ...rest }) => rest));
  if (holder.dataset.drawn !== drawn) {
    holder.dataset.drawn = drawn;
    holder.replaceChildren(...picks.map(fieldOf));
  }
  picks.forEach((pick, i) => {
    const field = holder.children[i].lastChild;
    if (field.value !== String(pick.chosen)) field.value = pick.chosen;
    field.onchange = () => {
      const place = Math.min(pick.size - 1, Math.max(0, Math.round(Number(field.value) || 0)));
      field.value = place;
      onChoose({ id: pick.id, place });
    };
  });
}

function fieldOf({ title, size, places, labels }) {
  const label = document.createElement("label");
  add(label, "span", "name").textContent = title;
  if (!labels.length) {
    add(label, "input", "", { type: "number", min: 0, max: size - 1, step: 1 });
    return label;
  }
  const field = add(label, "select", "");
  places.forEach((place, i) => {
    add(field, "option", "", { value: place }).textContent =
      labels[i] === String(place) ? labels[i] : `${place} · ${labels[i]}`;
  });
  return label;
}
