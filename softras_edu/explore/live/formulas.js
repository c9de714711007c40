/**
 * Section 3 of the Soft Rasterizer (Liu et al., ICCV 2019, arXiv 1904.01786), number by number,
 * each formula with its derivative. `formulas.py` and `rasterizers/numba_cpu/pair.py` in
 * JavaScript: the same names in the same order, so that two can be read side by side.
 *
 *     barycentric, clip_barycentric                    where a pixel is in a triangle
 *     squared_distance, signed_logit, log_probability  D, how much a triangle covers a pixel
 *     interpolate_depth, color_weights                 z and the weights of the corner colours
 *     log_softmax_weight                               how triangles share the pixel's colour
 *     ..._backward                                     from the derivatives of what f returns to
 *                                                      those of what it takes
 *
 * `d_x` is the derivative of the loss with respect to x. A function that finds more than one number
 * writes them into a `Pair` (`records.js`). All numbers are float64, as all are in JavaScript.
 */

/** @import { Dials, Edge, Face, Pair } from "./records.js" */

// ------------------------------------------------------------ where a pixel is in a triangle

/**
 * Centre of column j in NDC: x to the right, pixels are square.
 * @param {number} j
 * @param {number} height
 * @param {number} width
 */
export function pixel_center_x(j, height, width) {
    return (2 * j + 1 - width) / height;
}

/**
 * Centre of row i in NDC: y up, the image's height spans [-1, 1].
 * @param {number} i
 * @param {number} height
 */
export function pixel_center_y(i, height) {
    return 1 - (2 * i + 1) / height;
}

/**
 * Doubled signed area of a triangle on the screen: positive if its corners run counter-clockwise.
 * @param {Face} f
 */
export function doubled_area(f) {
    return (f.x1 - f.x0) * (f.y2 - f.y0) - (f.y1 - f.y0) * (f.x2 - f.x0);
}

/**
 * v0, v1, v2: they sum to 1, and inside the triangle none is negative.
 * @param {Pair} p
 * @param {Face} f
 */
export function barycentric(p, f) {
    const x0 = f.x0 - p.x, x1 = f.x1 - p.x, x2 = f.x2 - p.x; // the corners as the pixel sees them
    const y0 = f.y0 - p.y, y1 = f.y1 - p.y, y2 = f.y2 - p.y;
    p.v0 = (x1 * y2 - y1 * x2) * f.inv_area;
    p.v1 = (x2 * y0 - y2 * x0) * f.inv_area;
    p.v2 = (x0 * y1 - y0 * x1) * f.inv_area;
}

/**
 * The smallest of v0, v1, v2: above 0 inside the triangle.
 * @param {Pair} p
 */
export function least(p) {
    return Math.min(p.v0, p.v1, p.v2);
}

