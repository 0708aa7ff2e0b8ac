// Everything works without this, by plain links and forms. With it: drag, keys, live, no page loads.

import "./elements/sortable-board.js";
// the figures first: the names along the top repeat them
import "./elements/board-counts.js";
import "./elements/column-names.js";
import "./elements/board-keys.js";
import "./elements/new-task.js";
import "./elements/task-dialog.js";
import "./elements/enhanced-forms.js";
import "./elements/markdown-preview.js";
import "./elements/live-stream.js";
import "./elements/open-menus.js";
import "./elements/own-zone.js";

// what one page alone needs comes with that page
for (const element of ["planning-lists", "walk-timer"]) {
  if (document.querySelector(element)) import(`./pages/${element}.js`);
}
