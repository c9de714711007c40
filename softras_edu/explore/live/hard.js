/**
 * The z-buffer that soft rasterization replaces, and the gradient that earlier work made by hand
 * for it: `rasterizers/hard.py` and `rasterizers/nmr.py`.
 *
 * Neural Mesh Renderer (NMR): Kato, Ushiku and Harada, "Neural 3D Mesh Renderer", CVPR 2018, arXiv
 * 1711.07566, section 3. A pixel's colour jumps when an edge sweeps over its centre. NMR replaces
 * the jump by a ramp: if a corner must move by `delta` for the edge to reach the pixel, and the
 * pixel would then change by `jump`, its derivative counts as jump / delta. It counts only where
 * that change would lower the loss, and only for triangles that are seen.
 */

import { reach_box } from "./boxes.js";
import {
    barycentric,
    clip_barycentric,
    interpolate_depth,
    least,
    pixel_center_x,
    pixel_center_y,
} from "./formulas.js";
import { check_triangles, complete } from "./options.js";
import { Face, Pair } from "./records.js";

/** @import { Options } from "./options.js" */

// Keeps a pixel that sits right on an edge from dividing by zero; the original's value, in NDC.
const NMR_EPS = 1e-4;

/**
 * Number of the nearest triangle over every pixel's centre, (H, W); -1 where there is none.
 * @param {Float64Array} triangles  (F, 3, 3)
 * @param {Options} options
 */
export function visible_face(triangles, options) {
    const o = { ...complete(options), reach: 0 }; // no blur
    check_triangles(triangles, null, 0);
    const seen = new Int32Array(o.height * o.width).fill(-1);
    const depth = new Float64Array(o.height * o.width).fill(Infinity);
    const f = new Face(), p = new Pair(), box = new Int32Array(4);
    for (let n = 0; n < triangles.length / 9; n++) {
        f.read(triangles, n);
        if (!reach_box(triangles.subarray(9 * n, 9 * n + 9), 0, f, box, o)) continue;
        for (let i = box[0]; i < box[1]; i++) {
            p.y = pixel_center_y(i, o.height);
            for (let j = box[2]; j < box[3]; j++) {
                p.x = pixel_center_x(j, o.height, o.width);
                barycentric(p, f);
                if (least(p) < 0) continue;
                clip_barycentric(p);
                interpolate_depth(p, f);
                const pixel = i * o.width + j;
                if (p.z < o.near || p.z > o.far || !(p.z < depth[pixel])) continue;
                depth[pixel] = p.z;
                seen[pixel] = n;
            }
        }
    }
    return seen;
}

/**
 * The silhouette of what is seen, (H, W): 0 or 1.
 * @param {Int32Array} face  from `visible_face`
 */
export function hard_silhouette(face) {
    const alpha = new Float64Array(face.length); // Float64Array.from would take ten times as long
    for (let pixel = 0; pixel < face.length; pixel++) alpha[pixel] = face[pixel] < 0 ? 0 : 1;
    return alpha;
}

/**
 * NMR's gradient of a silhouette, (F, 3, 3); 0 along z.
 * @param {Float64Array} triangles  (F, 3, 3)
 * @param {Int32Array} face  (H, W), from `visible_face`
 * @param {Float64Array} d_image  (H, W), the loss's derivative with respect to the silhouette
 * @param {number} height
 * @param {number} width
 */
export function nmr_gradient(triangles, face, d_image, height, width) {
    const d_triangles = new Float64Array(triangles.length);
    for (let corner = 0; corner < triangles.length / 3; corner++) {
        const next = corner % 3 < 2 ? corner + 1 : corner - 2;
        for (const axis of [0, 1]) { // the paper moves corners along x and along y separately
            const a = triangles[3 * corner + 1 - axis], b = triangles[3 * next + 1 - axis];
            const [first, end] = lines_between(Math.min(a, b), Math.max(a, b), axis, height, width);
            for (let line = first; line < end; line++) {
                pull_edge(triangles, corner, axis, line, face, d_image, height, width, d_triangles);
            }
        }
    }
    return d_triangles;
}

