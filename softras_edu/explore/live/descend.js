/**
 * Gradient descent on a picture, as `fitting/optimize.py` and `torch.optim.Adam` do it: a loss, a
 * schedule for sigma, Adam's rule, and a fit that goes on step by step.
 *
 * Triangles lie in the plane of the screen, so x and y of their corners are the parameters. Corners
 * at the very same place are one vertex: a mesh stays whole, and a soup is a mesh without seams.
 */

import { hard_silhouette, nmr_gradient, visible_face } from "./hard.js";
import { check_triangles } from "./options.js";
import { rasterize, rasterize_backward } from "./rasterize.js";

/**
 * From `start` to `end` in equal ratios: half way stands their geometric mean.
 * @param {number} start
 * @param {number} end
 */
export function schedule(start, end) {
    return (/** @type {number} */ progress) => start * (end / start) ** progress;
}

/**
 * Intersection and union of two silhouettes, with values in [0, 1].
 * @param {Float64Array} alpha
 * @param {Float64Array} target
 */
function overlap(alpha, target) {
    let intersection = 0, union = 0;
    for (let k = 0; k < alpha.length; k++) {
        intersection += alpha[k] * target[k];
        union += alpha[k] + target[k] - alpha[k] * target[k];
    }
    return [intersection, Math.max(union, 1e-12)]; // two empty pictures have no overlap: loss 1
}

/**
 * 1 - intersection over union: `losses.iou`.
 * @param {Float64Array} alpha
 * @param {Float64Array} target
 */
export function iou(alpha, target) {
    const [intersection, union] = overlap(alpha, target);
    return 1 - intersection / union;
}

/**
 * Its derivative with respect to alpha. A quotient's: -(d_intersection - ratio d_union) / union.
 * @param {Float64Array} alpha
 * @param {Float64Array} target
 */
export function iou_backward(alpha, target) {
    const [intersection, union] = overlap(alpha, target), ratio = intersection / union;
    return target.map((t) => -(t - ratio * (1 - t)) / union);
}

/** Adam (Kingma and Ba, ICLR 2015, arXiv 1412.6980), with the numbers of torch.optim. */
export class Adam {
    /** @param {number} count  of parameters */
    constructor(count) {
        this.mean = new Float64Array(count); // of the gradient, and of its square
        this.square = new Float64Array(count);
        this.steps = 0;
    }

    /**
     * Changes the parameters in place.
     * @param {Float64Array} parameters
     * @param {Float64Array} gradient
     * @param {number} lr
     */
    step(parameters, gradient, lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8) {
        this.steps += 1;
        const bias1 = 1 - beta1 ** this.steps, bias2 = 1 - beta2 ** this.steps;
        for (let k = 0; k < parameters.length; k++) {
            const g = gradient[k];
            this.mean[k] += (1 - beta1) * (g - this.mean[k]);
            this.square[k] = beta2 * this.square[k] + (1 - beta2) * g * g;
            const size = Math.sqrt(this.square[k] / bias2) + eps;
            parameters[k] -= lr * this.mean[k] / bias1 / size;
        }
    }
}

/**
 * (F, 3, 3) triangles -> the number of each corner's vertex (3 F), and how many vertices there are.
 * @param {Float64Array} triangles
 */
export function weld(triangles) {
    /** @type {Map<string, number>} */
    const known = new Map();
    const vertex = new Int32Array(triangles.length / 3);
    for (let corner = 0; corner < vertex.length; corner++) {
        const place = triangles.subarray(3 * corner, 3 * corner + 3).join();
        if (!known.has(place)) known.set(place, known.size);
        vertex[corner] = known.get(place) ?? 0;
    }
    return { vertex, count: known.size };
}

/**
 * A silhouette (H, W) by one renderer, and the way back: d_alpha -> d_triangles.
 * @param {string} renderer  "hard", "NMR" or "soft"
 * @param {Float64Array} triangles
 * @param {number} size
 * @param {number} sigma
 */
export function silhouette(renderer, triangles, size, sigma) {
    if (renderer === "soft") {
        const drawn = rasterize(triangles, null, { size, sigma });
        return {
            alpha: drawn.image,
            backward: (/** @type {Float64Array} */ d_alpha) =>
                rasterize_backward(d_alpha, drawn).d_triangles,
        };
    }
    const face = visible_face(triangles, { size });
    return {
        alpha: hard_silhouette(face),
        backward: (/** @type {Float64Array} */ d_alpha) =>
            renderer === "NMR"
                ? nmr_gradient(triangles, face, d_alpha, size, size)
                : new Float64Array(triangles.length), // the z-buffer's has no gradient at all
    };
}

/**
 * @typedef {object} FitDials
 * @property {string} renderer
 * @property {number} size  H = W, pixels
 * @property {number} sigma_start  @property {number} sigma_end
 * @property {number} lr
 * @property {number} steps  after so many sigma stands at its end
 */

/** A fit: triangles on their way to a target. */
export class Fit {
    /** @param {Float64Array} triangles  (F, 3, 3), where it starts */
    constructor(triangles) {
        check_triangles(triangles, null, 0);
        this.start = triangles;
        this.triangles = Float64Array.from(triangles);
        /** @type {number[]} */
        this.losses = [];
        const { vertex, count } = weld(triangles);
        this.vertex = vertex;
        this.verts = new Float64Array(2 * count); // x and y of each
        for (let corner = 0; corner < vertex.length; corner++) {
            this.verts[2 * vertex[corner]] = triangles[3 * corner];
            this.verts[2 * vertex[corner] + 1] = triangles[3 * corner + 1];
        }
        this.rule = new Adam(this.verts.length);
    }

    /**
     * sigma of the next step.
     * @param {FitDials} dials
     */
    sigma(dials) {
        const progress = Math.min(this.losses.length / Math.max(dials.steps - 1, 1), 1);
        return schedule(dials.sigma_start, dials.sigma_end)(progress);
    }

    /**
     * Draws, compares, and moves the vertices.
     * @param {Float64Array} target  (H, W)
     * @param {FitDials} dials
     */
    step(target, dials) {
        const { renderer, size } = dials;
        const drawn = silhouette(renderer, this.triangles, size, this.sigma(dials));
        this.losses.push(iou(drawn.alpha, target));
        const d_triangles = drawn.backward(iou_backward(drawn.alpha, target));
        const d_verts = new Float64Array(this.verts.length);
        for (let corner = 0; corner < this.vertex.length; corner++) {
            d_verts[2 * this.vertex[corner]] += d_triangles[3 * corner];
            d_verts[2 * this.vertex[corner] + 1] += d_triangles[3 * corner + 1];
        }
        this.rule.step(this.verts, d_verts, dials.lr);
        for (let corner = 0; corner < this.vertex.length; corner++) {
            this.triangles[3 * corner] = this.verts[2 * this.vertex[corner]];
            this.triangles[3 * corner + 1] = this.verts[2 * this.vertex[corner] + 1];
        }
    }
}
