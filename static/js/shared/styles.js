// Loads the stylesheet of a part that only some pages use.

const loaded = new Set();

/** @param {string} name of a file in css/pages, without its ending */
export function loadStyle(name) {
  const { href } = new URL(`../../css/pages/${name}.css`, import.meta.url);
  if (loaded.has(href) || document.querySelector(`link[href="${CSS.escape(new URL(href).pathname)}"]`)) return;
  loaded.add(href);
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}