/**
 * The scanlines along an axis that an edge from `low` to `high` may cut: first, and one after the
 * last.
 * @param {number} low
 * @param {number} high
 * @param {number} axis
 * @param {number} height
 * @param {number} width
 */
function lines_between(low, high, axis, height, width) {
    const start = axis === 0 ? (1 - high) * height : low * height + width;
    const stop = axis === 0 ? (1 - low) * height : high * height + width;
    const first = Math.max(0, Math.floor(start / 2 - 0.5));
    return [first, Math.min(axis === 0 ? height : width, Math.ceil(stop / 2 - 0.5) + 1)];
}

/**
 * One edge, from a corner to the next, where one scanline cuts it.
 * @param {Float64Array} triangles
 * @param {number} corner  3 n + k for corner k of triangle n
 * @param {number} axis
 * @param {number} line
 * @param {Int32Array} face
 * @param {Float64Array} d_image
 * @param {number} height
 * @param {number} width
 * @param {Float64Array} d_triangles  the edge's pull is added
 */
function pull_edge(triangles, corner, axis, line, face, d_image, height, width, d_triangles) {
    const steps = axis === 0 ? width : height; // pixels of a scanline
    const step_size = axis === 0 ? 2 / height : -2 / height; // y runs down the image
    const start = axis === 0 ? (1 - width) / height : 1 - 1 / height; // where step 0 is
    const at = axis === 0 ? 1 - (2 * line + 1) / height : (2 * line + 1 - width) / height;
    const n = Math.floor(corner / 3), k1 = 3 * n + (corner + 1) % 3, k2 = 3 * n + (corner + 2) % 3;
    const a = triangles[3 * corner + axis], a_line = triangles[3 * corner + 1 - axis];
    const b = triangles[3 * k1 + axis], b_line = triangles[3 * k1 + 1 - axis];
    const c = triangles[3 * k2 + axis], c_line = triangles[3 * k2 + 1 - axis];
    const t = (at - a_line) / (b_line - a_line);
    if (a_line === b_line || !(t >= 0 && t < 1)) return;
    const cross_at = a + t * (b - a);
    // The triangle lies on the side of the edge where its third corner is.
    const side = (c - (a + (c_line - a_line) * (b - a) / (b_line - a_line))) / step_size;
    if (side === 0) return;
    const inward = side > 0 ? 1 : -1; // in steps
    const exact = (cross_at - start) / step_size; // where the edge is, counted in steps
    const step_in = inward > 0 ? Math.ceil(exact) : Math.floor(exact); // first pixel inside
    const step_out = step_in - inward; // last pixel outside
    if (Math.min(step_in, step_out) < 0 || Math.max(step_in, step_out) >= steps) return;
    const stride = axis === 0 ? 1 : width;
    const line_start = axis === 0 ? line * width : line;
    const face_in = face[line_start + step_in * stride];
    const face_out = face[line_start + step_out * stride];
    for (let step = 0; step < steps; step++) {
        const pixel = line_start + step * stride;
        if (d_image[pixel] === 0) continue;
        const outside = (step - step_out) * inward <= 0;
        // Outside it would show this triangle if the edge moved outward, and this triangle is what
        // is seen just inside; inside it would show what is outside if the edge moved inward.
        if ((outside ? face_in : face[pixel]) !== n) continue;
        const jump = Number((outside ? face_in : face_out) >= 0) - Number(face[pixel] >= 0);
        const change = jump * d_image[pixel];
        if (change >= 0) continue; // only changes that lower the loss
        const gap = start + step * step_size - cross_at; // how far the edge must travel
        // The edge moves by the lever times the corner's move.
        pull_corner(d_triangles, 3 * corner + axis, change, gap / Math.max(1 - t, 1e-9));
        pull_corner(d_triangles, 3 * k1 + axis, change, gap / Math.max(t, 1e-9));
    }
}

/**
 * @param {Float64Array} d_triangles
 * @param {number} index
 * @param {number} change
 * @param {number} delta
 */
function pull_corner(d_triangles, index, change, delta) {
    d_triangles[index] += change / (delta > 0 ? delta + NMR_EPS : delta - NMR_EPS);
}
