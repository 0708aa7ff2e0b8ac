// Closes drop-down menus on a press outside, when the focus leaves them, and on Escape.

const OPEN_MENUS = "details:is(.me-menu, .team-menu, .pages-menu, .saved, .group-by, .thread-menu)[open]";

for (const type of ["pointerdown", "focusin"]) {
  addEventListener(type, ({ target }) => {
    for (const menu of document.querySelectorAll(OPEN_MENUS)) {
      if (!menu.contains(target)) menu.open = false;
    }
  });
}

// The browser closes a sheet on a press outside and on Escape.
addEventListener("focusin", ({ target }) => {
  const sheet = document.querySelector(":popover-open");
  if (!sheet?.contains(target)) sheet?.hidePopover();
});

addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector(OPEN_MENUS);
  if (!menu) return;
  event.stopImmediatePropagation();
  menu.open = false;
  menu.querySelector("summary").focus();
}, { capture: true });

// Long menus have a field that filters their links.
addEventListener("input", ({ target }) => {
  if (!target.matches?.("[data-filter-menu]")) return;
  const wanted = target.value.trim().toLowerCase();
  for (const link of target.parentElement.querySelectorAll("a")) {
    link.hidden = !link.textContent.toLowerCase().includes(wanted);
  }
});
