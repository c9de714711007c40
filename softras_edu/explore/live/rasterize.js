/**
 * The sixth rung: `rasterize` in the browser, forward and backward, in float64.
 *
 *     formulas.js    the mathematics of one (pixel, triangle) pair, each with its derivative
 *     boxes.js       which pixels a triangle can reach          options.js  what may be asked for
 *     this file      the two loops over triangles and pixels
 *
 * It is rung 4 (`rasterizers/numba_cpu`) once more, without its lanes: for each triangle, for the
 * pixels of its box, add the triangle to the pixel. A few numbers a pixel are kept, and the
 * backward pass computes a pair once more instead of remembering it. Of the contract it has all but
 * batches, textures and GenDR's other distributions.
 *
 * Letters: F faces, H x W pixels, C channels; arrays are flat and in the order of their letters.
 */

import { reach_box } from "./boxes.js";
import {
    color_weights,
    log_softmax_weight,
    pair_backward,
    pair_forward,
    pixel_center_x,
    pixel_center_y,
    probability,
} from "./formulas.js";
import { Face, Pair } from "./records.js";
import { check_triangles, complete, expand_background } from "./options.js";

/** @import { Dials } from "./records.js" */
/** @import { Options } from "./options.js" */

/**
 * @typedef {object} Drawn  An image, and what the backward pass wants to know of it.
 * @property {Float64Array} image  (H, W, C + 1): colour channels, then silhouette alpha
 * @property {number} channels  C; 0 for a silhouette
 * @property {number} pairs  how many pairs of pixel and triangle counted
 * @property {Float64Array} triangles  @property {Float64Array | null} colors
 * @property {Int32Array} box  (F, 4), from `reach_box`
 * @property {Float64Array} log_product  (H, W): log prod_j (1 - D_j)
 * @property {Float64Array} peak  (H, W): the largest log weight
 * @property {Float64Array} den  (H, W): sum of exp(log_weight - peak)
 * @property {Dials} dials
 */

/**
 * @typedef {object} Gradient  Of a loss, with respect to what `rasterize` takes.
 * @property {Float64Array} d_triangles  (F, 3, 3): x, y and z of every corner
 * @property {Float64Array} d_colors  (F, 3, C)
 * @property {Float64Array} d_background  (H, W, C)
 */

/**
 * Soft-rasterize screen triangles.
 *
 * @param {Float64Array} triangles  (F, 3, 3): corner x, y in NDC and z, the depth
 * @param {Float64Array | null} colors  (F, 3, C), one colour a corner; null: the silhouette alone
 * @param {Options} options
 * @returns {Drawn}
 * @throws {RangeError} names the argument, what it got and what it wanted
 */
export function rasterize(triangles, colors, options) {
    const o = complete(options);
    const channels = colors === null ? 0 : options.channels ?? 3;
    check_triangles(triangles, colors, channels);
    const pixels = o.height * o.width, faces = triangles.length / 9;
    const color = expand_background(options.background ?? 0, pixels, channels);
    /** @type {Drawn} */
    const drawn = {
        image: new Float64Array(pixels * (channels + 1)),
        channels,
        pairs: 0,
        triangles,
        colors,
        box: new Int32Array(4 * faces),
        log_product: new Float64Array(pixels),
        // As if the background had been the first face; eps is less 1, as the depth score is.
        // A silhouette needs neither.
        peak: new Float64Array(channels === 0 ? 0 : pixels).fill((o.eps - 1) / o.gamma),
        den: new Float64Array(channels === 0 ? 0 : pixels).fill(1),
        dials: o,
    };
    const f = new Face(), p = new Pair();
    for (let n = 0; n < faces; n++) {
        f.read(triangles, n);
        if (!reach_box(triangles, n, f, drawn.box, o)) continue;
        for (let i = drawn.box[4 * n]; i < drawn.box[4 * n + 1]; i++) {
            p.y = pixel_center_y(i, o.height);
            for (let j = drawn.box[4 * n + 2]; j < drawn.box[4 * n + 3]; j++) {
                p.x = pixel_center_x(j, o.height, o.width);
                if (!pair_forward(p, f, o)) continue;
                const pixel = i * o.width + j;
                drawn.pairs++;
                drawn.log_product[pixel] += p.log_outside; // A_O
                if (colors === null) continue;
                color_weights(p, f, o);
                aggregate_color(drawn, color, colors, pixel, n, p);
            }
        }
    }
    finish_pixels(drawn, color);
    return drawn;
}

