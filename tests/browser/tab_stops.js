// Whether the walk has ended, and what is wrong with the element that has the focus. Evaluated after each press of Tab.
(least) => {
  const element = document.activeElement;
  const stops = window.tabStops ??= [];
  if (!element || element === document.body || (stops.length > 1 && element === stops[0])) return [true, []];
  // Tab also goes through the parts of a date.
  if (element === stops.at(-1) && element.matches("[type=date], [type=time]")) return [false, []];
  const problems = stops.includes(element) ? ["repeated"] : [];
  stops.push(element);
  const middle = (start, end, size) => (Math.max(start, 0) + Math.min(end, size)) / 2;
  // The centre of what is seen of its first line, because a link may wrap.
  const measure = () => {
    const box = element.getClientRects()[0] ?? new DOMRect();
    return [box, middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight)];
  };
  let [box, x, y] = measure();
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
    && element.parentElement.textContent.trim().length > element.textContent.trim().length;
  if (box.width <= 2 || box.height <= 2 || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
    problems.push(`invisible, ${Math.round(box.width)} × ${Math.round(box.height)}`);
  } else if (!isHit(x, y)) {
    const hit = document.elementFromPoint(x, y);
    problems.push(`covered by ${hit?.outerHTML.slice(0, 80) ?? "the edge of the window"}`);
  } else if (!isInText) {
    // Its label may be out of sight.
    element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    [box, x, y] = measure();
    const [width, height] = [extent(-1, 0) + extent(1, 0) + 1, extent(0, -1) + extent(0, 1) + 1];
    if (Math.min(width, height) < least) problems.push(`only ${width} × ${height}`);
  }
  const text = element.outerHTML.replace(/\s+/g, " ").slice(0, 140);
  return [false, problems.map((problem) => `${problem}: ${text}`)];
}
