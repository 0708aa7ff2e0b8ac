// Fields for a time zone: suggests all names, and fills in the browser's where a field still has the server's default.

const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const list = Object.assign(document.createElement("datalist"), { id: "time-zones" });
for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) list.append(new Option(zone, zone));
document.body.append(list);

for (const field of document.querySelectorAll("input[data-timezone]")) {
  field.setAttribute("list", list.id);
  if (own && "detectTimezone" in field.dataset && ["", "UTC"].includes(field.value)) field.value = own;
}
