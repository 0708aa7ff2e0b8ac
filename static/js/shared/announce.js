// What the eyes see at once, said for those who listen.

let region;

export function announce(text) {
  if (!region) {
    region = document.createElement("div");
    region.className = "visually-hidden";
    region.setAttribute("aria-live", "assertive");
    document.body.append(region);
  }
  // the same words twice would not be spoken twice: a changed node is
  region.replaceChildren(document.createTextNode(text));
}
