/* Stands for a library that ships without the source map it names. */
(function () {
  "use strict";
  var here = window.location.pathname;
  document.querySelectorAll("nav a").forEach(function (link) {
    if (link.getAttribute("href") === here) link.setAttribute("aria-current", "page");
  });
})();
//# sourceMappingURL=vendor.js.map
