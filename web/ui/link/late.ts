// What climbs the ladder, and what shows it: in a file of its own, for the page is seen without it.

export { Climb } from "./climb";
export { Panel } from "./panel";
