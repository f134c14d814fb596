// What mdBook's pages lack for readers who use a keyboard or listen to the page.
(() => {
  // mdBook says of this label whether the sidebar is open, which only a button can be asked.
  const toggle = document.getElementById("mdbook-sidebar-toggle");
  if (toggle) {
    toggle.setAttribute("role", "button");
    toggle.tabIndex = 0;
    toggle.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle.click();
    });
  }

  // The box of a checklist's line is called what the line says.
  for (const box of document.querySelectorAll('main li > input[type="checkbox"]')) {
    box.setAttribute("aria-label", box.parentElement.textContent.trim());
  }

  // What is wider than the page scrolls by itself, so the arrow keys must reach it.
  const wide = document.querySelectorAll("main pre, main pre > code, main .table-wrapper, main .figure");
  const reach = element => {
    if (element.scrollWidth > element.clientWidth && getComputedStyle(element).overflowX !== "visible") {
      element.tabIndex = 0;
    } else {
      element.removeAttribute("tabindex");
    }
  };
  // And there they scroll, and do not turn the page.
  const keep = event => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") event.stopPropagation();
  };
  wide.forEach(element => element.addEventListener("keydown", keep));
  // Called for each once it has a size, so also when a folded answer opens or the window changes.
  const sizes = new ResizeObserver(entries => entries.forEach(entry => reach(entry.target)));
  wide.forEach(element => sizes.observe(element));
})();
