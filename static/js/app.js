// Entry point of every page. Pages work with plain links and forms; these modules add drag and drop, keyboard
// shortcuts, live updates and forms without page loads.

import "./elements/sortable-board.js";
// Before column-tabs.js, which copies the counts that this module writes.
import "./board/counts.js";
import "./board/column-tabs.js";
import "./board/keyboard-shortcuts.js";
import "./board/quick-add.js";
import "./shared/dialogs.js";
import "./forms/enhanced-forms.js";
import "./forms/attach-files.js";
import "./forms/drafts.js";
import "./live/live-updates.js";
import "./shared/menus.js";

// What only some pages use is loaded there.
for (const element of ["import-progress", "inbox-list", "markdown-preview", "planning-lists", "walk-timer"]) {
  if (document.querySelector(element)) import(`./elements/${element}.js`);
}
if (document.querySelector("[data-timezone]")) import("./forms/timezone.js");
if (document.querySelector("[data-copy]")) import("./forms/copy.js");
addEventListener("focusin", ({ target }) => {
  if (!target.matches("[data-suggest]")) return;
  import("./elements/suggestions.js").then((suggestions) => suggestions.suggestIn(target));
});
