// Fills in the browser's time zone where a field still has the server's default, UTC.

const field = document.querySelector("input[data-detect-timezone]");
const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (timezone && field?.value === "UTC") field.value = timezone;
