/**
 * Orbit a mesh: drag to turn it, wheel to come nearer; sigma, gamma and the lamp as one likes. The
 * picture is that of `render` with the same camera and lights.
 */

import { MAP, ORANGE } from "./palette.js";
import { Handle, Panel } from "./panel.js";
import { rasterize } from "./rasterize.js";
import { direction, gather, project, shade } from "./scene.js";
import { Stage } from "./stage.js";

/** @import { Drawn } from "./rasterize.js" */
/** @import { Mesh, Orbit } from "./scene.js" */
/** @import { Model } from "./stage.js" */

const ORBIT_SIZE = 128; // pixels a side
const FOV = 45; // degrees
const BACKGROUND = 33 / 255;
const NEAR = 1; // the rasterizer's own: what is nearer is not drawn
const FARTHEST_EYE = 20;
const SLOW = 33; // milliseconds: a picture that takes longer is coarse while it is moved
const REST = 150; // milliseconds without a change, and it is drawn fine again

class OrbitMesh {
    /**
     * @param {Model} model
     * @param {HTMLElement} el
     */
    constructor(model, el) {
        this.model = model;
        const eye = ["azimuth", "elevation", "distance"];
        const others = ["mesh", "sigma", "gamma", "light_azimuth", "light_elevation"];
        this.stage = new Stage(model, el, [...eye, ...others], () => this.draw());
        this.dials = this.add_dials();
        this.picture = new Panel();
        this.alpha = new Panel();
        this.stage.panels.append(this.picture.box, this.alpha.box);
        this.lamp = new Handle(this.picture, "the lamp", true, (x, y) => this.move_lamp(x, y));
        // Not painted on the picture, which stays that of `render`.
        this.lamp.ring.style.background = `radial-gradient(circle, ${ORANGE} 4px, transparent 5px)`;
        this.moving = false;
        this.slow = false;
        this.timer = 0;
        this.listen();
        this.stage.show();
    }

    add_dials() {
        const set = (/** @type {string} */ name) => (/** @type {number} */ value) =>
            this.move(name, value);
        const power = (/** @type {string} */ name) => (/** @type {number} */ value) =>
            this.move(name, 10 ** value);
        return {
            azimuth: this.stage.dial("azimuth (degrees)", -180, 180, 1, set("azimuth")),
            elevation: this.stage.dial("elevation", -90, 90, 1, set("elevation")),
            distance: this.stage.dial("distance", 1, FARTHEST_EYE, 0.05, set("distance")),
            sigma: this.stage.dial("sigma (blur)", -6, -2, 0.05, power("sigma")),
            gamma: this.stage.dial("gamma (depth)", -5, -1, 0.05, power("gamma")),
        };
    }

    listen() {
        const { canvas } = this.picture;
        canvas.style.touchAction = "none";
        canvas.style.cursor = "grab";
        let [from_x, from_y] = [0, 0];
        canvas.addEventListener("pointerdown", (event) => {
            canvas.setPointerCapture(event.pointerId);
            [from_x, from_y] = this.picture.point(event);
            event.preventDefault();
        });
        canvas.addEventListener("pointermove", (event) => {
            if (!canvas.hasPointerCapture(event.pointerId)) return;
            const [x, y] = this.picture.point(event);
            this.turn(x - from_x, y - from_y);
            [from_x, from_y] = [x, y];
        });
        canvas.addEventListener("wheel", (event) => {
            event.preventDefault();
            const nearest = 1.01 * (NEAR + radius(this.mesh()));
            const distance = this.model.get("distance") * Math.exp(event.deltaY / 1000);
            this.move("distance", Math.min(Math.max(distance, nearest), FARTHEST_EYE));
        }, { passive: false });
    }

    /**
     * The mesh follows the hand: the camera goes the other way. Half the panel is 90 degrees.
     * @param {number} right  NDC
     * @param {number} up
     */
    turn(right, up) {
        const elevation = this.model.get("elevation") - 90 * up;
        this.move("azimuth", around(this.model.get("azimuth") - 90 * right));
        this.move("elevation", Math.min(Math.max(elevation, -90), 90));
    }

    /**
     * The panel is a map of all directions, as the camera has them: its middle is behind the eye,
     * its sides behind the mesh.
     * @param {number} x
     * @param {number} y
     */
    move_lamp(x, y) {
        const [right, up] = [x, y].map((number) => Math.min(Math.max(number, -1), 1));
        this.move("light_azimuth", around(this.model.get("azimuth") + 180 * right));
        this.move("light_elevation", 90 * up);
        this.lamp.show([right, up]); // at once: the next key may come before the next frame
    }

    /**
     * Sets a trait; until it has been at rest for a while, a slow picture is a coarse one.
     * @param {string} name
     * @param {number} value
     */
    move(name, value) {
        clearTimeout(this.timer);
        this.moving = true;
        this.stage.set(name, value);
    }

    /** @returns {Mesh} */
    mesh() {
        const { verts, faces, colors } = this.model.get("mesh");
        const numbers = (/** @type {(number | null)[][]} */ rows) =>
            Float64Array.from(rows.flat(2), (x) => x === null ? NaN : Number(x));
        return {
            verts: numbers(verts),
            faces: Int32Array.from(faces.flat()),
            colors: numbers(colors),
        };
    }

