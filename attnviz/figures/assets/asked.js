/**
 * A reader is quicker than Python: what was `asked` for is shown at once, and the answers come in
 * later, not to every question. What is still to come, now that an answer is here; nothing, where
 * it answers none of them.
 */
function awaited(asked, isAnswered) {
  const last = asked.findLastIndex(isAnswered);
  return last < 0 ? [] : asked.slice(last + 1);
}
