// The time zone of this device, told once to the server by a cookie; the page then shows it.

const shown = document.getElementById("zone")?.dataset["zone"];
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

if (own && /^[A-Za-z0-9_+/-]+$/.test(own) && navigator.cookieEnabled) {
  document.cookie = `zone=${own}; path=/; max-age=31536000; SameSite=Lax`;
  // A page that answers a form (a time that was just taken) stays: what it says would be lost.
  const loaded = performance.getEntriesByType("navigation")[0];
  const status = (loaded as PerformanceNavigationTiming | undefined)?.responseStatus ?? 200;
  if (own !== shown && status === 200) location.reload();
}
