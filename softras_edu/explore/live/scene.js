/**
 * A mesh, a camera on its orbit and a lamp -> triangles on the screen and their colours: what
 * `camera`, `shading.py` and `rendering.py` do before they rasterize.
 *
 * A face's light is one, from its normal and the lamp: `shading="flat"`.
 */

/**
 * @typedef {object} Mesh
 * @property {Float64Array} verts  (V, 3), world, y up
 * @property {Int32Array} faces  (F, 3)
 * @property {Float64Array} colors  (F, 3, 3), one RGB in [0, 1] for each corner of each face
 */

/** @typedef {{ azimuth: number, elevation: number, distance: number }} Orbit  two in degrees */

const RADIAN = Math.PI / 180;
const AMBIENT = 0.35, DIFFUSE = 0.65; // those of `Lights`

/**
 * A vector at length 1; one of length 0 stays 0.
 * @param {number[]} vector
 */
export function unit(vector) {
    const length = Math.hypot(...vector);
    return length > 0 ? vector.map((number) => number / length) : [0, 0, 0];
}

/**
 * @param {number[]} a
 * @param {number[]} b
 */
export function cross(a, b) {
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/**
 * The direction with an azimuth and an elevation, in degrees: (cos e sin a, sin e, cos e cos a).
 * @param {number} azimuth
 * @param {number} elevation
 */
export function direction(azimuth, elevation) {
    const a = azimuth * RADIAN, e = elevation * RADIAN;
    return [Math.cos(e) * Math.sin(a), Math.sin(e), Math.cos(e) * Math.cos(a)];
}

/**
 * The camera's axes: right, up, and back to the eye.
 * @param {Orbit} orbit
 */
export function axes(orbit) {
    const back = direction(orbit.azimuth, orbit.elevation);
    const a = orbit.azimuth * RADIAN;
    const right = [Math.cos(a), 0, -Math.sin(a)];
    return [right, cross(back, right), back];
}

/**
 * Vertices -> (V, 3): x, y in NDC and the depth along the view axis.
 * @param {Float64Array} verts
 * @param {Orbit} orbit
 * @param {number} fov  the whole vertical angle of view, degrees
 */
export function project(verts, orbit, fov) {
    const [right, up, back] = axes(orbit), scale = Math.tan(fov / 2 * RADIAN);
    const screen = new Float64Array(verts.length);
    for (let k = 0; k < verts.length; k += 3) {
        const x = verts[k], y = verts[k + 1], z = verts[k + 2];
        const depth = orbit.distance - (back[0] * x + back[1] * y + back[2] * z);
        screen[k] = (right[0] * x + right[1] * y + right[2] * z) / (scale * depth);
        screen[k + 1] = (up[0] * x + up[1] * y + up[2] * z) / (scale * depth);
        screen[k + 2] = depth;
    }
    return screen;
}

/**
 * Numbers of the vertices (V, 3) -> of the corners of the faces, (F, 3, 3).
 * @param {Float64Array} numbers
 * @param {Int32Array} faces
 */
export function gather(numbers, faces) {
    const corners = new Float64Array(3 * faces.length);
    for (let k = 0; k < faces.length; k++) {
        for (let m = 0; m < 3; m++) corners[3 * k + m] = numbers[3 * faces[k] + m];
    }
    return corners;
}

/**
 * Colours of the corners under the lamp, (F, 3, 3): Lambert's law, one brightness a face.
 * @param {Mesh} mesh
 * @param {number[]} towards  the lamp: its length does not count
 */
export function shade(mesh, towards) {
    const corners = gather(mesh.verts, mesh.faces), colors = Float64Array.from(mesh.colors);
    const lamp = unit(towards);
    for (let n = 0; n < corners.length; n += 9) {
        const [a, b, c] = [0, 3, 6].map((k) => Array.from(corners.subarray(n + k, n + k + 3)));
        const normal = unit(cross(b.map((x, m) => x - a[m]), c.map((x, m) => x - a[m])));
        const facing = normal[0] * lamp[0] + normal[1] * lamp[1] + normal[2] * lamp[2];
        const light = AMBIENT + DIFFUSE * Math.max(facing, 0);
        for (let k = n; k < n + 9; k++) colors[k] *= light;
    }
    return colors;
}