/**
 * A_S: a face arrives at a pixel, one step of the online softmax. What both sums have so far
 * shrinks by exp(old peak - new peak); the face weighs exp(log_weight - new peak). One of them is
 * 1.
 * @param {Drawn} drawn
 * @param {Float64Array} color  (H, W, C): sum of exp(log_weight - peak) C_j
 * @param {Float64Array} colors
 * @param {number} pixel
 * @param {number} n
 * @param {Pair} p
 */
function aggregate_color(drawn, color, colors, pixel, n, p) {
    const { peak, den, channels } = drawn;
    const rise = log_softmax_weight(p, drawn.dials) - peak[pixel];
    const small = Math.exp(-Math.abs(rise));
    const weight = rise > 0 ? 1 : small, shrink = rise > 0 ? small : 1;
    if (rise > 0) peak[pixel] += rise;
    den[pixel] = den[pixel] * shrink + weight;
    for (let m = 0; m < channels; m++) {
        const k0 = 3 * n * channels + m, k1 = k0 + channels, k2 = k1 + channels;
        const face_color = p.u0 * colors[k0] + p.u1 * colors[k1] + p.u2 * colors[k2];
        const at = pixel * channels + m;
        color[at] = color[at] * shrink + weight * face_color;
    }
}

/**
 * `color` is divided by `den`, and color and alpha = 1 - prod_j (1 - D_j) go into the image.
 * @param {Drawn} drawn
 * @param {Float64Array} color
 */
function finish_pixels(drawn, color) {
    const { image, channels, den, log_product, dials: o } = drawn;
    // Outside the window a silhouette is 0, as it is already; a colour is the background's.
    const [first_row, end_row] = channels === 0 ? o.window : [0, o.height];
    for (let pixel = first_row * o.width; pixel < end_row * o.width; pixel++) {
        const at = pixel * (channels + 1);
        for (let m = 0; m < channels; m++) {
            image[at + m] = color[pixel * channels + m] / den[pixel];
        }
        // Most pixels see no triangle: nothing to compute.
        if (log_product[pixel] !== 0) image[at + channels] = 0 - Math.expm1(log_product[pixel]);
    }
}

/**
 * The whole derivative of the image, times d_image: the gradient of a loss.
 *
 * @param {Float64Array} d_image  (H, W, C + 1), the loss's derivative with respect to the image
 * @param {Drawn} drawn  from `rasterize`
 * @param {(pixel: number, n: number, p: Pair) => void} [told]  of each pixel and triangle, when p
 *     has what flows to the triangle's corners
 * @returns {Gradient}
 */
export function rasterize_backward(d_image, drawn, told) {
    const { triangles, box, channels, dials: o } = drawn;
    if (d_image.length !== drawn.image.length) {
        throw new RangeError(
            `d_image: got ${d_image.length} numbers, wanted ${drawn.image.length}, as in the image`,
        );
    }
    const pixels = o.height * o.width;
    const gradient = {
        d_triangles: new Float64Array(triangles.length),
        d_colors: new Float64Array((triangles.length / 3) * channels),
        d_background: new Float64Array(pixels * channels),
    };
    background_backward(d_image, drawn, gradient.d_background);
    const f = new Face(), p = new Pair();
    for (let n = 0; n < triangles.length / 9; n++) {
        f.read(triangles, n);
        for (let i = box[4 * n]; i < box[4 * n + 1]; i++) {
            p.y = pixel_center_y(i, o.height);
            for (let j = box[4 * n + 2]; j < box[4 * n + 3]; j++) {
                const pixel = i * o.width + j;
                p.x = pixel_center_x(j, o.height, o.width);
                if (!asked(d_image, pixel, channels) || !pair_forward(p, f, o)) continue;
                color_weights(p, f, o);
                aggregate_backward(d_image, drawn, pixel, n, p, gradient.d_colors);
                pair_backward(p, f, o);
                add_corners(gradient.d_triangles, n, f, p);
                if (told !== undefined) told(pixel, n, p);
            }
        }
    }
    return gradient;
}

