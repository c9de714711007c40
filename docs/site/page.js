/**
 * Dark or light, as the reader's system has it or as the button says; boxes that scroll can be
 * reached with the keyboard; a link of the menu closes it. This runs before the page is drawn, so
 * that nothing flashes.
 */

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
root.classList.add("with-script");

/** What the button chose, on this page or an earlier one. */
function chosen() {
    try {
        return localStorage.getItem("softras-theme");
    } catch {
        return null; // a browser that keeps nothing for pages from a folder
    }
}

/** @param {boolean} dark */
function choose(dark) {
    root.dataset.theme = dark ? "dark" : "light";
    try {
        localStorage.setItem("softras-theme", root.dataset.theme);
    } catch {
        // It holds for this page, then.
    }
}

function is_dark() {
    return root.dataset.theme === undefined ? system.matches : root.dataset.theme === "dark";
}

const before = chosen();
if (before !== null) root.dataset.theme = before;

/** Boxes that scroll sideways take the focus, so that the arrow keys can move them. */
function reach_boxes() {
    for (const box of document.querySelectorAll("pre, .scroll, .formula-display, .formula-long")) {
        if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
        else box.removeAttribute("tabindex");
    }
}

document.addEventListener("DOMContentLoaded", () => {
    const button = /** @type {HTMLElement} */ (document.querySelector(".theme-button"));
    const show = () => button.setAttribute("aria-pressed", String(is_dark()));
    button.addEventListener("click", () => {
        choose(!is_dark());
        show();
    });
    system.addEventListener("change", show);
    show();
    reach_boxes();
    document.addEventListener("toggle", reach_boxes, true); // boxes in what was folded
    addEventListener("resize", reach_boxes);
    const menu = /** @type {HTMLElement} */ (document.querySelector("#menu"));
    menu.addEventListener("click", (event) => {
        if (event.target instanceof Element && event.target.closest("a")) menu.hidePopover();
    });
    document.querySelector('#menu [aria-current="page"]')?.scrollIntoView({ block: "center" });
    scrollTo(0, scrollY);
});
