/** D along a row of pixels, as a curve: x runs over the picture, D from 0 at the foot to 1. */

import { GREEN, GREY, ORANGE } from "./palette.js";

/** @import { Panel } from "./panel.js" */

// Of the axes, in NDC of the panel.
const ROW_LEFT = -0.76, ROW_FOOT = -0.7, ROW_WIDE = 1.66, ROW_HIGH = 1.5;

/**
 * @param {Panel} panel
 * @param {number[]} point  x and y of the pixel that is looked at, NDC
 * @param {(x: number) => number} probability_at  D on the row
 * @param {number} dist_eps
 */
export function draw_row(panel, point, probability_at, dist_eps) {
    const steps = Math.round(panel.canvas.width / 2);
    const x = Array.from({ length: steps + 1 }, (_, n) => 2 * n / steps - 1);
    const d = x.map(probability_at), kept = x.filter((_, n) => d[n] >= dist_eps);
    const here = probability_at(point[0]);
    const ends = kept.length === 0 ? [] : [kept[0], kept[kept.length - 1]];
    const between = ends.map((end) => end.toFixed(2)).join(" and ");
    const counted = ends.length === 0
        ? "Nowhere on it is a pixel counted."
        : `Pixels are counted between x = ${between}.`;
    panel.clear(
        `D along the green row, y = ${point[1].toFixed(2)}`,
        `A curve of D from x = -1 to 1, at most ${Math.max(...d).toFixed(3)}. ${counted}`,
    );
    draw_axes(panel);
    panel.pen.setLineDash([5, 4]);
    for (const end of ends) {
        panel.lines([[across_row(end), up_row(0), across_row(end), 0.8]], ORANGE, 2);
    }
    panel.pen.setLineDash([]);
    const pieces = d.slice(1).map((next, n) => {
        return [across_row(x[n]), up_row(d[n]), across_row(x[n + 1]), up_row(next)];
    });
    panel.lines(pieces, GREEN, 2.5);
    panel.dots([[across_row(point[0]), up_row(here)]], "#ffffff", 4);
    panel.write(`D = ${here.toFixed(3)}`, [across_row(point[0]), up_row(here) + 0.11], "#ffffff");
}

/** @param {Panel} panel */
function draw_axes(panel) {
    panel.pen.setLineDash([1, 4]);
    panel.lines([[across_row(-1), up_row(0.5), across_row(1), up_row(0.5)]], GREY, 1);
    panel.pen.setLineDash([]);
    const left = across_row(-1), foot = up_row(0);
    panel.lines([[left, foot, across_row(1), foot], [left, foot, left, up_row(1)]], "#ffffff", 1);
    for (const d of [0, 0.5, 1]) panel.write(String(d), [left - 0.12, up_row(d)], "#ffffff");
    panel.write("D", [left - 0.12, up_row(0.75)], "#ffffff");
    for (const x of [-1, 0, 1]) panel.write(String(x), [across_row(x), foot - 0.1], "#ffffff");
    panel.write("x (NDC); orange: D = dist_eps", [0.05, foot - 0.21], "#ffffff");
}

/** @param {number} x */
function across_row(x) {
    return ROW_LEFT + ROW_WIDE * (x + 1) / 2;
}

/** @param {number} d */
function up_row(d) {
    return ROW_FOOT + ROW_HIGH * d;
}