/** @param {number} x */
function clamp(x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/**
 * w0, w1, w2: v clipped to [0, 1] and divided by their sum, which is at least 1. (The weights of a
 * very thin triangle may all be lost in rounding: then its centroid serves, and nothing flows
 * back.)
 * @param {Pair} p
 */
export function clip_barycentric(p) {
    const w0 = clamp(p.v0), w1 = clamp(p.v1), w2 = clamp(p.v2);
    const w_sum = w0 + w1 + w2;
    const lost = w_sum < 0.5;
    p.inv_w_sum = lost ? 0 : 1 / w_sum;
    p.w0 = lost ? 1 / 3 : w0 * p.inv_w_sum;
    p.w1 = lost ? 1 / 3 : w1 * p.inv_w_sum;
    p.w2 = lost ? 1 / 3 : w2 * p.inv_w_sum;
}

// ------------------------------------------------------------ D, the probability map

/**
 * d2: squared distance from the pixel (x, y) to the triangle's boundary: three segments, not lines.
 * @param {number} x
 * @param {number} y
 * @param {Face} f
 */
export function squared_distance(x, y, f) {
    const d2_01 = segment_squared_distance(x, y, f.edge01);
    const d2_12 = segment_squared_distance(x, y, f.edge12);
    const d2_20 = segment_squared_distance(x, y, f.edge20);
    return Math.min(d2_01, d2_12, d2_20);
}

/**
 * @param {number} x
 * @param {number} y
 * @param {Edge} e
 */
export function segment_squared_distance(x, y, e) {
    const from_a_x = x - e.ax, from_a_y = y - e.ay;
    const t = clamp((from_a_x * e.edge_x + from_a_y * e.edge_y) * e.inv_length2);
    const gap_x = from_a_x - t * e.edge_x, gap_y = from_a_y - t * e.edge_y;
    return gap_x * gap_x + gap_y * gap_y;
}

/**
 * Gap and levers of the closest point, for the backward pass, which alone needs them. Where two
 * edges are equally far the first serves: the image has a crease there.
 * @param {Pair} p
 * @param {Face} f
 */
export function nearest(p, f) {
    p.d2 = Infinity;
    if (nearer_segment(p, f.edge01)) set_levers(p, 1 - p.t, p.t, 0);
    if (nearer_segment(p, f.edge12)) set_levers(p, 0, 1 - p.t, p.t);
    if (nearer_segment(p, f.edge20)) set_levers(p, p.t, 0, 1 - p.t);
}

/**
 * Is this segment nearer to the pixel than p.d2? If so its d2 and gap, and the place t of its
 * closest point a + t (b - a), go into p.
 * @param {Pair} p
 * @param {Edge} e
 */
export function nearer_segment(p, e) {
    const from_a_x = p.x - e.ax, from_a_y = p.y - e.ay;
    // t minimises the distance, so d2 does not change to first order when t does (the envelope
    // theorem): it needs no derivative of its own.
    const t = clamp((from_a_x * e.edge_x + from_a_y * e.edge_y) * e.inv_length2);
    const gap_x = from_a_x - t * e.edge_x, gap_y = from_a_y - t * e.edge_y;
    const d2 = gap_x * gap_x + gap_y * gap_y;
    if (!(d2 < p.d2)) return false;
    p.d2 = d2;
    p.gap_x = gap_x;
    p.gap_y = gap_y;
    p.t = t;
    return true;
}

/**
 * @param {Pair} p
 * @param {number} lever0
 * @param {number} lever1
 * @param {number} lever2
 */
function set_levers(p, lever0, lever1, lever2) {
    p.lever0 = lever0;
    p.lever1 = lever1;
    p.lever2 = lever2;
}

/**
 * +d2 / sigma inside the triangle, -d2 / sigma outside. Linear in d2.
 * @param {Pair} p
 * @param {number} d2
 * @param {Dials} o
 */
export function signed_logit(p, d2, o) {
    return (least(p) > 0 ? d2 : -d2) / o.sigma;
}

/**
 * log D and log(1 - D) for D = sigmoid(logit). exp only ever sees a number <= 0.
 * @param {Pair} p
 */
export function log_probability(p) {
    const rest = Math.log1p(Math.exp(-Math.abs(p.logit)));
    p.log_d = Math.min(p.logit, 0) - rest;
    p.log_outside = Math.min(-p.logit, 0) - rest;
}

/**
 * D itself, the derivative of -log(1 - D); and 1 - D, that of log D, is probability(-logit).
 * @param {number} logit
 */
export function probability(logit) {
    const small = Math.exp(-Math.abs(logit));
    return (logit > 0 ? 1 : small) / (1 + small);
}

/**
 * How far outside its edge a triangle still counts, in NDC: there D has fallen to dist_eps.
 * @param {number} sigma
 * @param {number} dist_eps
 */
export function reach(sigma, dist_eps) {
    return dist_eps > 0 ? Math.sqrt(sigma * Math.log(1 / dist_eps - 1)) : Infinity;
}

// ------------------------------------------------------------ depth and colour of a pair

/**
 * z = 1 / sum(w_k / z_k), the depth of the plane through the corners.
 * @param {Pair} p
 * @param {Face} f
 */
export function interpolate_depth(p, f) {
    p.z = 1 / (p.w0 * f.inv_z0 + p.w1 * f.inv_z1 + p.w2 * f.inv_z2);
}

/**
 * u0, u1, u2, C = sum(u_k c_k): w, or perspective correct w_k z / z_k.
 * @param {Pair} p
 * @param {Face} f
 * @param {Dials} o
 */
export function color_weights(p, f, o) {
    p.u0 = o.perspective_correct ? p.w0 * f.inv_z0 * p.z : p.w0;
    p.u1 = o.perspective_correct ? p.w1 * f.inv_z1 * p.z : p.w1;
    p.u2 = o.perspective_correct ? p.w2 * f.inv_z2 * p.z : p.w2;
}

/**
 * log(D exp(zn / gamma)) - 1 / gamma, zn = (far - z) / (far - near). Less 1 / gamma for the
 * background too, so that it cancels: near - z keeps more digits than far - z.
 * @param {Pair} p
 * @param {Dials} o
 */
export function log_softmax_weight(p, o) {
    return p.log_d + (o.near - p.z) / ((o.far - o.near) * o.gamma);
}

/**
 * Everything about a pixel and a triangle, in the order of the paper. False: the pair does not
 * count, because D < dist_eps or because its depth is outside [near, far].
 *
 * For distance="barycentric" d2 is the smallest weight squared.
 * @param {Pair} p
 * @param {Face} f
 * @param {Dials} o
 */
export function pair_forward(p, f, o) {
    barycentric(p, f);
    p.d2 = o.euclidean ? squared_distance(p.x, p.y, f) : least(p) * least(p);
    p.logit = signed_logit(p, p.d2, o);
    if (!(p.logit >= o.least_logit) || p.logit === -Infinity) return false;
    clip_barycentric(p);
    interpolate_depth(p, f);
    if (!(p.z >= o.near && p.z <= o.far)) return false;
    log_probability(p);
    return true;
}

// ------------------------------------------------------------ backward, notebook 08's steps

/**
 * z and u -> w and 1 / z_k. u_k = w_k / z_k * z, if perspective correct: each factor's derivative
 * is the other two. And z = 1 / sum(w_k / z_k) has the slope -z**2 in the sum.
 * @param {Pair} p
 * @param {Face} f
 * @param {Dials} o
 */
export function depth_backward(p, f, o) {
    let d_z = p.d_z;
    p.d_w0 = p.d_u0;
    p.d_w1 = p.d_u1;
    p.d_w2 = p.d_u2;
    p.d_inv_z0 = 0;
    p.d_inv_z1 = 0;
    p.d_inv_z2 = 0;
    if (o.perspective_correct) {
        p.d_w0 = p.d_u0 * f.inv_z0 * p.z;
        p.d_w1 = p.d_u1 * f.inv_z1 * p.z;
        p.d_w2 = p.d_u2 * f.inv_z2 * p.z;
        p.d_inv_z0 = p.d_u0 * p.w0 * p.z;
        p.d_inv_z1 = p.d_u1 * p.w1 * p.z;
        p.d_inv_z2 = p.d_u2 * p.w2 * p.z;
        d_z += p.d_u0 * p.w0 * f.inv_z0 + p.d_u1 * p.w1 * f.inv_z1 + p.d_u2 * p.w2 * f.inv_z2;
    }
    const d_sum = -d_z * p.z * p.z;
    p.d_w0 += d_sum * f.inv_z0;
    p.d_w1 += d_sum * f.inv_z1;
    p.d_w2 += d_sum * f.inv_z2;
    p.d_inv_z0 += d_sum * p.w0;
    p.d_inv_z1 += d_sum * p.w1;
    p.d_inv_z2 += d_sum * p.w2;
}

/**
 * w -> v. From w_k = clipped_k / w_sum: (d_w_k - sum_m d_w_m w_m) / w_sum. Then the clamp passes on
 * what lay in [0, 1], ends included.
 * @param {Pair} p
 */
export function clip_barycentric_backward(p) {
    const mean = p.d_w0 * p.w0 + p.d_w1 * p.w1 + p.d_w2 * p.w2;
    p.d_v0 = p.v0 >= 0 && p.v0 <= 1 ? (p.d_w0 - mean) * p.inv_w_sum : 0;
    p.d_v1 = p.v1 >= 0 && p.v1 <= 1 ? (p.d_w1 - mean) * p.inv_w_sum : 0;
    p.d_v2 = p.v2 >= 0 && p.v2 <= 1 ? (p.d_w2 - mean) * p.inv_w_sum : 0;
}

/**
 * d2 -> v, added to d_v, for distance="barycentric": d2 = least**2, least the smallest v.
 * @param {Pair} p
 * @param {number} d_d2
 */
export function least_backward(p, d_d2) {
    const d_least = d_d2 * 2 * least(p);
    if (p.v0 <= p.v1 && p.v0 <= p.v2) p.d_v0 += d_least;
    else if (p.v1 <= p.v2) p.d_v1 += d_least;
    else p.d_v2 += d_least;
}

/**
 * v -> the pixel, as if it could move: sum_k d_v_k (gradient of v_k); v_k is affine in x and y.
 * @param {Pair} p
 * @param {Face} f
 */
export function barycentric_backward(p, f) {
    p.pull_x = (p.d_v0 * (f.y1 - f.y2) + p.d_v1 * (f.y2 - f.y0) + p.d_v2 * (f.y0 - f.y1)) *
        f.inv_area;
    p.pull_y = (p.d_v0 * (f.x2 - f.x1) + p.d_v1 * (f.x0 - f.x2) + p.d_v2 * (f.x1 - f.x0)) *
        f.inv_area;
}

/**
 * logit, z and u -> what the corners need: push, pull and d_inv_z.
 *
 * d2 = |gap|**2, gap = pixel - (lever0 a + lever1 b + lever2 c): d d2 / d corner_k = -2 lever_k
 * gap. v does not change when pixel and triangle move together, and when corner k moves by h, the
 * point of the triangle under the pixel moves by v_k h: d v / d corner_k = -v_k d v / d pixel. So
 *
 *     d_corner_k = -(lever_k push + v_k pull)
 * @param {Pair} p
 * @param {Face} f
 * @param {Dials} o
 */
export function pair_backward(p, f, o) {
    depth_backward(p, f, o);
    clip_barycentric_backward(p);
    const d_d2 = signed_logit(p, p.d_logit, o); // linear: the derivative is the same function
    if (o.euclidean) {
        nearest(p, f);
    } else {
        least_backward(p, d_d2);
        p.gap_x = 0;
        p.gap_y = 0;
        set_levers(p, 0, 0, 0);
    }
    p.push_x = 2 * d_d2 * p.gap_x;
    p.push_y = 2 * d_d2 * p.gap_y;
    barycentric_backward(p, f);
}
