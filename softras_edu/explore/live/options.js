/**
 * The arguments of one call of `rasterize`, checked once: the words of `rasterizers/options.py`.
 *
 * A RangeError names the argument, what it got and what it wanted.
 */

import { reach } from "./formulas.js";

/** @import { Dials } from "./records.js" */

/**
 * @typedef {object} Options  What the image looks like; the defaults are those of `rasterize`.
 * @property {number | number[]} size  H = W, or [H, W], in pixels
 * @property {number} [sigma]  @property {number} [gamma]  @property {number} [eps]
 * @property {number} [near]  @property {number} [far]  @property {number} [dist_eps]
 * @property {string} [distance]  "euclidean" or "barycentric"
 * @property {boolean} [perspective_correct]  @property {boolean} [cull_backfaces]
 * @property {number} [channels]  C, which colors=[] cannot tell; 3 if not said
 * @property {number[]} [window]  first row, end row, first column, end column: what alone is drawn,
 *     of the same picture; elsewhere there is the background
 * @property {number | Float64Array} [background]  a number, C numbers, or H * W * C
 */

export const LARGEST = 1e15; // of coordinates, as in Python
export const MIN_DOUBLED_AREA = 1e-12; // a triangle with less is not drawn
export const MIN_DEPTH = 1e-12; // a corner no deeper than this is at or behind the eye

/**
 * RangeError unless `fine`.
 * @param {boolean} fine
 * @param {string} name
 * @param {unknown} got
 * @param {string} wanted
 */
function check(fine, name, got, wanted) {
    if (!fine) throw new RangeError(`${name}: got ${got}, wanted ${wanted}`);
}

/** @param {unknown} number */
function is_positive(number) {
    return typeof number === "number" && number > 0 && number < Infinity;
}

/** @param {unknown} number */
function is_side(number) {
    return Number.isInteger(number) && /** @type {number} */ (number) >= 1;
}

/**
 * @param {number[]} window
 * @param {number} height
 * @param {number} width
 */
function inside(window, height, width) {
    const [first_row, end_row, first_column, end_column] = window;
    const fits = 0 <= first_row && end_row <= height && 0 <= first_column && end_column <= width;
    return window.length === 4 && window.every(Number.isInteger) && fits;
}

/**
 * All numbers that the formulas need.
 * @param {Options} options
 * @returns {Dials}
 */
export function complete(options) {
    const { sigma = 1e-4, gamma = 1e-4, eps = 1e-3, near = 1, far = 100 } = options;
    const { dist_eps = 1e-4, distance = "euclidean" } = options;
    const { perspective_correct = false, cull_backfaces = false } = options;
    const [height, width] = Array.isArray(options.size)
        ? options.size
        : [options.size, options.size];
    const sides = is_side(height) && is_side(width);
    check(sides, "size", options.size, "a positive whole number or a pair [H, W] of them");
    check(is_positive(sigma), "sigma", sigma, "a finite number > 0");
    check(is_positive(gamma), "gamma", gamma, "a finite number > 0");
    check(is_positive(near), "near", near, "a finite number > 0");
    check(is_positive(far) && far > near, "far", far, `a finite number above near = ${near}`);
    check(eps >= 0 && eps < Infinity, "eps", eps, "a finite number >= 0");
    check(dist_eps >= 0 && dist_eps < 0.5, "dist_eps", dist_eps, "a probability in [0, 0.5)");
    const window = options.window ?? [0, height, 0, width];
    check(inside(window, height, width), "window", window, "rows and columns of the picture");
    const known = distance === "euclidean" || distance === "barycentric";
    check(known, "distance", distance, "one of 'euclidean', 'barycentric'");
    return {
        height,
        width,
        sigma,
        gamma,
        eps,
        near,
        far,
        dist_eps,
        // D >= dist_eps, said of D's argument
        least_logit: dist_eps > 0 ? -Math.log(1 / dist_eps - 1) : -Infinity,
        reach: reach(sigma, dist_eps),
        euclidean: distance === "euclidean",
        perspective_correct,
        cull_backfaces,
        window,
    };
}

/**
 * RangeError unless triangles are F * 9 finite numbers and colours F * 3 * C, or null.
 * @param {Float64Array} triangles
 * @param {Float64Array | null} colors
 * @param {number} channels
 */
export function check_triangles(triangles, colors, channels) {
    check(triangles.length % 9 === 0, "triangles", `${triangles.length} numbers`, "F * 9");
    const bound = triangles.every((x) => Math.abs(x) < LARGEST); // NaN compares false
    const got = "NaN, infinity or a coordinate beyond 1e+15";
    check(bound, "triangles", got, "finite numbers");
    if (colors === null) return;
    const wanted = (triangles.length / 3) * channels;
    check(is_side(channels), "channels", channels, "a positive whole number");
    check(colors.length === wanted, "colors", `${colors.length} numbers`, `${wanted}`);
    check(colors.every(Number.isFinite), "colors", "NaN or infinity", "finite numbers");
}

/**
 * The background's colour in every pixel, H * W * C numbers, or a RangeError.
 * @param {number | Float64Array} background
 * @param {number} pixels
 * @param {number} channels
 * @returns {Float64Array}
 */
export function expand_background(background, pixels, channels) {
    const numbers = typeof background === "number" ? [background] : background;
    const finite = numbers.every((/** @type {number} */ x) => Number.isFinite(x));
    check(finite, "background", "NaN or infinity", "finite numbers");
    const count = numbers.length;
    const known = channels === 0 || count === 1 || count === channels ||
        count === pixels * channels;
    check(known, "background", `${count} numbers`, `1, ${channels} or ${pixels * channels}`);
    const all = new Float64Array(pixels * channels);
    for (let k = 0; k < all.length; k++) all[k] = numbers[k % count];
    return all;
}
