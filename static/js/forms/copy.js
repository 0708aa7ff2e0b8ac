// Buttons that copy the field beside them.

import { showToast } from "../shared/toasts.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = button.previousElementSibling;
  field.select();
  // The clipboard is only there over HTTPS and on this machine.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    showToast(`${field.ariaLabel} copied.`);
  });
}
