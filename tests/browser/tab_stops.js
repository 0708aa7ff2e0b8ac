// What is wrong with the element that has the focus. Evaluated in a page after each press of Tab.
(least) => {
  const element = document.activeElement;
  const stops = window.tabStops ??= [];
  if (!element || element === document.body || (stops.length > 1 && element === stops[0])) return null;
  // Tab also goes through the parts of a date.
  if (element === stops.at(-1) && element.matches("[type=date], [type=time]")) return [];
  const problems = stops.includes(element) ? ["repeated"] : [];
  const previous = stops.at(-1);
  if (previous?.href && previous.href === element.href && previous.innerText === element.innerText) {
    problems.push("the same link twice");
  }
  stops.push(element);
  // The centre of its first line, because a link may wrap.
  const box = element.getClientRects()[0] ?? new DOMRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const isHit = (x, y) => {
    const hit = document.elementFromPoint(x, y);
    return hit && (element.contains(hit) || [...element.labels ?? []].some((label) => label.contains(hit)));
  };
  const extent = (dx, dy) => {
    let length = 0;
    while (length < least && isHit(x + dx * (length + 1), y + dy * (length + 1))) length++;
    return length;
  };
  const { display } = getComputedStyle(element);
  const isInText = display === "inline"
    && [...element.parentElement.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (box.width <= 2 || box.height <= 2 || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
    problems.push(`invisible, ${Math.round(box.width)} × ${Math.round(box.height)}`);
  } else if (!isHit(x, y)) {
    const hit = document.elementFromPoint(x, y);
    problems.push(`covered by ${hit?.outerHTML.slice(0, 80) ?? "the edge of the window"}`);
  } else if (!isInText) {
    const [width, height] = [extent(-1, 0) + extent(1, 0) + 1, extent(0, -1) + extent(0, 1) + 1];
    if (Math.min(width, height) < least) problems.push(`only ${width} × ${height}`);
  }
  const text = element.outerHTML.replace(/\s+/g, " ").slice(0, 140);
  return problems.map((problem) => `${problem}: ${text}`);
}
