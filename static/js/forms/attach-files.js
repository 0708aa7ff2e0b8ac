// Files that are pasted into a text or dropped on it are attached to its task, and linked where the cursor is.

import { newKey } from "../shared/http.js";
import { announce, showToast } from "../shared/toasts.js";

/** @param {Event} event */
const attachableText = (event) => event.target.closest?.("textarea[data-attach]");

addEventListener("paste", (event) => takeFiles(event, event.clipboardData));

addEventListener("dragover", (event) => {
  if (attachableText(event) && event.dataTransfer?.types.includes("Files")) event.preventDefault();
});

addEventListener("drop", (event) => takeFiles(event, event.dataTransfer));

/**
 * @param {Event} event
 * @param {DataTransfer | null} transfer
 */
function takeFiles(event, transfer) {
  const field = attachableText(event);
  if (!field || !transfer?.files.length) return;
  // Copied from a document, text comes with a picture of itself.
  if (event.type === "paste" && transfer.types.includes("text/plain")) return;
  event.preventDefault();
  attachTo(field, [...transfer.files]);
}

/**
 * @param {HTMLTextAreaElement} field
 * @param {File[]} files
 */
async function attachTo(field, files) {
  const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
  bar.setAttribute("aria-label", `Attaching ${files.length === 1 ? files[0].name : `${files.length} files`}`);
  const cancel = Object.assign(document.createElement("button"), { className: "button", type: "button" });
  cancel.textContent = "Cancel upload";
  const cancelled = new AbortController();
  cancel.addEventListener("click", () => cancelled.abort());
  const row = Object.assign(document.createElement("span"), { className: "attach-progress" });
  row.append(bar, cancel);
  field.after(row);
  try {
    const onProgress = (part) => {
      bar.value = part;
    };
    // If only the answer was lost, the same key attaches nothing twice.
    const key = newKey();
    const send = () => uploadFiles(field.dataset.attach, files, key, onProgress, cancelled.signal);
    const attached = await send().catch((error) => {
      if (error.isLost) return send();
      throw error;
    });
    field.setRangeText(attached.map((file) => file.markdown).join("\n"), field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    announce(attached.length === 1 ? `Attached ${attached[0].name}` : `Attached ${attached.length} files`);
  } catch (error) {
    if (cancelled.signal.aborted) {
      field.focus();
      announce(error.message);
    } else {
      showToast(`${error.message} Your text is still in the editor.`, { sticky: true });
    }
  } finally {
    row.remove();
  }
}

/**
 * Uploads files. fetch cannot tell how far it is, so this is an XMLHttpRequest.
 * @param {string} url
 * @param {File[]} files
 * @param {string} key the idempotency key
 * @param {(part: number) => void} onProgress
 * @param {AbortSignal} cancelled
 * @returns {Promise<{ name: string, url: string, is_picture: boolean, markdown: string }[]>}
 */
function uploadFiles(url, files, key, onProgress, cancelled) {
  const body = new FormData();
  for (const file of files) body.append("file", file, file.name || "picture.png");
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest();
    upload.open("POST", url);
    upload.setRequestHeader("Accept", "application/json, application/problem+json");
    upload.setRequestHeader("Idempotency-Key", key);
    upload.responseType = "json";
    upload.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total ? loaded / total : 0));
    upload.addEventListener("error", () => {
      reject(Object.assign(new Error("Could not reach the server. Try again."), { isLost: true }));
    });
    cancelled.addEventListener("abort", () => {
      upload.abort();
      reject(new Error("The upload was cancelled."));
    });
    upload.addEventListener("load", () => {
      const answer = upload.response ?? {};
      if (upload.status === 201) resolve(answer.files);
      else reject(new Error(Object.values(answer.errors ?? {}).join(" ") || answer.detail || "Nothing was attached."));
    });
    upload.send(body);
  });
}
