/// <reference lib="deno.ns" />
/**
 * Formulas as pictures that need no script and no font: MathJax draws them while the site is made.
 *
 *     deno run --allow-read --allow-env formulas.mjs FOLDER_OF_MATHJAX < formulas.json
 *
 * In: a list of [TeX, is it on a line of its own?]. Out: a list of HTML, each an SVG that is seen
 * and MathML that is heard. A formula that MathJax does not understand ends it.
 */

import { createRequire } from "node:module";

const mathjax = await createRequire(import.meta.url)(`${Deno.args[0]}/node-main.js`).init({
    loader: { load: ["adaptors/liteDOM", "input/tex-full", "output/svg", "[tex]/textmacros"] },
    tex: { packages: { "[+]": ["textmacros"], "[-]": ["noundefined"] }, formatError: refuse },
    svg: { fontCache: "none" },
});

const PHONE = 36; // ex: what a line of a telephone holds

/**
 * @param {unknown} _
 * @param {Error} error
 */
function refuse(_, error) {
    throw error;
}

/**
 * @param {string} tex
 * @param {boolean} display
 */
function typeset(tex, display) {
    const drawn = mathjax.startup.adaptor.innerHTML(mathjax.tex2svg(tex, { display }));
    const heard = mathjax.tex2mml(tex, { display }).replace(/\n\s*/g, "");
    const quiet = drawn.replace('role="img" focusable="false"', 'aria-hidden="true"')
        .replace(/ data-(mml-node|mjx-texclass|c)="[^"]*"/g, "");
    const long = Number(/ width="([\d.]+)ex"/.exec(drawn)?.[1]) > PHONE;
    const kind = display ? "formula formula-display" : long ? "formula formula-long" : "formula";
    return `<span class="${kind}">${quiet}<span class="heard">${heard}</span></span>`;
}

/** @type {[string, boolean][]} */
const formulas = JSON.parse(await new Response(Deno.stdin.readable).text());
const made = formulas.map(([tex, display]) => {
    try {
        return typeset(tex, display);
    } catch (error) {
        throw new Error(`${tex}: ${error}`);
    }
});
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(made)));
