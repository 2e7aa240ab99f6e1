// What was folded away had no width: the theme, which looks after a change of size which boxes scroll, must look again.
addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
