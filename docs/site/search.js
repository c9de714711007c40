/**
 * Search in the page itself. The index is a script that is loaded when the search is first opened,
 * since a page that was opened from a folder may load no data.
 */

/** @typedef {[address: string, page: string, section: string, text: string]} Entry */

const MOST = 30; // results
const BEFORE = 60, AFTER = 140; // letters of the text around what was found

/**
 * @param {string} selector
 * @returns {any}
 */
const one = (selector) => document.querySelector(selector);
const dialog = one("#search"), input = one("#search input"), list = one("#search .results");
const up = document.body.dataset.root ?? "";

/** @type {Promise<Entry[]> | undefined} */
let loading;

/** @returns {Promise<Entry[]>} */
function index() {
    loading ??= new Promise((done) => {
        const script = document.createElement("script");
        script.src = `${up}assets/search_index.js`;
        script.onload = () => done(/** @type {any} */ (globalThis).searchIndex);
        document.head.append(script);
    });
    return loading;
}

/**
 * The sections that have all the words, the best first. A word in the title counts most, then in
 * the page's, then a word that begins with it, then how often it is there.
 * @param {Entry[]} entries
 * @param {string[]} words  in lower case
 */
function search(entries, words) {
    const found = [];
    for (const entry of entries) {
        const [page, title, text] = entry.slice(1).map((part) => part.toLowerCase());
        let score = 0;
        for (const word of words) {
            const count = text.split(word).length - 1;
            const here = (title.includes(word) ? 20 : 0) + (page.includes(word) ? 4 : 0) +
                Math.min(count, 8) +
                (count && ` ${text}`.includes(` ${word}`) ? 4 : 0);
            if (here === 0) {
                score = 0;
                break;
            }
            score += here;
        }
        if (score) found.push({ entry, score });
    }
    return found.sort((a, b) => b.score - a.score).map(({ entry }) => entry);
}

/**
 * A piece of the text around the first word, with the words marked.
 * @param {string} text
 * @param {string[]} words
 */
function piece(text, words) {
    const at = Math.max(0, text.toLowerCase().indexOf(words[0]));
    const start = Math.max(0, text.lastIndexOf(" ", Math.max(0, at - BEFORE)));
    const part = (start ? "… " : "") + text.slice(start, at + AFTER).trim() + " …";
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const box = document.createElement("span");
    for (const [k, bit] of part.split(new RegExp(`(${escaped.join("|")})`, "i")).entries()) {
        if (k % 2) box.append(Object.assign(document.createElement("mark"), { textContent: bit }));
        else box.append(bit);
    }
    return box;
}

/**
 * @param {Entry} entry
 * @param {string[]} words
 */
function result([address, page, section, text], words) {
    const link = document.createElement("a"), title = document.createElement("b");
    const where = document.createElement("small");
    link.href = up + address;
    title.textContent = section;
    where.textContent = page === section ? "" : page;
    link.append(where, title, piece(text, words));
    link.addEventListener("click", () => dialog.close());
    const item = document.createElement("li");
    item.append(link);
    return item;
}

async function show() {
    const asked = input.value.trim().toLowerCase();
    const entries = await index();
    if (asked !== input.value.trim().toLowerCase()) return; // typed on while the index came
    const words = asked.split(/\s+/).filter(Boolean);
    const found = words.length ? search(entries, words) : [];
    list.replaceChildren(...found.slice(0, MOST).map((entry) => result(entry, words)));
    const count = found.length === 1 ? "1 section" : `${found.length} sections`;
    const most = found.length > MOST ? `, the first ${MOST} are shown` : "";
    one("#search .found").textContent = words.length ? `${count}${most}` : "";
}

function open() {
    dialog.showModal();
    input.select();
    show();
}

/**
 * The arrow keys go through the results.
 * @param {KeyboardEvent} event
 */
function walk(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (way === undefined) return;
    const stops = [input, ...list.querySelectorAll("a")];
    const next = stops.indexOf(document.activeElement) + way;
    stops[Math.min(Math.max(next, 0), stops.length - 1)].focus();
    event.preventDefault();
}

one(".search-button").addEventListener("click", open);
input.addEventListener("input", show);
dialog.addEventListener("keydown", walk);
dialog.addEventListener("click", (/** @type {Event} */ event) => {
    if (event.target === dialog) dialog.close(); // beside it
});
one("#search form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    const first = list.querySelector("a");
    // The button closes.
    if (event.submitter !== null && document.activeElement !== input) return;
    event.preventDefault();
    first?.click();
});
document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement &&
        event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing && !dialog.open) {
        event.preventDefault();
        open();
    }
});
