/**
 * The text below an explorer's picture, and names for what stands above it.
 *
 * The sliders of ipywidgets say nothing to a screen reader but a number, for a logarithmic one
 * even the wrong number, and its pictures have no alternative text. Here every handle gets the
 * words that stand beside it, and the picture the sentence that Python wrote.
 */

/** @import { Model } from "./stage.js" */

/**
 * A slider's handles take their name from the words before them, their value from those behind.
 * @param {Element} box  of the whole explorer
 */
function name_handles(box) {
    for (const slider of box.querySelectorAll(".widget-slider")) {
        const name = slider.querySelector(".widget-label")?.textContent ?? "";
        const value = slider.querySelector(".widget-readout")?.textContent ?? "";
        for (const handle of slider.querySelectorAll(".noUi-handle")) {
            handle.setAttribute("aria-label", name);
            handle.setAttribute("aria-valuetext", value);
        }
    }
    // JupyterLab must not take the arrow keys for its own: a list would not hear them. In Notebook
    // a slider would not hear them either.
    for (const dial of box.querySelectorAll("select, .noUi-handle")) {
        dial.setAttribute("data-lm-suppress-shortcuts", "true");
    }
}

/**
 * What anywidget calls. `value` is HTML, `alt` plain text.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const box = () => el.closest(".widget-vbox") ?? el; // once it stands on the page
    const show = () => {
        el.innerHTML = model.get("value");
        for (const picture of box().querySelectorAll("img")) picture.alt = model.get("alt");
    };
    // Sliders come when they like, and their numbers change before they are looked at.
    const watch = new MutationObserver(() => name_handles(box()));
    // It speaks once, when this text has a place on the page.
    const arrival = new ResizeObserver(() => {
        watch.observe(box(), { childList: true, characterData: true, subtree: true });
        name_handles(box());
        show();
    });
    arrival.observe(el);
    model.on("change:value", show);
    show();
    return () => {
        model.off("change:value", show);
        watch.disconnect();
        arrival.disconnect();
    };
}

export default { render };