/**
 * Whether the loss depends on this pixel: from the others nothing flows back.
 * @param {Float64Array} d_image
 * @param {number} pixel
 * @param {number} channels
 */
function asked(d_image, pixel, channels) {
    const end = (pixel + 1) * (channels + 1);
    for (let k = pixel * (channels + 1); k < end; k++) if (d_image[k] !== 0) return true;
    return false;
}

/**
 * @param {Float64Array} d_image
 * @param {Drawn} drawn
 * @param {Float64Array} d_background
 */
function background_backward(d_image, drawn, d_background) {
    const { channels, peak, den, dials: o } = drawn;
    for (let k = 0; k < d_background.length; k++) {
        const pixel = Math.floor(k / channels);
        const share = Math.exp((o.eps - 1) / o.gamma - peak[pixel]) / den[pixel];
        d_background[k] = share * d_image[k + pixel]; // the image has one channel more
    }
}

/**
 * Pixel -> d_logit, d_u, d_z of the pair, and d_colors of the triangle's corners.
 *
 * alpha = 1 - exp(sum log(1 - D)), so d alpha / d logit = prod(1 - D) D. And color = sum_j share_j
 * C_j with share_j = exp(log_weight_j - peak) / den, so d color / d C_j is share_j, and
 * d color / d log_weight_j is share_j (C_j - color).
 * @param {Float64Array} d_image
 * @param {Drawn} drawn
 * @param {number} pixel
 * @param {number} n
 * @param {Pair} p
 * @param {Float64Array} d_colors
 */
function aggregate_backward(d_image, drawn, pixel, n, p, d_colors) {
    const { image, channels, colors, peak, den, log_product, dials: o } = drawn;
    const at = pixel * (channels + 1);
    const through_alpha = d_image[at + channels] * Math.exp(log_product[pixel]);
    p.d_logit = through_alpha * probability(p.logit);
    p.d_u0 = 0;
    p.d_u1 = 0;
    p.d_u2 = 0;
    p.d_z = 0;
    if (colors === null) return;
    const share = Math.exp(log_softmax_weight(p, o) - peak[pixel]) / den[pixel];
    let d_log_weight = 0;
    for (let m = 0; m < channels; m++) {
        const k0 = 3 * n * channels + m, k1 = k0 + channels, k2 = k1 + channels;
        const face_color = p.u0 * colors[k0] + p.u1 * colors[k1] + p.u2 * colors[k2];
        const d_face_color = share * d_image[at + m];
        d_log_weight += d_face_color * (face_color - image[at + m]);
        p.d_u0 += d_face_color * colors[k0];
        p.d_u1 += d_face_color * colors[k1];
        p.d_u2 += d_face_color * colors[k2];
        d_colors[k0] += d_face_color * p.u0;
        d_colors[k1] += d_face_color * p.u1;
        d_colors[k2] += d_face_color * p.u2;
    }
    p.d_logit += d_log_weight * probability(-p.logit);
    p.d_z = -d_log_weight / ((o.far - o.near) * o.gamma);
}

/**
 * push, pull and d_inv_z -> the corners: d (1 / z_k) / d z_k = -(1 / z_k)**2.
 * @param {Float64Array} d_triangles
 * @param {number} n
 * @param {Face} f
 * @param {Pair} p
 */
function add_corners(d_triangles, n, f, p) {
    const k = 9 * n;
    d_triangles[k] -= p.lever0 * p.push_x + p.v0 * p.pull_x;
    d_triangles[k + 1] -= p.lever0 * p.push_y + p.v0 * p.pull_y;
    d_triangles[k + 2] -= p.d_inv_z0 * f.inv_z0 * f.inv_z0;
    d_triangles[k + 3] -= p.lever1 * p.push_x + p.v1 * p.pull_x;
    d_triangles[k + 4] -= p.lever1 * p.push_y + p.v1 * p.pull_y;
    d_triangles[k + 5] -= p.d_inv_z1 * f.inv_z1 * f.inv_z1;
    d_triangles[k + 6] -= p.lever2 * p.push_x + p.v2 * p.pull_x;
    d_triangles[k + 7] -= p.lever2 * p.push_y + p.v2 * p.pull_y;
    d_triangles[k + 8] -= p.d_inv_z2 * f.inv_z2 * f.inv_z2;
}
