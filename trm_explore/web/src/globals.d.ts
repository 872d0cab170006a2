// What stands before every module: its words (trm_explore.web.script), and what bridge.js puts on the page.
declare const TEXTS: Record<string, any>;
interface Window {
  [name: string]: any;
}
// A module whole, as the text of a script (build.mjs).
declare module "*?text" {
  const text: string;
  export default text;
}
