/**
 * What the formulas read and write: a triangle, a pair of pixel and triangle, the dials.
 *
 * They are made once and filled again for each pair, since an array for each of a million pairs
 * would have to be swept away again.
 */

import { doubled_area } from "./formulas.js";

/**
 * @typedef {object} Dials  The options of `rasterize`, complete. See `options.js`.
 * @property {number} height  @property {number} width
 * @property {number} sigma  @property {number} gamma  @property {number} eps
 * @property {number} near  @property {number} far
 * @property {number} dist_eps  @property {number} least_logit  @property {number} reach
 * @property {boolean} euclidean  @property {boolean} perspective_correct
 * @property {boolean} cull_backfaces  @property {number[]} window
 */

// Fields start as NaN and not as 0: one that starts as a whole number is slower for all its life.

/** The segment from a to b. */
export class Edge {
    ax = NaN;
    ay = NaN;
    edge_x = NaN;
    edge_y = NaN;
    inv_length2 = NaN;

    /**
     * @param {number} ax
     * @param {number} ay
     * @param {number} bx
     * @param {number} by
     */
    set(ax, ay, bx, by) {
        this.ax = ax;
        this.ay = ay;
        this.edge_x = bx - ax;
        this.edge_y = by - ay;
        this.inv_length2 = 1 / (this.edge_x * this.edge_x + this.edge_y * this.edge_y);
    }
}

/** A triangle, and what is the same for all its pixels. */
export class Face {
    x0 = NaN;
    y0 = NaN;
    x1 = NaN;
    y1 = NaN;
    x2 = NaN;
    y2 = NaN;
    area = NaN;
    inv_area = NaN;
    inv_z0 = NaN;
    inv_z1 = NaN;
    inv_z2 = NaN;
    edge01 = new Edge();
    edge12 = new Edge();
    edge20 = new Edge();

    /**
     * Triangle n of (F, 3, 3) numbers.
     * @param {Float64Array} triangles
     * @param {number} n
     */
    read(triangles, n) {
        const k = 9 * n;
        this.x0 = triangles[k];
        this.y0 = triangles[k + 1];
        this.inv_z0 = 1 / triangles[k + 2];
        this.x1 = triangles[k + 3];
        this.y1 = triangles[k + 4];
        this.inv_z1 = 1 / triangles[k + 5];
        this.x2 = triangles[k + 6];
        this.y2 = triangles[k + 7];
        this.inv_z2 = 1 / triangles[k + 8];
        this.area = doubled_area(this);
        this.inv_area = 1 / this.area;
        this.edge01.set(this.x0, this.y0, this.x1, this.y1);
        this.edge12.set(this.x1, this.y1, this.x2, this.y2);
        this.edge20.set(this.x2, this.y2, this.x0, this.y0);
    }
}

/** One pixel and one triangle: what the formulas find, in the order in which they find it. */
export class Pair {
    x = NaN; // the pixel's centre
    y = NaN;
    v0 = NaN; // barycentric weights as they come
    v1 = NaN;
    v2 = NaN;
    w0 = NaN; // clipped and renormalised
    w1 = NaN;
    w2 = NaN;
    inv_w_sum = NaN;
    d2 = NaN; // squared distance to the boundary
    t = NaN; // place of the closest point on its edge
    gap_x = NaN; // from there to the pixel
    gap_y = NaN;
    lever0 = NaN; // the closest point is lever0 a + lever1 b + lever2 c
    lever1 = NaN;
    lever2 = NaN;
    logit = NaN; // +-d2 / sigma
    log_d = NaN; // log D
    log_outside = NaN; // log(1 - D)
    z = NaN;
    u0 = NaN; // weights of the corner colours
    u1 = NaN;
    u2 = NaN;

    d_logit = NaN;
    d_u0 = NaN;
    d_u1 = NaN;
    d_u2 = NaN;
    d_z = NaN;
    d_w0 = NaN;
    d_w1 = NaN;
    d_w2 = NaN;
    d_v0 = NaN;
    d_v1 = NaN;
    d_v2 = NaN;
    d_inv_z0 = NaN;
    d_inv_z1 = NaN;
    d_inv_z2 = NaN;
    push_x = NaN; // what flows to the corners through d2, once a pixel
    push_y = NaN;
    pull_x = NaN; // and through the weights
    pull_y = NaN;
}
