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
import "./forms/drafts.js";
import "./elements/markdown-preview.js";
import "./live/live-updates.js";
import "./shared/menus.js";
import "./forms/timezone.js";

// Elements that only one page uses are loaded on that page.
for (const element of ["planning-lists", "walk-timer"]) {
  if (document.querySelector(element)) import(`./elements/${element}.js`);
}
