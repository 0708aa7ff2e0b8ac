// Closes drop-down menus on a press outside and on Escape.

const OPEN_MENUS = "details:is(.me-menu, .saved, .group-by)[open]";

addEventListener("pointerdown", ({ target }) => {
  for (const menu of document.querySelectorAll(OPEN_MENUS)) {
    if (!menu.contains(target)) menu.open = false;
  }
});

addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector(OPEN_MENUS);
  if (!menu) return;
  event.stopImmediatePropagation();
  menu.open = false;
  menu.querySelector("summary").focus();
}, { capture: true });
