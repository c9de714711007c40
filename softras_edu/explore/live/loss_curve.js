/** The curve of a fit's losses, and of sigma's schedule behind it. */

import { GREEN, ORANGE } from "./palette.js";

/** @import { FitDials } from "./descend.js" */
/** @import { Panel } from "./panel.js" */

const LEFT = -0.9, FOOT = -0.75, WIDE = 1.8, HIGH = 1.5; // of the axes, NDC
const WEAKEST_SIGMA = -5; // log10, at the foot; 1 is at the top

/**
 * @param {Panel} panel
 * @param {number[]} losses  in [0, 1], one a step
 * @param {FitDials} dials
 */
export function draw_curve(panel, losses, dials) {
    const { sigma_start, sigma_end, steps } = dials, last = losses.at(-1);
    const sigmas = [sigma_start, sigma_end];
    const alt = last === undefined
        ? "No step has been made: the curve of the loss is empty."
        : `The loss over ${losses.length} steps, from ${losses[0].toFixed(3)} to ` +
            `${last.toFixed(3)}; sigma from ` +
            `${sigmas.map((sigma) => sigma.toExponential(1)).join(" to ")}.`;
    panel.clear("loss orange, sigma green (dashed)", alt);
    const x = (/** @type {number} */ step) => LEFT + WIDE * step / Math.max(steps - 1, 1);
    const y = (/** @type {number} */ part) => FOOT + HIGH * part;
    panel.lines([[LEFT, y(0), LEFT + WIDE, y(0)], [LEFT, y(0), LEFT, y(1)]], "#ffffff", 1);
    // Equal ratios are a straight line on a logarithmic scale.
    const [start, end] = sigmas.map((sigma) => y(1 - Math.log10(sigma) / WEAKEST_SIGMA));
    panel.pen.setLineDash([5, 4]);
    panel.lines([[LEFT, start, LEFT + WIDE, end]], GREEN, 2);
    panel.pen.setLineDash([]);
    const pieces = losses.slice(1).map((loss, n) => [x(n), y(losses[n]), x(n + 1), y(loss)]);
    panel.lines(pieces, ORANGE, 2);
    if (last !== undefined) panel.dots([[x(losses.length - 1), y(last)]], ORANGE, 3);
    panel.write("loss 1, sigma 1", [LEFT, FOOT + HIGH + 0.1], "#ffffff", "left");
    panel.write("loss 0, sigma 1e-5", [LEFT, FOOT - 0.12], "#ffffff", "left");
    panel.write(`step ${steps}`, [0.72, FOOT - 0.12], "#ffffff");
}
