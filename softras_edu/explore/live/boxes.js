/**
 * Which pixels a triangle can reach: `rasterizers/numba_cpu/boxes.py`.
 *
 * Boxes may be too large, never too small: which pairs count is decided by the formulas, pair by
 * pair.
 */

import { MIN_DEPTH, MIN_DOUBLED_AREA } from "./options.js";

/** @import { Dials, Face } from "./records.js" */

const ULP = 2 ** -52;

/**
 * In front of the eye with all corners, not a line, and not turned away if those are culled.
 * @param {Face} f
 * @param {number} nearest  the least z of the corners
 * @param {Dials} o
 */
export function drawable(f, nearest, o) {
    const solid = nearest > MIN_DEPTH && Math.abs(f.area) >= MIN_DOUBLED_AREA;
    return solid && !(o.cull_backfaces && f.area < 0);
}

/**
 * Rows and columns within reach of triangle n -> first row, row after the last, first column,
 * column after the last, into box[4 n ...]. False, and all 0, for a triangle that reaches no pixel.
 * @param {Float64Array} triangles
 * @param {number} n
 * @param {Face} f  triangle n
 * @param {Int32Array} box
 * @param {Dials} o
 */
export function reach_box(triangles, n, f, box, o) {
    const z0 = triangles[9 * n + 2], z1 = triangles[9 * n + 5], z2 = triangles[9 * n + 8];
    const nearest = Math.min(z0, z1, z2), deepest = Math.max(z0, z1, z2);
    const seen = deepest >= o.near * (1 - 16 * ULP) && nearest <= o.far * (1 + 16 * ULP);
    if (!seen || !drawable(f, nearest, o)) return false;
    const left = Math.min(f.x0, f.x1, f.x2), right = Math.max(f.x0, f.x1, f.x2);
    const bottom = Math.min(f.y0, f.y1, f.y2), top = Math.max(f.y0, f.y1, f.y2);
    const length = Math.max(-left, right, -bottom, top, 0) + 1 + o.width / o.height;
    const rounding = 16 * ULP * length; // how far rounding moves distances, in NDC
    let margin = o.reach * (1 + 1e-5) + rounding;
    if (!o.euclidean && o.reach < Infinity) {
        // The pixels whose weights are all >= -r fill the triangle blown up about its centroid by
        // 1 + 3 r; that moves no corner farther than this.
        const r = o.reach * (1 + 1e-5) + (rounding * length) / Math.abs(f.area);
        const x = (f.x0 + f.x1 + f.x2) / 3, y = (f.y0 + f.y1 + f.y2) / 3;
        margin = 3 * r * Math.max(x - left, right - x, y - bottom, top - y) + rounding;
    }
    // Solve y = 1 - (2 i + 1) / H and x = (2 j + 1 - W) / H for row i and column j.
    const { height, width } = o;
    const [first_row, end_row, first_column, end_column] = o.window;
    box[4 * n] = first((height * (1 - top - margin) - 1) / 2, first_row, end_row);
    box[4 * n + 1] = end((height * (1 - bottom + margin) - 1) / 2, first_row, end_row);
    box[4 * n + 2] = first((height * (left - margin) + width - 1) / 2, first_column, end_column);
    box[4 * n + 3] = end((height * (right + margin) + width - 1) / 2, first_column, end_column);
    if (box[4 * n] < box[4 * n + 1] && box[4 * n + 2] < box[4 * n + 3]) return true;
    box.fill(0, 4 * n, 4 * n + 4);
    return false;
}

/**
 * The first whole number from `low` on, within start ... stop.
 * @param {number} low
 * @param {number} start
 * @param {number} stop
 */
function first(low, start, stop) {
    return Math.ceil(Math.min(Math.max(low, start), stop));
}

/**
 * One after the last whole number up to `high`, within start ... stop.
 * @param {number} high
 * @param {number} start
 * @param {number} stop
 */
function end(high, start, stop) {
    return Math.floor(Math.min(Math.max(high, start - 1), stop - 1)) + 1;
}
