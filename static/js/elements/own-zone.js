// The browser knows the reader's time zone: a field that still has the server's guess takes it over.

const field = document.querySelector("input[data-own-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && field?.value === "UTC") field.value = zone;
