/**
 * A row of buttons of which one is chosen: tabs (role "tab") or a choice (role "radio").
 * One tab stop; the arrow keys move. `options` are {id, label}.
 */
function segmented(holder, role, options, chosen, onChoose) {
  const hadFocus = holder.contains(holder.getRootNode().activeElement);
  holder.replaceChildren();
  const state = role === "tab" ? "aria-selected" : "aria-checked";
  options.forEach(({ id, label }, i) => {
    const isChosen = id === chosen;
    const tabindex = isChosen ? 0 : -1;
    const button = add(holder, "button", "", { type: "button", role, tabindex, [state]: isChosen });
    button.textContent = label;
    button.dataset.id = id;
    button.onclick = () => onChoose(id);
    button.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      holder.children[i].focus(); // so that the redrawn row knows that it had the focus
      onChoose(options[(i + step + options.length) % options.length].id);
    };
    if (isChosen && hadFocus) button.focus();
  });
}
