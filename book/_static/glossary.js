// The definition of a term beside the term: on hover, on focus, and on the first tap (the second follows the link).

const GAP = 6; // pixels between a term and its definition

for (const term of document.querySelectorAll("a[aria-describedby^='note-term-']")) {
  const note = document.getElementById(term.getAttribute("aria-describedby"));
  let leaving;

  const show = () => {
    clearTimeout(leaving);
    for (const other of document.querySelectorAll(".glossary-note:not([hidden])")) other.hidden = other !== note;
    note.hidden = false;
    const at = term.getBoundingClientRect();
    const across = Math.min(at.left, document.documentElement.clientWidth - note.offsetWidth - GAP);
    const below = at.bottom + GAP + note.offsetHeight < window.innerHeight;
    note.style.left = `${Math.max(GAP, across) + window.scrollX}px`;
    note.style.top = `${(below ? at.bottom + GAP : at.top - GAP - note.offsetHeight) + window.scrollY}px`;
  };
  const hide = () => {
    note.hidden = true;
  };
  const leave = () => {
    leaving = setTimeout(hide, 200); // time to move onto the definition
  };

  let touched = false;
  term.addEventListener("pointerdown", (event) => {
    touched = event.pointerType !== "mouse" && note.hidden;
  });
  term.addEventListener("click", (event) => {
    if (touched) event.preventDefault();
    if (touched) show();
    touched = false;
  });
  for (const each of [term, note]) {
    each.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show());
    each.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
  }
  term.addEventListener("focus", () => touched || show());
  term.addEventListener("blur", hide);
  document.body.append(note); // out of the column, so that nothing cuts it off
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const note of document.querySelectorAll(".glossary-note:not([hidden])")) note.hidden = true;
});
