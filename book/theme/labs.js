// Loads the modules of the labs that a page has, and none on a page without.
//
// A classic script, because mdBook adds those; the labs are modules beside the pages, in labs/. On the page
// that is made to be printed they stay what they are without scripts: their text.
(() => {
  const here = document.currentScript.src;
  if (/\/print(\.html)?$/.test(location.pathname)) return;
  const names = new Set();
  for (const element of document.querySelectorAll("main *")) {
    if (/^lab-[a-z]+$/.test(element.localName)) names.add(element.localName);
  }
  for (const name of names) import(new URL(`../labs/${name}.js`, here));
})();
