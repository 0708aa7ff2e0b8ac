// Paths of one page of every kind that links lead to. Evaluated in a page of someone who is signed in.
async (first) => {
  const kindOf = (path) => path
    .replace(/^\/(teams|people|projects)\/[^/?]+/, "/$1/*")
    .replace(/[0-9a-f-]{36}|[A-Z]+-\d+|\b\d+\b/g, "*")
    .replace(/columns\/[^/]+/, "columns/*");
  const found = new Map(first.map((path) => [kindOf(path), path]));
  for (const [kind, path] of found) {
    const response = await fetch(path);
    if (!response.ok || !response.headers.get("content-type").includes("html")) {
      found.delete(kind);
      continue;
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const link of page.querySelectorAll("a[href^='/']")) {
      const { pathname } = new URL(link.getAttribute("href"), location.href);
      // A link to a file stands only for itself.
      if (!found.has(kindOf(pathname)) && !link.hasAttribute("download")) found.set(kindOf(pathname), pathname);
    }
  }
  return [...found.values()];
}