    draw() {
        for (const panel of [this.picture, this.alpha]) panel.clear("", "Nothing is drawn.");
        const [azimuth, elevation, distance, sigma, gamma] = [
            "azimuth",
            "elevation",
            "distance",
            "sigma",
            "gamma",
        ]
            .map((name) => this.model.get(name));
        this.show_dials({ azimuth, elevation, distance }, sigma, gamma);
        const mesh = this.mesh(), start = performance.now();
        const screen = project(mesh.verts, { azimuth, elevation, distance }, FOV);
        const triangles = gather(screen, mesh.faces);
        check_depths(triangles, distance);
        const towards = direction(
            this.model.get("light_azimuth"),
            this.model.get("light_elevation"),
        );
        const coarse = this.moving && this.slow, size = coarse ? ORBIT_SIZE / 2 : ORBIT_SIZE;
        const options = { size, sigma, gamma, background: BACKGROUND };
        const drawn = rasterize(triangles, shade(mesh, towards), options);
        const time = performance.now() - start;
        if (!coarse) this.slow = time > SLOW;
        clearTimeout(this.timer); // it runs from this picture on: a coarse one always comes first
        this.timer = setTimeout(() => {
            this.moving = false;
            if (coarse) this.stage.redraw();
        }, REST);
        this.show(drawn, size, mesh.faces.length / 3);
        return words(mesh.faces.length / 3, drawn, size, time);
    }

    /**
     * @param {Orbit} orbit
     * @param {number} sigma
     * @param {number} gamma
     */
    show_dials({ azimuth, elevation, distance }, sigma, gamma) {
        this.dials.azimuth(azimuth, azimuth.toFixed(0));
        this.dials.elevation(elevation, elevation.toFixed(0));
        this.dials.distance(distance, distance.toFixed(2));
        this.dials.sigma(Math.log10(sigma), sigma.toExponential(1));
        this.dials.gamma(Math.log10(gamma), gamma.toExponential(1));
        const right = around(this.model.get("light_azimuth") - azimuth) / 180;
        this.lamp.show([right, this.model.get("light_elevation") / 90]);
    }

    /**
     * @param {Drawn} drawn
     * @param {number} size
     * @param {number} faces
     */
    show(drawn, size, faces) {
        const color = new ImageData(size, size), alpha = new ImageData(size, size);
        for (let pixel = 0; pixel < size * size; pixel++) {
            const [r, g, b, a] = drawn.image.subarray(4 * pixel, 4 * pixel + 4);
            color.data.set([255 * r, 255 * g, 255 * b, 255], 4 * pixel); // rounded and clipped
            alpha.data.set([...MAP[Math.round(255 * a)], 255], 4 * pixel);
        }
        const alt = `A mesh of ${faces} faces, softly rasterized. Drag it to turn it.`;
        this.picture.clear("drag to turn; ring: the lamp", alt);
        this.picture.paint(color);
        this.alpha.clear("alpha", "The silhouette: yellow 1, dark blue 0.");
        this.alpha.paint(alpha);
    }
}

/**
 * Degrees from -180 to 180.
 * @param {number} degrees
 */
function around(degrees) {
    return degrees - 360 * Math.round(degrees / 360);
}

/**
 * How far the mesh reaches from the origin.
 * @param {Mesh} mesh
 */
function radius(mesh) {
    let most = 0;
    for (let k = 0; k < mesh.verts.length; k += 3) {
        most = Math.max(most, Math.hypot(mesh.verts[k], mesh.verts[k + 1], mesh.verts[k + 2]));
    }
    return most;
}

/**
 * RangeError if a corner is nearer than NEAR: `render` would cut its face.
 * @param {Float64Array} triangles
 * @param {number} distance
 */
function check_depths(triangles, distance) {
    for (let k = 2; k < triangles.length; k += 3) {
        if (triangles[k] >= NEAR || Number.isNaN(triangles[k])) continue;
        const got = `distance: got ${distance.toFixed(2)}`;
        throw new RangeError(`${got}, wanted more, so that the mesh is ${NEAR} or more away`);
    }
}

/**
 * @param {number} faces
 * @param {Drawn} drawn
 * @param {number} size
 * @param {number} time
 */
function words(faces, drawn, size, time) {
    if (faces === 0) return "There is no face, so nothing is drawn.";
    let covered = 0;
    for (let k = 3; k < drawn.image.length; k += 4) covered += drawn.image[k];
    const share = 100 * covered / (size * size);
    return `${faces} faces, ${size} x ${size} pixels` +
        `${size < ORBIT_SIZE ? " while it moves" : ""}, ${drawn.pairs} pairs, ` +
        `${time.toFixed(0)} ms. The silhouette fills ${share.toFixed(1)} % of the picture.`;
}

/**
 * What anywidget calls, and what a page calls with a `PageModel`.
 * @param {{ model: Model, el: HTMLElement }} place
 */
function render({ model, el }) {
    const explorer = new OrbitMesh(model, el);
    return () => {
        clearTimeout(explorer.timer);
        explorer.stage.close();
    };
}

export default { render };
