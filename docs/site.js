// Lets the keyboard scroll what is wider than the page, and names the buttons of each block of code.
function reach() {
  document.querySelectorAll(".md-typeset pre > code, .md-typeset__scrollwrap").forEach(block => { block.tabIndex = 0; });
  document.querySelectorAll(".md-code__nav").forEach((bar, n) => bar.setAttribute("aria-label", `Code ${n + 1}`));
}
addEventListener("load", () => { reach(); new MutationObserver(reach).observe(document.body, {childList: true, subtree: true}); });
